"""Restricted places of persons at this node."""
