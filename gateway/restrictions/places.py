"""Restrictions on the place of a person for one recipient, found in one read.

1. A person is found by keyed digests of all that question, record or message say of them.
2. A recipient is linked if it was declared to be, or if it is involved with an alleged perpetrator: it asked this node
   about him, sent a message about him, or answered that it knows him.
3. Where only a case system's own flag restricts the place, no link is declared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from secrets import token_urlsafe

from adapters.contract import Candidate
from gateway.accountability.subject_buckets import exact_keys, person_keys
from gateway.ports import KeyVault, Store, Transaction
from gateway.restrictions.declaration import (
    PlaceActor,
    PlaceDeclaration,
    address_texts,
    open_declaration,
    seal_declaration,
)
from gateway.store.tables import evidence_index, evidence_leaves, place_releases, place_restrictions
from gateway.store.tables.place_restrictions import StoredRestriction
from trust.agreements.location import LocationRestriction, RestrictedPlace, merge_restrictions, restricted_texts
from trust.agreements.restricted_text import RestrictedValues
from trust.evidence.leaf import Leaf, LeafKind, parse_leaf
from trust.exchange.kind import QueuedBody
from trust.exchange.message import Message
from trust.exchange.person import Subject
from trust.exchange.persons import ConcernedPerson, Part
from trust.identifiers import EntityId, ServiceRef, ServiceSlug

_END = b"\xff" * 16
"""What sorts after the id of every leaf."""
_LEAVES = 256
_NO_KEYS = ("-",)
_SENDER = "sender"
"""Role and case reference of a restriction that came with a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFinding:
    """What restricts a place for one recipient, and what is hidden."""

    restriction: LocationRestriction
    place: RestrictedPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceQuery:
    """A person whose place may be restricted, the recipient, and the service of this node that would tell it.

    ``keys`` find what is declared of the person, and perhaps what is declared of a namesake; ``release_keys`` find
    releases of this very person. ``is_flagged`` says that a case system's own mark restricts an address.
    """

    keys: tuple[str, ...]
    release_keys: tuple[str, ...]
    recipient: ServiceRef
    service: ServiceSlug
    now: datetime
    is_flagged: bool = False
    perpetrators: tuple[str, ...] = ()
    values: RestrictedValues = field(default_factory=RestrictedValues, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Find restricted places. ``desk_of`` gives the number of the neutral desk behind a service of this node."""

    own: EntityId
    store: Store
    vault: KeyVault
    desk_of: Callable[[ServiceSlug], str | None]

    def find(self, tx: Transaction, query: PlaceQuery) -> PlaceFinding | None:
        """Return what restricts a place, or none."""
        declarations = self._declarations(tx, query.keys)
        is_released = place_releases.is_released(
            tx, query.release_keys or _NO_KEYS, recipient=str(query.recipient), now=query.now
        )
        key = self.vault.evidence_hmac_key()
        him = (*query.perpetrators, *(each for one in declarations for each in one.perpetrator_keys(key)))
        is_involved = self._is_involved(tx, him or _NO_KEYS, query.recipient)
        if not declarations and not query.is_flagged:
            return None
        restriction = merge_restrictions(
            LocationRestriction(
                is_linked=is_involved or each.is_linked(query.recipient),
                has_links=each.has_links,
                is_released=is_released,
            )
            for each in declarations
        ) or LocationRestriction(is_linked=is_involved, is_released=is_released)
        values = RestrictedValues.union((query.values, *(each.values for each in declarations)))
        return PlaceFinding(
            restriction=restriction, place=RestrictedPlace(desk=self.desk_of(query.service), values=values)
        )

    def release_keys(
        self, subject: Subject, record: Candidate | None = None, record_key: str | None = None
    ) -> tuple[str, ...]:
        """Return the keys that find releases of a person as a question and a record describe them."""
        key = self.vault.evidence_hmac_key()
        exact = (*exact_keys(key, subject), *(() if record is None else exact_keys(key, record.person)))
        return tuple(dict.fromkeys((*exact, *(() if record_key is None else (record_key,)))))

    def of_question(
        self, subject: Subject, *, service: ServiceSlug, holder: ServiceRef, now: datetime
    ) -> PlaceFinding | None:
        """Return what restricts the place of the person that this node asks a holder about."""
        query = self._query(subject, service, holder, now)
        return self.store.read(lambda tx: self.find(tx, query))

    def of_message(self, message: Message, body: QueuedBody, *, now: datetime) -> PlaceFinding | None:
        """Return what restricts the places of the persons of a queued message, with the texts that tell one.

        What each person's restriction releases must be released for all of them.
        """
        key, persons = self.vault.evidence_hmac_key(), message.persons
        him = tuple(
            each for one in persons if one.part is Part.ALLEGED_PERPETRATOR for each in person_keys(key, one.subject)
        )
        queries = [
            replace(self._query(one.subject, message.from_service, message.holder, now), perpetrators=him)
            for one in persons
        ]
        findings = [each for each in self.store.read(lambda tx: [self.find(tx, one) for one in queries]) if each]
        restriction = merge_restrictions(each.restriction for each in findings)
        if restriction is None:
            return None
        own = (query.values for query, one in zip(queries, persons, strict=True) if _is_protected(one))
        values = RestrictedValues.union((*own, *(each.place.values for each in findings)))
        texts = restricted_texts(body, persons, values)
        return PlaceFinding(
            restriction=replace(restriction, texts=texts), place=replace(findings[0].place, values=values)
        )

    def restrict_received(self, tx: Transaction, message: Message, *, now: datetime) -> None:
        """Restrict the persons of a message whose sender marked their address, unless they are restricted already.

        No link is declared, so that a named person releases the place from then on.
        """
        key = self.vault.evidence_hmac_key()
        persons = tuple(each.subject for each in message.persons if _is_protected(each))
        persons = tuple(each for each in persons if person_keys(key, each))
        keys = tuple(dict.fromkeys(each for one in persons for each in person_keys(key, one)))
        if not keys or place_restrictions.find(tx, keys):
            return
        declaration = PlaceDeclaration(
            persons=persons,
            by=PlaceActor(name=message.iss, role=_SENDER),
            reason="The sender of a message marked the address as restricted.",
            case_ref=_SENDER,
        )
        restriction = token_urlsafe(16)
        sealed = seal_declaration(self.vault.seal_key(), restriction, declaration)
        stored = StoredRestriction(id=restriction, client_id="", sealed=sealed, declared_at=now)
        place_restrictions.put(tx, stored, keys)

    def _query(self, subject: Subject, service: ServiceSlug, recipient: ServiceRef, now: datetime) -> PlaceQuery:
        return PlaceQuery(
            keys=person_keys(self.vault.evidence_hmac_key(), subject),
            release_keys=self.release_keys(subject),
            recipient=recipient,
            service=service,
            now=now,
            is_flagged=subject.address_restricted,
            values=RestrictedValues.of(texts=address_texts(subject)),
        )

    def values_of(self, persons: Sequence[Subject]) -> RestrictedValues | None:
        """Return what must not be told of these persons in an answer's text, or none where nothing is restricted."""
        key = self.vault.evidence_hmac_key()
        keys = tuple(dict.fromkeys(each for person in persons for each in person_keys(key, person)))
        declarations = self.store.read(lambda tx: self._declarations(tx, keys))
        if not declarations and not any(person.address_restricted for person in persons):
            return None
        own = RestrictedValues.of(texts=[text for person in persons for text in address_texts(person)])
        return RestrictedValues.union((own, *(each.values for each in declarations)))

    def _declarations(self, tx: Transaction, keys: Sequence[str]) -> tuple[PlaceDeclaration, ...]:
        key = self.vault.seal_key()
        rows = place_restrictions.find(tx, keys or _NO_KEYS)
        return tuple(open_declaration(key, each.id, each.sealed) for each in rows)

    def _is_involved(self, tx: Transaction, keys: Sequence[str], recipient: ServiceRef) -> bool:
        """Say whether the evidence shows that a recipient works with a person of these keys."""
        ids = evidence_index.find(tx, keys, before=_END, limit=_LEAVES)
        leaves = (parse_leaf(each.leaf) for each in evidence_leaves.get_all(tx, ids))
        return any(self._shows_involvement(leaf, recipient) for leaf in leaves)

    def _shows_involvement(self, leaf: Leaf, recipient: ServiceRef) -> bool:
        if leaf.kind is not LeafKind.RECEIVED:
            return False
        is_its_message = leaf.message_iss == recipient.entity and leaf.from_service == recipient.service
        is_its_answer = leaf.message_iss == self.own and leaf.peer == recipient.entity
        return is_its_message or (is_its_answer and leaf.to_service == recipient.service and bool(leaf.fields))


def _is_protected(person: ConcernedPerson) -> bool:
    return person.part is not Part.ALLEGED_PERPETRATOR
