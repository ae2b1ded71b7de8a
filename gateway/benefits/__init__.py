"""Benefit questions: yes, no or unknown, and a date."""
