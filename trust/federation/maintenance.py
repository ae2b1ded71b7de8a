"""Announced maintenance: from when to when a node is not there, as it states it of itself.

It is published before the node goes away, and stands in the last configuration that its peers hold. It excuses
nothing: trust, deadlines and escalation go on as they would without it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trust import claims
from trust.claims import from_seconds, to_seconds
from trust.errors import MalformedClaims
from trust.strict_json import JsonObject

LONGEST = timedelta(hours=72)
"""How long an announced maintenance may last; a node that is away for longer has no such reason."""
_LATEST = 253_402_300_799
"""The last second of the year 9999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A node is away from `begins` on and means to be back at `ends`."""

    begins: datetime
    ends: datetime

    def is_on(self, now: datetime) -> bool:
        """Say whether the node means to be away now."""
        return self.begins <= now < self.ends


def parse_maintenance(document: JsonObject) -> Maintenance:
    """Read an announcement. Raise MalformedClaims for one that ends before it begins, or lasts too long."""
    begins = from_seconds(claims.require_int(document, "from", maximum=_LATEST))
    ends = from_seconds(claims.require_int(document, "until", maximum=_LATEST))
    if not timedelta() < ends - begins <= LONGEST:
        raise MalformedClaims("'maintenance' must end after it begins, and within 72 hours.")
    return Maintenance(begins=begins, ends=ends)


def maintenance_to_json(maintenance: Maintenance) -> JsonObject:
    """Write an announcement as it stands in the metadata of a node."""
    return {"from": to_seconds(maintenance.begins), "until": to_seconds(maintenance.ends)}
