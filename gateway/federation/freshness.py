"""What the age of a chain's last good refresh still allows (the profile's section 6).

From which age is for the anchor at the chain's end to say (:mod:`trust.federation.freshness`), within the profile's.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from trust.federation.freshness import Bounds

REFRESH_AFTER = timedelta(minutes=5)


class Freshness(StrEnum):
    """How far a known peer is served while its superior cannot be reached."""

    NORMAL = "normal"
    ALARM = "alarm"
    URGENT_ONLY = "urgent_only"
    CLOSED = "closed"


SERVED = frozenset({Freshness.NORMAL, Freshness.ALARM})
"""The stages at which every clause is served; what is urgent goes on for one more."""


def freshness_of(refreshed_at: datetime, *, bounds: Bounds, now: datetime) -> Freshness:
    """Return the stage of a chain whose oldest superior statement was made at ``refreshed_at``.

    A statement that never moves ages like one that cannot be fetched.
    """
    age = now - refreshed_at
    if age < bounds.alarm_after:
        return Freshness.NORMAL
    return next(stage for stage, begins in reversed(_begins(bounds)) if age >= begins)


def coming_changes(refreshed_at: datetime, *, bounds: Bounds, now: datetime) -> tuple[tuple[Freshness, datetime], ...]:
    """Return the stages that follow unless there is a refresh, and when each begins; nothing follows the last one."""
    coming = [(stage, refreshed_at + begins) for stage, begins in _begins(bounds) if now - refreshed_at < begins]
    passed = {stage for (stage, begins), (_, following) in pairwise(coming) if begins == following}
    return tuple((stage, begins) for stage, begins in coming if stage not in passed)


def next_freshness(refreshed_at: datetime, *, bounds: Bounds, now: datetime) -> tuple[Freshness, datetime] | None:
    """Return the first of :func:`coming_changes`."""
    return next(iter(coming_changes(refreshed_at, bounds=bounds, now=now)), None)


def _begins(bounds: Bounds) -> tuple[tuple[Freshness, timedelta], ...]:
    return (
        (Freshness.ALARM, bounds.alarm_after),
        (Freshness.URGENT_ONLY, bounds.urgent_only_after),
        (Freshness.CLOSED, bounds.closed_after),
    )
