"""Use cases of the people who administer a node or an authority, with plain arguments and results."""
