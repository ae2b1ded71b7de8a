"""Decisions by named persons to share, or not to share, outside agreements."""
