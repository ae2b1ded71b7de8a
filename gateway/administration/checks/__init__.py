"""Checks of the doctor: each module one subject, each line a real check."""
