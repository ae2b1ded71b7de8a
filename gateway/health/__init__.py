"""Health of a node or an authority: its clock, its store, its keys."""
