"""Consistent copies of a store in use, and new stores made of a copy."""
