"""Adapters for the case systems of one sector."""
