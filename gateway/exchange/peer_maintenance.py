"""Sentences about a peer that is away as it announced (:mod:`trust.federation.maintenance`)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from trust.federation.node_metadata import NodeMetadata
from trust.federation.opening_hours import Fallback

MAINTENANCE = "maintenance"
"""The code of a peer that is away as it announced."""
_ZONE = ZoneInfo("Europe/London")


def away_now(node: NodeMetadata | None, now: datetime) -> str | None:
    """Return that a node is away as it announced, as the end of a sentence; ``None`` where it announced nothing."""
    announced = None if node is None else node.maintenance
    if announced is None or not announced.is_on(now):
        return None
    back, today = announced.ends.astimezone(_ZONE), now.astimezone(_ZONE)
    when = f"{back:%H:%M}" if back.date() == today.date() else f"{back:%H:%M} on {back:%A} {back.day} {back:%B}"
    return f"down for announced maintenance, and means to be back at {when}"


def warn(away: str, fallback: Fallback | None, *, is_red: bool) -> str:
    """Return what a sender is told while a message to such a node waits: for a red one, which telephone to ring."""
    if not is_red:
        return f"Its node is {away}. The message is sent as soon as it is."
    number = "its duty line" if fallback is None else f"{fallback.phone} ({fallback.name})"
    return f"Its node is {away}. Ring {number} now: the alert arrives when it is back."
