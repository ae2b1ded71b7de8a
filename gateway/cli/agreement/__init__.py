"""Agreements: what two agencies may ask of each other, checked, signed by each, and held."""
