"""Periodic maintenance of a node and of an authority."""
