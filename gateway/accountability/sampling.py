"""Random choice of the lookups of a vouching case system that its manager justifies (WIRE.md section 4).

The choice is a keyed digest of the lookup's id. The node draws that id itself and the key never leaves it, so a
caller can neither foresee nor try out which lookups are chosen, nor tell afterwards. It stands in the store with the
lookup, so no caller gets another draw.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

from gateway.callers import CaseCaller
from gateway.store.tables.justifications import SampledLookup

WITHIN = timedelta(days=7)
"""How long a manager has."""
_DOMAIN = b"hearthgate sampled lookup v1\0"
_HUNDRED = 100


def sample(caller: CaseCaller, lookup_id: str, *, key: bytes, now: datetime) -> SampledLookup | None:
    """Return the sample that a new lookup is, or none: it was not chosen, or its user signed in."""
    client = caller.client
    if not caller.vouches or not is_sampled(key, lookup_id, client.sample_percent):
        return None
    return SampledLookup(lookup_id=lookup_id, client_id=client.client_id, taken_at=now, due_at=now + WITHIN)


def is_sampled(key: bytes, lookup_id: str, percent: int) -> bool:
    """Tell whether a lookup is among so many in a hundred."""
    number = hmac.digest(key, _DOMAIN + lookup_id.encode(), sha256)
    return int.from_bytes(number[:8]) % _HUNDRED < percent
