"""Flags: who asked more than is usual, or as one who guesses."""
