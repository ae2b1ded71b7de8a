"""Find in our own evidence what a query about misuse is about, and who of ours it was.

Nothing is kept to find it by: the leaf of a message is known by its time and id, and the practitioner is whoever's
pseudonym for this holder comes out the same, among those who asked at that time. That is a little work, seldom.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.accounts import open_account
from gateway.outbound import pseudonym
from gateway.ports import KeyVault, Store, Transaction
from gateway.sealed import SealBroken
from gateway.store import evidence_leaves, lookups
from trust import strict_json
from trust.evidence.leaf import LeafKind
from trust.exchange.message import RequestRef
from trust.identifiers import EntityId
from trust.strict_json import JsonObject

_MAX_LEAF = 65_536
_BEFORE, _AFTER = timedelta(minutes=6), timedelta(minutes=1)
"""A message lives five minutes, and clocks may be a little apart."""
_ASKED_WITHIN = timedelta(minutes=1)
"""A question is on record for no longer than this before its messages leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMessage:
    """One message, as our evidence has it. ``peer`` is the other agency, ``iss`` whoever sent it."""

    peer: EntityId
    iss: EntityId
    ref: RequestRef
    pseudonym: str
    at: datetime


def sent_message(tx: Transaction, ref: RequestRef, *, to: EntityId, received_at: datetime) -> FoundMessage | None:
    """Return our own message of these very bytes to this holder, or none."""
    sent = _messages(tx, LeafKind.SENT, since=received_at - _BEFORE, until=received_at + _AFTER)
    return next((each for each in sent if each.peer == to and each.ref == ref), None)


def received_messages(tx: Transaction, *, since: datetime, until: datetime) -> Iterator[FoundMessage]:
    """Yield every message that we received of others in a span of time, the latest first."""
    received = _messages(tx, LeafKind.RECEIVED, since=since, until=until)
    return (each for each in received if each.iss == each.peer)


def _messages(tx: Transaction, kind: LeafKind, *, since: datetime, until: datetime) -> Iterator[FoundMessage]:
    """Yield what the leaves of one kind say of messages that came or went under a pseudonym."""
    for stored in evidence_leaves.between(tx, since=since, until=until):
        leaf = strict_json.loads(stored.leaf, max_bytes=_MAX_LEAF)
        if leaf["kind"] == kind and "practitioner" in leaf:
            message = leaf["message"]
            yield FoundMessage(
                peer=EntityId(leaf["peer"]),
                iss=EntityId(message["iss"]),
                ref=RequestRef(jti=message.get("id") or message["jti"], digest=message["digest"]),
                pseudonym=leaf["practitioner"],
                at=stored.at,
            )


def account_of(store: Store, vault: KeyVault, message: FoundMessage) -> JsonObject | None:
    """Return the account of the question that a message of ours was part of: who asked, for which case and why."""
    since = message.at - _ASKED_WITHIN
    rows = store.read(lambda tx: lookups.created_between(tx, since=since, until=message.at))
    for row in rows:
        if row.sealed_request is None:
            continue
        try:
            account = open_account(vault.seal_key(), row.id, row.sealed_request)
        except SealBroken:
            continue
        practitioner = account["practitioner"]
        if pseudonym(vault.pseudonym_key(), practitioner["id"], message.peer) == message.pseudonym:
            return {**account, "client": row.client_id}
    return None
