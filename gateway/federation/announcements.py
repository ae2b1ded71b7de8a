"""Announcements of changes by an entity's only administrator, in its own metadata."""

from collections.abc import Callable
from datetime import datetime

from gateway.ports import Store
from gateway.store.tables import pending_changes
from trust.federation.party_metadata import AnnouncedChange, build_announced
from trust.strict_json import JsonObject

Announcements = Callable[[datetime], JsonObject]
"""Return the announcements in the `federation_entity` metadata at one time."""


def no_announcements(now: datetime) -> JsonObject:  # noqa: ARG001 - the port's
    """Return no announcements: several people administer the entity."""
    return {}


def announcements(store: Store, *, administrators: int) -> Announcements:
    """Return the announcer of an only administrator's changes; it records since when each is announced."""
    if administrators > 1:
        return no_announcements

    def announce(now: datetime) -> JsonObject:
        waiting = store.write(lambda tx: pending_changes.announce(tx, at=now))
        return build_announced(
            [AnnouncedChange(id=each.id, act=each.act, announced_at=each.announced_at or now) for each in waiting]
        )

    return announce
