"""Lookups: who else works with this person, and how to reach them."""
