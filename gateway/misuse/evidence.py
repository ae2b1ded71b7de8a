"""Find in our own evidence what a query about misuse is about, and for which case of ours it was asked.

A message is found by the keyed digest of its id, and its case by the lookup that it was sent for. Both are written with
the message itself, so that no other case of the same practitioner, however close in time, can stand for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.accountability.access_record import open_account, open_message
from gateway.evidence.recorder import open_content
from gateway.ports import KeyVault, Store, Transaction
from gateway.store.tables import evidence_index, evidence_leaves, lookup_messages, lookups, question_signatures
from gateway.store.tables.evidence_leaves import StoredLeaf
from trust.evidence.leaf import Leaf, LeafKind, message_key, parse_leaf
from trust.exchange.message import RequestRef
from trust.identifiers import EntityId
from trust.strict_json import JsonObject

_END = b"\xff" * 16
_MOST = 64
"""Leaves of one message that are looked at: two, and one for each time that it was repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMessage:
    """One message, as our evidence has it.

    ``peer`` is the other agency, ``iss`` the sender. ``id`` is this node's own name for the message, ``leaf`` the id of
    its leaf.
    """

    peer: EntityId
    iss: EntityId
    id: str
    digest: str
    pseudonym: str
    at: datetime
    leaf: bytes


def sent_message(tx: Transaction, ref: RequestRef, *, own: EntityId, to: EntityId, key: bytes) -> FoundMessage | None:
    """Return our own message of these very bytes to this holder, or none."""
    names = (message_key(key, own, ref.jti), ref.jti)
    ids = evidence_index.find(tx, names, before=_END, limit=_MOST)
    messages = (_from_leaf(stored, LeafKind.SENT) for stored in evidence_leaves.get_all(tx, ids))
    return next((each for each in messages if each and each.peer == to and each.digest == ref.digest), None)


def received_messages(tx: Transaction, *, since: datetime, until: datetime) -> Iterator[FoundMessage]:
    """Yield every message that we received of others in a span of time, the latest first."""
    leaves = evidence_leaves.between(tx, since=since, until=until)
    messages = (_from_leaf(stored, LeafKind.RECEIVED) for stored in leaves)
    return (each for each in messages if each and each.iss == each.peer)


def reference_of(tx: Transaction, message: FoundMessage, *, key: bytes) -> RequestRef | None:
    """Return how its sender knows a message that we received; none once that is erased.

    Raises :class:`gateway.keys.sealed.SealBroken`.
    """
    sealed = question_signatures.get(tx, leaf=message.leaf)
    if sealed is not None:
        return RequestRef(jti=open_content(key, message.leaf, sealed)["jti"], digest=message.digest)
    old = [each for each in evidence_leaves.get_all(tx, [message.leaf]) if parse_leaf(each.leaf).version == 1]
    return RequestRef(jti=message.id, digest=message.digest) if old else None


def signature_and_consent(
    store: Store, vault: KeyVault, message: FoundMessage
) -> tuple[JsonObject | None, JsonObject | None]:
    """Return the signature of a message that we received, and the asker's record of consent on which we answered.

    The signature is for a third party to verify; it is :func:`trust.exchange.question_signature.signature_to_json`'s
    form, and holds nothing of the content. Each is none once it is erased. Raises
    :class:`gateway.keys.sealed.SealBroken`.
    """
    sealed = store.read(lambda tx: question_signatures.get(tx, leaf=message.leaf))
    if sealed is None:
        return None, None
    question = open_content(vault.seal_key(), message.leaf, sealed)
    consent = question.get("consent")
    others = {"jti", "consent", "consents", "decision"}
    return {name: value for name, value in question.items() if name not in others}, consent


def _from_leaf(stored: StoredLeaf, kind: LeafKind) -> FoundMessage | None:
    """Return what a leaf of this kind says of a message that came or went under a pseudonym."""
    leaf: Leaf = parse_leaf(stored.leaf)
    if leaf.kind is not kind or leaf.practitioner is None:
        return None
    return FoundMessage(
        peer=EntityId(str(leaf.peer)),
        iss=EntityId(str(leaf.message_iss)),
        id=str(leaf.message_id),
        digest=str(leaf.message_digest),
        pseudonym=leaf.practitioner,
        at=stored.at,
        leaf=stored.id,
    )


def account_of(store: Store, vault: KeyVault, message_id: str) -> JsonObject | None:
    """Return the account of the question that a message of ours was part of: who asked, for which case and why.

    ``message_id`` is this node's own name for it. Raises :class:`gateway.keys.sealed.SealBroken`.
    """
    row_of_message = store.read(lambda tx: lookup_messages.find(tx, message=message_id))
    if row_of_message is None:
        return None
    lookup_id, sealed = row_of_message
    message = open_message(vault.seal_key(), message_id, lookup_id, sealed)
    row = store.read(lambda tx: lookups.find(tx, lookup_id=lookup_id))
    if row is None or row.sealed_request is None:
        return None
    account = open_account(vault.seal_key(), row.id, row.sealed_request)
    return {**account, "client": row.client_id, "lookup": row.id, "message": message["jti"]}
