"""Lengths of time in words."""

from datetime import timedelta

_DAYS_FROM = 121
_MINUTES_FROM = 120


def words(length: timedelta) -> str:
    """Return a length of time as an administrator would say it: ``40 s``, ``3 h 20 min``, ``12 days``."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < _MINUTES_FROM:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    if not hours:
        return f"{minutes} min"
    if hours < _DAYS_FROM:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"
