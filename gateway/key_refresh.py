"""Verify a signature of a party, after a refresh where its key is not known yet."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from gateway.ports import TrustResolver
from trust.errors import NoChain, UnknownKey
from trust.federation.chain import TrustedEntity
from trust.jose import peek_key_id
from trust.keys import KeySet

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


def verify_with_message_keys(
    party: TrustedEntity, raw: bytes, verify: Callable[[KeySet], T], *, directory: TrustResolver, now: datetime
) -> T:
    """Return what ``verify`` makes of ``raw`` with the sender's message keys, as :func:`verify_with_key_refresh` does.

    Raises ``NoChain`` for a sender that is no node.
    """

    def verify_as(signer: TrustedEntity) -> T:
        if signer.node is None:
            raise NoChain("The sender's chain describes no node that may exchange messages.")
        return verify(signer.node.message_keys)

    return verify_with_key_refresh(party, raw, verify_as, directory=directory, now=now)
