"""The keys of a node or an authority: what each is doing, rotate one, revoke one, tell the superior."""
