"""Limits on the use of stale trust chains: the profile's bounds, or shorter ones set by an anchor.

An anchor states its own in its entity configuration, as `hearthgate_refresh_bounds` of its `federation_entity`
(exchange profile section 6). They hold for every chain that ends at it. By these rules:

1. each bound is in whole seconds; one that is left out is the profile's;
2. one that is longer than the profile's is the profile's: an anchor may shorten, never lengthen;
3. none is under ten minutes, since a node asks every five and a single lost answer would then end trust;
4. what is closed is neither served in full nor in what is urgent: a later stage's bound is also that of those before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from trust import claims
from trust.federation.party_metadata import FEDERATION_ENTITY
from trust.strict_json import JsonObject

MEMBER = "hearthgate_refresh_bounds"
_SHORTEST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """From which age of the last good refresh an alarm is due, only what is urgent goes on, and nothing does."""

    alarm_after: timedelta
    urgent_only_after: timedelta
    closed_after: timedelta


PROFILE_BOUNDS = Bounds(
    alarm_after=timedelta(minutes=15), urgent_only_after=timedelta(hours=24), closed_after=timedelta(hours=120)
)
SHORTEST_BOUNDS = Bounds(alarm_after=_SHORTEST, urgent_only_after=_SHORTEST, closed_after=_SHORTEST)
"""What to hold to where a chain leaves out what its anchor says: it could not have said less."""


def parse_bounds(metadata: Mapping[str, JsonObject]) -> Bounds:
    """Read the bounds in an anchor's metadata by the module's rules; raise MalformedClaims."""
    bounds = claims.optional_object(metadata.get(FEDERATION_ENTITY, {}), MEMBER) or {}
    closed = _bound(bounds, "closed", PROFILE_BOUNDS.closed_after)
    urgent_only = min(_bound(bounds, "urgent_only", PROFILE_BOUNDS.urgent_only_after), closed)  # 4
    alarm = min(_bound(bounds, "alarm", PROFILE_BOUNDS.alarm_after), urgent_only)
    return Bounds(alarm_after=alarm, urgent_only_after=urgent_only, closed_after=closed)


def build_bounds(bounds: Bounds) -> JsonObject:
    """Write what goes into an anchor's `federation_entity`: nothing where the bounds are the profile's."""
    if bounds == PROFILE_BOUNDS:
        return {}
    return {
        MEMBER: {
            "alarm": _seconds(bounds.alarm_after),
            "urgent_only": _seconds(bounds.urgent_only_after),
            "closed": _seconds(bounds.closed_after),
        }
    }


def _bound(bounds: JsonObject, name: str, most: timedelta) -> timedelta:
    if name not in bounds:
        return most
    stated_s = claims.require_int(bounds, name, minimum=_seconds(_SHORTEST))  # 1, 3
    return timedelta(seconds=min(stated_s, _seconds(most)))  # 2


def _seconds(bound: timedelta) -> int:
    return int(bound.total_seconds())
