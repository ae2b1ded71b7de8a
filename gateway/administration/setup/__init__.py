"""Set-up of a node or an authority: its folder, its configuration file and what runs in front of it."""
