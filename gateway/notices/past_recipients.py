"""Find who was told of a person by one service of this node, from the evidence: each has to hear of a correction.

UK GDPR Article 19: a controller communicates a rectification or an erasure to each recipient of the data, unless
that is impossible or takes a disproportionate effort.

1. A recipient is a service that asked this one and was told fields, or that this one sent a question or a message to.
2. The person is found by identifiers alone: a namesake's recipients must not hear of this person.
3. Each recipient stands there with the newest message by which it was told, by the id that both sides know.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.accountability.access_record import open_message
from gateway.accountability.disclosures import END, MAX_PAGE
from gateway.accountability.subject_buckets import person_keys
from gateway.delivery.sealed_records import open_request
from gateway.evidence.recorder import open_content
from gateway.ports import KeyVault, Store, Transaction
from gateway.store.tables import (
    evidence_index,
    evidence_leaves,
    lookup_messages,
    outbox,
    question_signatures,
    submissions,
)
from trust.evidence.leaf import Leaf, LeafKind, parse_leaf
from trust.exchange.notice import NOTICE
from trust.exchange.person import Subject
from trust.exchange.person_identifiers import IDENTIFIERS, identifier_evidence
from trust.exchange.receipt import ReceiptState
from trust.identifiers import ServiceRef, ServiceSlug

_RECEIPTS = frozenset(map(str, ReceiptState))
"""Outcomes of messages that were taken: their sender told us, and was told nothing."""
_LEAVES_OF_MESSAGE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRecipient:
    """A service that was told something of a person: at last ``at``, in the message ``original``.

    ``fields`` names the fields that it was told in all messages, and no value. ``original`` is none where the
    id of the message is erased.
    """

    service: ServiceRef
    at: datetime
    original: str | None
    fields: tuple[str, ...]


def identified(person: Subject) -> Subject:
    """Return the person by those identifiers alone that are evidence; an empty description where there are none."""
    texts = {name: getattr(person, name) for name in IDENTIFIERS}
    return Subject(**{name: text for name, text in texts.items() if text and identifier_evidence(name, text)})


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRecipients:
    """Read who was told, at one node."""

    store: Store
    vault: KeyVault

    def of_person(self, person: Subject, service: ServiceSlug) -> tuple[PastRecipient, ...]:
        """Return each recipient once, the latest first; none for a person without an identifier.

        Raises :class:`gateway.keys.sealed.SealBroken`.
        """
        keys = person_keys(self.vault.evidence_hmac_key(), identified(person))

        def read(tx: Transaction) -> tuple[PastRecipient, ...]:
            recipients: dict[ServiceRef, PastRecipient] = {}
            for telling in self._tellings(tx, keys, service):
                newest = recipients.get(telling.service, telling)
                original = newest.original or telling.original
                names = tuple(sorted({*newest.fields, *telling.fields}))
                recipients[telling.service] = PastRecipient(
                    service=newest.service, at=newest.at, original=original, fields=names
                )
            return tuple(recipients.values())

        return self.store.read(read)

    def _tellings(self, tx: Transaction, keys: tuple[str, ...], service: ServiceSlug) -> Iterator[PastRecipient]:
        """Yield each message by which a service was told, newest first."""
        names = set[str]()
        for leaf in _leaves(tx, keys):
            name, peer = leaf.message_id, leaf.peer
            if name is None or peer is None or name in names or not leaf.fields:
                continue
            names.add(name)
            recipient = _recipient_of(leaf, service)
            if recipient is None or (leaf.kind is LeafKind.SENT and _is_notice(tx, name)):
                continue
            yield PastRecipient(
                service=ServiceRef(entity=peer, service=recipient),
                at=leaf.at,
                original=self._id_of(tx, leaf, name),
                fields=leaf.fields,
            )

    def _id_of(self, tx: Transaction, leaf: Leaf, name: str) -> str | None:
        """Return the message's own id, which this node keeps sealed."""
        key = self.vault.seal_key()
        if leaf.kind is not LeafKind.SENT:
            return _id_of_question(tx, key, name)
        question = lookup_messages.find(tx, message=name)
        if question is not None:
            lookup, sealed = question
            return str(open_message(key, name, lookup, sealed)["jti"])
        row = outbox.get(tx, message=name)
        submission = None if row is None or row.submission is None else submissions.get(tx, id=row.submission)
        if row is None or submission is None or submission.sealed_request is None:
            return None
        messages = open_request(key, submission.id, submission.sealed_request)["messages"]
        return str(messages[row.service]) if row.service in messages else None


def _leaves(tx: Transaction, keys: tuple[str, ...]) -> Iterator[Leaf]:
    """Yield every leaf that these keys find, newest first."""
    before = END
    while True:
        ids = evidence_index.find(tx, keys, before=before, limit=MAX_PAGE)
        yield from (parse_leaf(stored.leaf) for stored in reversed(evidence_leaves.get_all(tx, ids)))
        if len(ids) < MAX_PAGE:
            return
        before = ids[-1]


def _recipient_of(leaf: Leaf, service: ServiceSlug) -> ServiceSlug | None:
    """Return the service of the peer that was told by this one's message or answer, or none."""
    if leaf.kind is LeafKind.SENT and leaf.from_service == service:
        return leaf.to_service
    was_asked = leaf.kind is LeafKind.RECEIVED and leaf.message_iss == leaf.peer and leaf.to_service == service
    return leaf.from_service if was_asked and leaf.outcome_code not in {*_RECEIPTS, "refused"} else None


def _is_notice(tx: Transaction, name: str) -> bool:
    """Tell whether a message of ours is itself a notice, which corrects what an earlier one told."""
    row = outbox.get(tx, message=name)
    return row is not None and row.kind == NOTICE


def _id_of_question(tx: Transaction, key: bytes, name: str) -> str | None:
    ids = evidence_index.find(tx, (name,), before=END, limit=_LEAVES_OF_MESSAGE)
    sealed = ((leaf, question_signatures.get(tx, leaf=leaf)) for leaf in ids)
    jtis = (open_content(key, leaf, content).get("jti") for leaf, content in sealed if content is not None)
    return next((str(jti) for jti in jtis if jti is not None), None)
