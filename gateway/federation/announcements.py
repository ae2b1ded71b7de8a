"""Notice to members of what an entity's only administrator is about to change, in its own metadata."""

from collections.abc import Callable
from datetime import datetime

from gateway.ports import Store
from gateway.store.tables import pending_changes
from trust.federation.party_metadata import AnnouncedChange, build_announced
from trust.strict_json import JsonObject

Announcements = Callable[[datetime], JsonObject]
"""Return what the `federation_entity` metadata states of administrators at one time."""


def no_announcements(now: datetime) -> JsonObject:  # noqa: ARG001 - the port's
    """State nothing: several people administer the entity."""
    return {}


def announcements(store: Store, *, administrators: int) -> Announcements:
    """Return what states the changes of an only administrator, and notes since when members are told of each."""
    if administrators > 1:
        return no_announcements

    def stated(now: datetime) -> JsonObject:
        waiting = store.write(lambda tx: pending_changes.announce(tx, at=now))
        return build_announced(
            [AnnouncedChange(id=each.id, act=each.act, announced_at=each.announced_at or now) for each in waiting]
        )

    return stated
