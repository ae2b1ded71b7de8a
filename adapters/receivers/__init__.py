"""Receivers: the ways by which messages of other agencies enter a case system."""
