"""Check lines: sections of them, refusals as lines, and durations in words."""

from datetime import timedelta

from adapters.contract import CheckLine
from gateway.administration.errors import describe_error

Section = tuple[str, list[CheckLine]]
"""A title and its lines."""
_REMEDY = "Correct what stands above under this machine, then run this again."
_HOURS_BELOW = 121
_SECONDS_BELOW = 120


def refused_line(name: str, refused: BaseException, remedy: str = _REMEDY) -> CheckLine:
    """Return the fault of a check that could not be made, with every fault of its error."""
    sentence, faults = describe_error(refused)
    return CheckLine(name=name, ok=False, detail=" ".join((sentence, *faults)), remedy=remedy)


def format_duration(length: timedelta) -> str:
    """Return a duration as an administrator would say it: ``40 s``, ``3 h 20 min``, ``12 days``."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < _SECONDS_BELOW:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    if not hours:
        return f"{minutes} min"
    if hours < _HOURS_BELOW:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"
