"""Whether a node or an authority may serve: its clock, its store, its keys."""
