"""Processes: the supervisor, gunicorn's workers, and their hardening."""
