"""The account of disclosures: what was told of a person, to which agency, on which law, and why a question was refused.

It is read from the evidence alone, which holds names of fields and no values:

1. The keys that stand beside the leaves find the leaves of a person, or of a message.
2. All leaves of one message make one entry, at the side that this node was on.
3. The law is that of the clause, in the very wording of the agreement that the message names; or, of a message without
   an agreement, its ground.

A person is found by each identifier that a question or the record which it found says, and by name with birth date, by
which another person of that name and birthday is found as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice

from gateway.accountability.subject_buckets import person_keys
from gateway.ports import Store, Transaction
from gateway.store.tables import agreements, evidence_index, evidence_leaves
from gateway.store.tables.evidence_leaves import StoredLeaf, first_id
from trust.agreements.agreement import Agreement, parse_agreement
from trust.agreements.denial import sentences
from trust.agreements.lawful_basis import law_sentence
from trust.evidence.leaf import Leaf, LeafKind, message_key, parse_leaf, subject_key
from trust.exchange.message import AgreementRef
from trust.exchange.person import Subject
from trust.exchange.person_identifiers import IDENTIFIERS
from trust.identifiers import EntityId

END = b"\xff" * 16
"""What sorts after the id of every leaf."""
MAX_PAGE = 1_000
_LEAVES_OF_MESSAGE = 256


class ExchangeSide(StrEnum):
    """The side of an exchange that this node was on."""

    ASKED_OF_US = "asked_of_us"
    ASKED_BY_US = "asked_by_us"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One question and what became of it. ``id`` is this node's own name for the message.

    ``told`` names what left this node about the person: fields of the record in an answer, members of the description
    in a question. ``learned`` names the fields that came back. ``why`` is a sentence for a refusal. ``ground`` is
    there where no agreement was. ``repeats`` counts
    how often the same answer was given again, ``conflicts`` how often the id came with other bytes, which is told
    nothing.
    """

    id: str
    side: ExchangeSide
    at: datetime
    agency: str | None
    from_service: str | None
    to_service: str | None
    role: str | None
    practitioner: str | None
    agreement: str | None
    clause: str | None
    purpose: str | None
    law: str | None
    outcome: str
    reasons: tuple[str, ...] = ()
    why: str | None = None
    ground: str | None = None
    told: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()
    repeats: int = 0
    conflicts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosurePage:
    """Some disclosures, newest first; ``before`` is where the next page begins, none after the last one."""

    disclosures: tuple[Disclosure, ...]
    before: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosures:
    """Account for what the evidence of one node says. ``key`` is the one that keys it."""

    own: EntityId
    store: Store
    key: bytes = field(repr=False)

    def about_person(self, person: Subject, *, before: bytes = END, limit: int = 100) -> DisclosurePage:
        """Return what was told about a person, by anything that ``person`` says of them."""
        keys = (*person_keys(self.key, person), *self._old_keys(person))

        def read(tx: Transaction) -> DisclosurePage:
            return _Reading(tx).page(evidence_index.find(tx, keys, before=before, limit=limit), limit)

        return self.store.read(read)

    def about_request(self, request: str, *, sender: EntityId | None = None) -> DisclosurePage:
        """Return what became of one request.

        ``request`` is this node's own name for a message, the id of a lookup of ours, the ``X-Request-Id`` of a refused
        one, or, with ``sender``, the id that its sender gave a message.
        """
        names = (request, *(message_key(self.key, each, request) for each in (self.own, sender) if each is not None))

        def read(tx: Transaction) -> DisclosurePage:
            return _Reading(tx).page(evidence_index.find(tx, names, before=END, limit=MAX_PAGE), MAX_PAGE)

        return self.store.read(read)

    def under_agreement(
        self, agreement: str, version: int | None, *, since: datetime, before: bytes = END, limit: int = 100
    ) -> DisclosurePage:
        """Return what was asked under an agreement, or under one version of it, since a moment."""

        def is_meant(stored: StoredLeaf) -> bool:
            leaf = parse_leaf(stored.leaf)
            ref = leaf.agreement
            return ref is not None and ref.id == agreement and version in {None, ref.version} and _opens(leaf)

        def read(tx: Transaction) -> DisclosurePage:
            ids = (each.id for each in _since(tx, since, before) if is_meant(each))
            return _Reading(tx).page(tuple(islice(ids, limit)), limit)

        return self.store.read(read)

    def _old_keys(self, person: Subject) -> Iterator[str]:
        """Yield the digests of a person that leaves of version 1 hold, by each identifier and by name."""
        for name in IDENTIFIERS:
            if getattr(person, name):
                yield subject_key(self.key, Subject(**{name: getattr(person, name)}))
        if person.family_name and person.birth_date:
            yield subject_key(self.key, replace(person, nhs_number=None, upn=None, nino=None, pnc_id=None))


class _Reading:
    """One reading of the evidence, in one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._agreements: dict[str, Agreement | None] = {}

    def page(self, ids: tuple[bytes, ...], limit: int) -> DisclosurePage:
        """Return the entries of the messages that these leaves are of, each message once."""
        disclosures: dict[tuple[str, ExchangeSide], Disclosure] = {}
        for stored in reversed(evidence_leaves.get_all(self._tx, ids)):
            leaf = parse_leaf(stored.leaf)
            name = (str(leaf.message_id), _side(leaf))
            if leaf.message_id is not None and name not in disclosures:
                disclosures[name] = self._disclosure(*name)
        return DisclosurePage(disclosures=tuple(disclosures.values()), before=ids[-1] if len(ids) == limit else None)

    def _disclosure(self, message: str, side: ExchangeSide) -> Disclosure:
        ids = evidence_index.find(self._tx, (message,), before=END, limit=_LEAVES_OF_MESSAGE)
        every = [parse_leaf(stored.leaf) for stored in evidence_leaves.get_all(self._tx, ids)]
        leaves = [leaf for leaf in every if _is_exchange(leaf) and leaf.message_id == message and _side(leaf) is side]
        conflicts = [leaf for leaf in leaves if _is_conflict(leaf)]
        handled = [leaf for leaf in leaves if leaf not in conflicts] or conflicts
        first, last = next(filter(_opens, handled), handled[0]), _last(handled)  # two may be of one instant
        disclosed = {name for leaf in handled if leaf.kind in _TELLING[side] for name in leaf.fields or ()}
        learned = {name for leaf in handled if _is_answer_to_us(leaf) for name in leaf.fields or ()}
        return Disclosure(
            id=message,
            side=side,
            at=first.at,
            agency=first.peer,
            from_service=first.from_service,
            to_service=first.to_service,
            role=first.role,
            practitioner=first.practitioner,
            agreement=f"{first.agreement.id}/{first.agreement.version}" if first.agreement else None,
            clause=first.clause,
            purpose=first.purpose,
            law=self._law(first),
            outcome=last.outcome_code,
            reasons=last.reason_codes,
            why=_why(last),
            ground=first.ground,
            told=tuple(sorted(disclosed)),
            learned=tuple(sorted(learned)),
            repeats=sum(leaf.kind is LeafKind.REPEATED for leaf in leaves),
            conflicts=len(conflicts),
        )

    def _law(self, leaf: Leaf) -> str | None:
        if leaf.ground is not None:
            return law_sentence((leaf.ground,), leaf.at.date())
        agreement = None if leaf.agreement is None else self._agreement(leaf.agreement)
        clause = None if agreement is None or leaf.clause is None else agreement.clause(leaf.clause)
        return None if clause is None else clause.law

    def _agreement(self, ref: AgreementRef) -> Agreement | None:
        if ref.digest not in self._agreements:
            stored = agreements.find_with_ended(self._tx, digest=ref.digest)
            self._agreements[ref.digest] = None if stored is None else parse_agreement(stored.raw)
        return self._agreements[ref.digest]


_TELLING: Mapping[ExchangeSide, frozenset[LeafKind]] = {
    ExchangeSide.ASKED_OF_US: frozenset({LeafKind.ANSWERED, LeafKind.REPEATED}),
    ExchangeSide.ASKED_BY_US: frozenset({LeafKind.SENT}),
}


def _side(leaf: Leaf) -> ExchangeSide:
    """Tell whose question a leaf is about, also where an agency's own services ask each other."""
    unsent = leaf.kind is LeafKind.REFUSED and leaf.message_digest is None
    ours = leaf.kind is LeafKind.SENT or unsent or _is_answer_to_us(leaf)
    return ExchangeSide.ASKED_BY_US if ours else ExchangeSide.ASKED_OF_US


def _is_exchange(leaf: Leaf) -> bool:
    return leaf.kind is not LeafKind.ESCALATED


def _opens(leaf: Leaf) -> bool:
    """Tell whether a leaf is the first of its message at its side."""
    received = leaf.kind is LeafKind.RECEIVED and leaf.answer_digest is None
    return leaf.kind is LeafKind.SENT or received or (leaf.kind is LeafKind.REFUSED and leaf.message_digest is None)


def _is_answer_to_us(leaf: Leaf) -> bool:
    return leaf.kind is LeafKind.RECEIVED and leaf.answer_digest is not None


def _is_conflict(leaf: Leaf) -> bool:
    return leaf.outcome_code == "id_reused"


def _last(leaves: list[Leaf]) -> Leaf:
    """Return what a question came to: its answer, or what there is where none came; a repeat changes nothing."""
    decided = [leaf for leaf in leaves if leaf.kind is not LeafKind.REPEATED] or leaves
    answers = [leaf for leaf in decided if leaf.kind in {LeafKind.ANSWERED, LeafKind.REFUSED} or _is_answer_to_us(leaf)]
    return (answers or decided)[0]


def _why(leaf: Leaf) -> str | None:
    codes = (*leaf.reason_codes, leaf.outcome_code)
    denials = sentences()
    return next((" ".join(denials[code]) for code in codes if code in denials), None)


def _since(tx: Transaction, since: datetime, before: bytes) -> Iterator[StoredLeaf]:
    """Yield the leaves from a moment to just before an id, newest first."""
    first = first_id(since)
    while True:
        page = evidence_leaves.page_between(tx, first=first, end=before, limit=MAX_PAGE)
        yield from page
        if len(page) < MAX_PAGE:
            return
        before = page[-1].id
