"""Freshness of a chain, by the age of its last refresh (exchange profile section 6).

The anchor at its end sets the ages (:mod:`trust.federation.freshness`), within those of the profile.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from trust.federation.freshness import Bounds

REFRESH_AFTER = timedelta(minutes=5)


class Freshness(StrEnum):
    """The extent to which a known peer is served while its superior cannot be reached."""

    NORMAL = "normal"
    ALARM = "alarm"
    URGENT_ONLY = "urgent_only"
    CLOSED = "closed"


SERVED = frozenset({Freshness.NORMAL, Freshness.ALARM})
"""The stages at which every clause is served; an urgent one is served at the next stage too."""


def freshness_of(refreshed_at: datetime, *, bounds: Bounds, now: datetime) -> Freshness:
    """Return the freshness of a chain whose oldest superior statement was made at ``refreshed_at``.

    A statement that a superior repeats ages like one that cannot be fetched.
    """
    age = now - refreshed_at
    if age < bounds.alarm_after:
        return Freshness.NORMAL
    return next(stage for stage, begins in reversed(_begins(bounds)) if age >= begins)


def coming_changes(refreshed_at: datetime, *, bounds: Bounds, now: datetime) -> tuple[tuple[Freshness, datetime], ...]:
    """Return the stages that follow without a refresh, and when each begins; none follows the last one."""
    changes = [(stage, refreshed_at + begins) for stage, begins in _begins(bounds) if now - refreshed_at < begins]
    skipped = {stage for (stage, begins), (_, following) in pairwise(changes) if begins == following}
    return tuple((stage, begins) for stage, begins in changes if stage not in skipped)


def next_freshness(refreshed_at: datetime, *, bounds: Bounds, now: datetime) -> tuple[Freshness, datetime] | None:
    """Return the first of :func:`coming_changes`."""
    return next(iter(coming_changes(refreshed_at, bounds=bounds, now=now)), None)


def _begins(bounds: Bounds) -> tuple[tuple[Freshness, timedelta], ...]:
    return (
        (Freshness.ALARM, bounds.alarm_after),
        (Freshness.URGENT_ONLY, bounds.urgent_only_after),
        (Freshness.CLOSED, bounds.closed_after),
    )
