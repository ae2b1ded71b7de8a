"""What the age of a chain's last good refresh still allows (the profile's section 6)."""

from datetime import datetime, timedelta
from enum import StrEnum

REFRESH_AFTER = timedelta(minutes=5)
ALARM_AFTER = timedelta(minutes=15)
URGENT_ONLY_AFTER = timedelta(hours=24)
CLOSED_AFTER = timedelta(hours=120)


class Stage(StrEnum):
    """How far a known peer is served while its superior cannot be reached."""

    NORMAL = "normal"
    ALARM = "alarm"
    URGENT_ONLY = "urgent_only"
    CLOSED = "closed"


_BEGINS = (
    (ALARM_AFTER, Stage.ALARM),
    (URGENT_ONLY_AFTER, Stage.URGENT_ONLY),
    (CLOSED_AFTER, Stage.CLOSED),
)
SERVED = frozenset({Stage.NORMAL, Stage.ALARM})
"""The stages at which every clause is served; what is urgent goes on for one more."""


def stage_of(refreshed_at: datetime, *, now: datetime) -> Stage:
    """Return the stage of a chain whose oldest superior statement was made at ``refreshed_at``.

    A statement that never moves ages like one that cannot be fetched.
    """
    age = now - refreshed_at
    return next((stage for begins, stage in reversed(_BEGINS) if age >= begins), Stage.NORMAL)


def coming_stages(refreshed_at: datetime, *, now: datetime) -> tuple[tuple[Stage, datetime], ...]:
    """Return the stages that follow unless there is a refresh, and when each begins; nothing follows the last one."""
    return tuple((stage, refreshed_at + begins) for begins, stage in _BEGINS if now - refreshed_at < begins)


def next_stage(refreshed_at: datetime, *, now: datetime) -> tuple[Stage, datetime] | None:
    """Return the first of :func:`coming_stages`."""
    return next(iter(coming_stages(refreshed_at, now=now)), None)
