"""A node or an anchor on its own machine: set up, run, upgraded, backed up, restored."""
