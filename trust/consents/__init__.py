"""Consents: who may give one, what its record says, and what ends with it."""
