"""The numbered log of an authority: which members may take part, and since when.

An entry is signed, numbered and stored in the transaction that changes the member's state: the log has no gap, and no
member changes its state without an entry that any peer can relay.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from gateway.authority.errors import MemberChanged
from gateway.ports import KeyVault, Transaction
from gateway.store.tables import members, suspensions
from gateway.store.tables.federation_records import StoredSuspension
from gateway.store.tables.members import Member
from trust import jose
from trust.federation.suspension import Suspension, SuspensionState, build_suspension
from trust.identifiers import EntityId
from trust.keys import KeyUse, Signer

_CACHED = 1_024

EntryBytes = Callable[[StoredSuspension], bytes]
"""Return the signed bytes of an entry as they are relayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """A new state of a member, which must be as it was when the change was planned."""

    member: Member
    state: SuspensionState
    at: datetime


def change_state(tx: Transaction, change: StateChange, *, issuer: EntityId, signer: Signer) -> int:
    """Store a member's new state and the entry that states it; return the entry's number.

    Raises :class:`MemberChanged` where the member changed meanwhile.
    """
    expected = change.member
    current = members.get(tx, entity=expected.entity)
    if current is None or (current.state, current.changed_at) != (expected.state, expected.changed_at):
        raise MemberChanged(
            f"{expected.entity} was changed meanwhile; nothing was done. Look at it again, then repeat this."
        )
    members.set_state(tx, entity=expected.entity, state=change.state, at=change.at)
    return log_state(tx, EntityId(expected.entity), change.state, at=change.at, issuer=issuer, signer=signer)


def log_state(
    tx: Transaction, subject: EntityId, state: SuspensionState, *, at: datetime, issuer: EntityId, signer: Signer
) -> int:
    """Sign and store the next entry of the log; return its number."""
    seq, issued_at = suspensions.next_seq(tx, issuer=issuer), at.replace(microsecond=0)
    entry = Suspension(issuer=issuer, subject=subject, seq=seq, state=state, issued_at=issued_at)
    suspensions.put(tx, StoredSuspension.from_suspension(entry, build_suspension(entry, signer)))
    return entry.seq


def signed_today(own: EntityId, vault: KeyVault) -> EntryBytes:
    """Sign an authority's own entries with the key that signs now, so that they verify after a rotation as well.

    An entry that this key signed already stays as it is, and a new signature is cached: callers are not authenticated,
    and a page of entries must not cost as many signatures.
    """

    @lru_cache(maxsize=_CACHED)
    def sign(entry: StoredSuspension, _kid: str) -> bytes:
        suspension = Suspension(
            issuer=own,
            subject=EntityId(entry.subject),
            seq=entry.seq,
            state=SuspensionState(entry.state),
            issued_at=entry.issued_at,
        )
        return build_suspension(suspension, vault.signer(KeyUse.FEDERATION))

    def entry_bytes(entry: StoredSuspension) -> bytes:
        kid = vault.signer(KeyUse.FEDERATION).kid
        if entry.issuer != own or jose.peek_key_id(entry.raw) == kid:
            return entry.raw
        return sign(entry, kid)

    return entry_bytes
