"""Logs and metrics, neither of which can carry anything about a person."""
