"""Misuse: asking an agency which of its people it was, and being asked."""
