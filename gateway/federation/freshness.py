"""What the age of a chain's last good refresh still allows (the profile's section 6).

From which age is for the anchor at the chain's end to say (:mod:`trust.federation.freshness`), within the profile's.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from trust.federation.freshness import Bounds

REFRESH_AFTER = timedelta(minutes=5)


class Stage(StrEnum):
    """How far a known peer is served while its superior cannot be reached."""

    NORMAL = "normal"
    ALARM = "alarm"
    URGENT_ONLY = "urgent_only"
    CLOSED = "closed"


SERVED = frozenset({Stage.NORMAL, Stage.ALARM})
"""The stages at which every clause is served; what is urgent goes on for one more."""


def stage_of(refreshed_at: datetime, *, bounds: Bounds, now: datetime) -> Stage:
    """Return the stage of a chain whose oldest superior statement was made at ``refreshed_at``.

    A statement that never moves ages like one that cannot be fetched.
    """
    age = now - refreshed_at
    if age < bounds.alarm_after:
        return Stage.NORMAL
    return next(stage for stage, begins in reversed(_begins(bounds)) if age >= begins)


def coming_stages(refreshed_at: datetime, *, bounds: Bounds, now: datetime) -> tuple[tuple[Stage, datetime], ...]:
    """Return the stages that follow unless there is a refresh, and when each begins; nothing follows the last one."""
    coming = [(stage, refreshed_at + begins) for stage, begins in _begins(bounds) if now - refreshed_at < begins]
    passed = {stage for (stage, begins), (_, following) in pairwise(coming) if begins == following}
    return tuple((stage, begins) for stage, begins in coming if stage not in passed)


def next_stage(refreshed_at: datetime, *, bounds: Bounds, now: datetime) -> tuple[Stage, datetime] | None:
    """Return the first of :func:`coming_stages`."""
    return next(iter(coming_stages(refreshed_at, bounds=bounds, now=now)), None)


def _begins(bounds: Bounds) -> tuple[tuple[Stage, timedelta], ...]:
    return (
        (Stage.ALARM, bounds.alarm_after),
        (Stage.URGENT_ONLY, bounds.urgent_only_after),
        (Stage.CLOSED, bounds.closed_after),
    )
