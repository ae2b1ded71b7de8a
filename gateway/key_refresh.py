"""Verify a signature of a party, after a refresh where its key is not known yet."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from gateway.ports import TrustResolver
from trust.errors import UnknownKey
from trust.federation.chain import TrustedEntity
from trust.jose import peek_key_id

T = TypeVar("T")


def verify_with_key_refresh(
    party: TrustedEntity,
    raw: bytes,
    verify: Callable[[TrustedEntity], T],
    *,
    directory: TrustResolver,
    now: datetime,
) -> T:
    """Return what ``verify`` makes of ``raw`` with the party's keys, which are asked for again once if need be.

    How often that is asked is the directory's to bound. Raises what ``verify`` raises, and ``Untrusted`` where trust in
    the party ended meanwhile.
    """
    try:
        return verify(party)
    except UnknownKey:
        learned = directory.refresh_keys(party.entity_id, peek_key_id(raw), now=now)
        if learned is party:
            raise
        return verify(learned)
