"""Signed statements in a file, for a node that cannot reach those who make them."""
