"""Clients: the case systems of this agency that may use its node."""
