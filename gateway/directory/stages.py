"""What the age of a chain's last good refresh still allows (the profile's section 6, first form)."""

from datetime import datetime, timedelta
from enum import StrEnum

ALARM_AFTER = timedelta(minutes=15)
URGENT_ONLY_AFTER = timedelta(hours=24)
CLOSED_AFTER = timedelta(hours=120)


class Stage(StrEnum):
    """How far a known peer is served while its superior cannot be reached."""

    NORMAL = "normal"
    ALARM = "alarm"
    URGENT_ONLY = "urgent_only"
    CLOSED = "closed"


def stage_of(refreshed_at: datetime, *, now: datetime) -> Stage:
    """Return the stage of a chain whose superior statement was made at ``refreshed_at``.

    A statement that never moves ages like one that cannot be fetched.
    """
    age = now - refreshed_at
    if age >= CLOSED_AFTER:
        return Stage.CLOSED
    if age >= URGENT_ONLY_AFTER:
        return Stage.URGENT_ONLY
    return Stage.ALARM if age >= ALARM_AFTER else Stage.NORMAL
