"""The data-sharing agreement: one JSON document that every party signs, byte for byte.

Its members are what the ICO's data sharing code and the Wales Accord (WASPI) ask an agreement to state. The document is
known by the digest of its bytes: another wording is another agreement.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from trust.agreements.clause import Clause, Existence, Onward, read_clause
from trust.agreements.confirmation import why_confirmed
from trust.agreements.expected_parties import ExpectedParty, read_expected
from trust.agreements.joining import JoinedParty, JoiningClass, Pairs, read_joining
from trust.agreements.lawful_basis import lookup
from trust.agreements.party import Party, read_parties
from trust.agreements.signature import AgreementSignature, Signatory, build_signature, verify_signature
from trust.claims import digest
from trust.exchange.envelope import MAX_AGREEMENT_VERSION, AgreementRef
from trust.exchange.errors import Fault, MalformedAgreement
from trust.exchange.kind import Kinds
from trust.exchange.kinds import KINDS
from trust.exchange.reader import Reader
from trust.identifiers import (
    AgreementId,
    EntityId,
    PurposeCode,
    ServiceRef,
    parse_code,
    parse_entity_id,
    parse_mark_type,
    service_set,
)
from trust.strict_json import loads

__all__ = [
    "Agreement",
    "AgreementSignature",
    "Clause",
    "Closure",
    "Existence",
    "InForce",
    "NotInForce",
    "Onward",
    "Party",
    "Purpose",
    "Signatory",
    "build_signature",
    "in_force",
    "missing_parties",
    "parse_agreement",
    "verify_signature",
]

MAX_BYTES = 262_144
MAX_PROSE = 4000
MAX_MARKS = 16
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
PROSE = (
    "benefits",
    "individuals_informed",
    "consent_text",
    "rights",
    "retention",
    "security",
    "dpia_reference",
)
"""Texts that a schedule may leave to the overarching agreement that it is under."""
_MEMBERS = (
    "id",
    "version",
    "title",
    "purposes",
    "parties",
    "powers",
    "items",
    *PROSE,
    "review_date",
    "valid_from",
    "valid_until",
    "clauses",
    "required_marks",
    "policy_document",
    "overarching",
    "under",
    "expected",
    "joining",
    "ended_by",
    "suspended_by",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """Why data is shared: the code that messages carry, and what it means."""

    code: PurposeCode
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Under:
    """The overarching agreement of a schedule, in the wording that its parties read."""

    id: AgreementId
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """An agreement as its document states it. The dates are inclusive; ``ref`` names the document to the byte.

    ``services`` is every service that takes part, gathered from ``parties`` once because every decision asks for it.
    ``required_marks`` are the types of the trust marks that every party must hold when it asks and when it is asked.
    ``policy_document`` names the parties' appropriate policy documents. An ``overarching`` agreement has no clause:
    schedules are ``under`` it, and a text that a schedule leaves out is empty here. ``expected`` are the agencies whose
    services the parties expect to be asked. ``joining`` are the classes of agencies that may join. Only the parties of
    ``ended_by`` may end it for all; any may where there are none. Only those of
    ``suspended_by`` may suspend and resume it.

    ``joiners``, ``pairs`` and ``leavers`` are in no document: they are what :mod:`trust.agreements.joined` adds for one
    node, and a sentence for each party that left (:mod:`trust.agreements.leaving`).
    """

    ref: AgreementRef
    title: str
    purposes: tuple[Purpose, ...]
    parties: tuple[Party, ...]
    services: frozenset[ServiceRef]
    powers: tuple[str, ...]
    items: tuple[str, ...]
    benefits: str
    individuals_informed: str
    consent_text: str
    rights: str
    retention: str
    security: str
    dpia_reference: str
    review_date: date
    valid_from: date
    valid_until: date
    clauses: tuple[Clause, ...]
    required_marks: tuple[str, ...] = ()
    policy_document: str = ""
    overarching: bool = False
    under: Under | None = None
    expected: tuple[ExpectedParty, ...] = ()
    joining: tuple[JoiningClass, ...] = ()
    joiners: Mapping[EntityId, JoinedParty] = field(default_factory=dict)
    pairs: Pairs = field(default_factory=dict)
    ended_by: tuple[EntityId, ...] = ()
    suspended_by: tuple[EntityId, ...] = ()
    leavers: Mapping[EntityId, str] = field(default_factory=dict)
    _clauses_by_id: Mapping[str, Clause] = field(init=False, repr=False, compare=False)
    """What a decision looks up; a search would read every clause of it."""

    def __post_init__(self) -> None:
        """Index the clauses."""
        object.__setattr__(self, "_clauses_by_id", {clause.id: clause for clause in reversed(self.clauses)})

    @property
    def id(self) -> AgreementId:
        """The agreement's id, the same in all its versions."""
        return self.ref.id

    @property
    def version(self) -> int:
        """The version of this wording."""
        return self.ref.version

    def clause(self, clause_id: str) -> Clause | None:
        """Return the clause of that id."""
        return self._clauses_by_id.get(clause_id)

    def may_end(self, entity: EntityId) -> bool:
        """Say whether this party may end the agreement for all parties; one that joined may only leave."""
        return self.is_signing_party(entity) and (not self.ended_by or entity in self.ended_by)

    def is_signing_party(self, entity: EntityId) -> bool:
        """Say whether an agency is a party of the document, and not by accession."""
        return self.party(entity) is not None and entity not in self.joiners

    def may_suspend(self, entity: EntityId) -> bool:
        """Say whether this party may suspend the agreement for all parties, and resume it."""
        return entity in self.suspended_by

    def party(self, entity: str) -> Party | None:
        """Return the party of that entity identifier."""
        return next((party for party in self.parties if party.entity == entity), None)

    def joining_class(self, class_id: str) -> JoiningClass | None:
        """Return the class of that id."""
        return next((each for each in self.joining if each.id == class_id), None)

    def marks_of(self, entity: EntityId) -> tuple[str, ...]:
        """Return the types of the trust marks that an agency must hold: those of its class, too, where it joined."""
        joiner = self.joiners.get(entity)
        joining = None if joiner is None else self.joining_class(joiner.class_id)
        return self.required_marks if joining is None else (*self.required_marks, *joining.marks)

    def why_closed(self, entity: EntityId, clause: Clause | None = None) -> str:
        """Say what the pair with an agency waits for, under a clause that lets joiners in, or that the agency has left.

        Empty where neither is so.
        """
        if entity in self.leavers:
            return self.leavers[entity]
        pair = self.pairs.get(entity)
        opens = pair is None or (pair.is_open if clause is None else not (clause.lets_join and why_confirmed(clause)))
        return "" if pair is None or opens else pair.reason


class Closure(StrEnum):
    """Why a version never binds again."""

    ENDED = "ended"
    """A party ended it after it had taken effect, and every lower version with it."""
    WITHDRAWN = "withdrawn"
    """A party ended it before it had taken effect; lower versions stay as they were."""
    REPLACED = "replaced"
    """A higher version took effect; every lower version is replaced with it."""
    LEFT = "left"
    """This party left it; it goes on between the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """An agreement that binds: signed by every party and within its dates when it was looked at."""

    agreement: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class NotInForce:
    """An agreement that does not bind, with the reason and the parties whose signature is missing.

    ``closure`` is set where it never binds again.
    """

    agreement: Agreement
    missing: tuple[EntityId, ...]
    reason: str
    closure: Closure | None = None


def parse_agreement(raw: bytes, kinds: Kinds = KINDS) -> Agreement:
    """Read an agreement document.

    Raises :class:`MalformedAgreement`, whose ``faults`` name everything that is wrong with it, or ``MalformedJson`` and
    ``TooLarge``. Whether it binds its parties is :func:`in_force`'s to say, and what else a draft must keep
    :mod:`trust.agreements.draft`'s.
    """
    agreement, faults = read_agreement(raw, kinds)
    if faults:
        raise MalformedAgreement(faults)
    return agreement


def read_agreement(raw: bytes, kinds: Kinds = KINDS) -> tuple[Agreement, list[Fault]]:
    """Read an agreement document as far as it can be read, with its faults: only a draft may have any.

    Raises ``MalformedJson`` and ``TooLarge``.
    """
    reader = Reader(loads(raw, max_bytes=MAX_BYTES), visible=True)
    reader.refuse_unknown(_MEMBERS)
    ref = AgreementRef(
        id=AgreementId(reader.parsed("id", parse_code)),
        version=reader.whole("version", least=1, most=MAX_AGREEMENT_VERSION),
        digest=digest(raw),
    )
    purposes, parties = _read_purposes(reader), read_parties(reader)
    services, joining = _services_of(parties), read_joining(reader, parties)
    valid_from, valid_until = reader.day("valid_from"), reader.day("valid_until")
    law_on = law_day(valid_from)
    overarching, under = reader.flag("overarching"), _read_under(reader, ref.id)
    prose: dict[str, Any] = {name: _read_prose(reader, name, under) for name in PROSE}
    agreement = Agreement(
        ref=ref,
        title=reader.text("title"),
        purposes=purposes,
        parties=parties,
        services=services,
        powers=_read_powers(reader, law_on, required=not overarching),
        items=reader.texts("items"),
        **prose,
        review_date=reader.day("review_date"),
        valid_from=valid_from,
        valid_until=valid_until,
        clauses=() if overarching else _read_clauses(reader, purposes, services, joining, on=law_on, kinds=kinds),
        required_marks=_read_marks(reader),
        policy_document=reader.optional_text("policy_document", max_len=MAX_PROSE) or "",
        overarching=overarching,
        under=under,
        expected=read_expected(reader),
        joining=joining,
        ended_by=_read_named_parties(reader, "ended_by", parties),
        suspended_by=_read_named_parties(reader, "suspended_by", parties),
    )
    _check_dates(reader, agreement)
    _check_tier(reader, agreement)
    return agreement, reader.faults


def law_day(valid_from: date) -> date:
    """Return the day on which the law of an agreement is looked up.

    A faulty date is one fault, not one for each code, so every code that exists is read then.
    """
    return valid_from if valid_from > date.min else date.max


def in_force(
    agreement: Agreement, signatures: Mapping[EntityId, AgreementSignature], now: datetime
) -> InForce | NotInForce:
    """Say whether the agreement binds at ``now``, given the verified signatures on record.

    1. every party has signed exactly this wording; 2. it has begun; 3. it has not run out. Days are counted in UTC.
    """
    missing = missing_parties(agreement, signatures)
    if missing:  # 1
        names = ", ".join(party.name for party in agreement.parties if party.entity in missing)
        return NotInForce(agreement=agreement, missing=missing, reason=f"It has not been signed by {names}.")
    today = now.astimezone(UTC).date()
    if today < agreement.valid_from:  # 2
        reason = f"It begins on {agreement.valid_from.isoformat()}."
        return NotInForce(agreement=agreement, missing=(), reason=reason)
    if today > agreement.valid_until:  # 3
        reason = f"It ended on {agreement.valid_until.isoformat()}."
        return NotInForce(agreement=agreement, missing=(), reason=reason)
    return InForce(agreement=agreement)


def missing_parties(agreement: Agreement, signatures: Mapping[EntityId, AgreementSignature]) -> tuple[EntityId, ...]:
    """Return the parties that have not signed exactly this wording."""
    return tuple(
        party.entity
        for party in agreement.parties
        if not _signed_by(party.entity, agreement.ref, signatures.get(party.entity))
    )


def _signed_by(party: EntityId, ref: AgreementRef, signature: AgreementSignature | None) -> bool:
    return signature is not None and signature.party == party and signature.agreement == ref


def _services_of(parties: tuple[Party, ...]) -> frozenset[ServiceRef]:
    return service_set(frozenset().union(*(party.service_refs for party in parties)))


def _read_purposes(reader: Reader) -> tuple[Purpose, ...]:
    purposes = []
    for nested in reader.children("purposes"):
        nested.refuse_unknown(("code", "description"))
        code = PurposeCode(nested.parsed("code", parse_code))
        purposes.append(Purpose(code=code, description=nested.text("description", max_len=MAX_PROSE)))
    if len({purpose.code for purpose in purposes}) < len(purposes):
        reader.fault("purposes", "names a code twice")
    return tuple(purposes)


def _read_prose(reader: Reader, name: str, under: Under | None) -> str:
    if under is not None and not reader.has(name):
        return ""
    return reader.text(name, max_len=MAX_PROSE)


def _read_under(reader: Reader, own: AgreementId) -> Under | None:
    nested = reader.child("under", required=False)
    if nested is None:
        return None
    nested.refuse_unknown(("id", "digest"))
    under = AgreementId(nested.parsed("id", parse_code))
    if under and under == own:
        nested.fault("id", "is this agreement's own; name the overarching one")
    return Under(id=under, digest=nested.text("digest", pattern=_DIGEST))


def _read_powers(reader: Reader, on: date, *, required: bool) -> tuple[str, ...]:
    entries = reader.parsed_list("powers", lambda code: lookup(code, on), required=required)
    return tuple(entry.code for entry in entries)


def _read_clauses(
    reader: Reader,
    purposes: tuple[Purpose, ...],
    services: frozenset[ServiceRef],
    joining: tuple[JoiningClass, ...],
    *,
    on: date,
    kinds: Kinds,
) -> tuple[Clause, ...]:
    codes, classes = frozenset(str(purpose.code) for purpose in purposes), frozenset(each.id for each in joining)
    clauses = tuple(
        read_clause(nested, services=services, purposes=codes, classes=classes, on=on, kinds=kinds)
        for nested in reader.children("clauses")
    )
    if len({clause.id for clause in clauses}) < len(clauses):
        reader.fault("clauses", "has two clauses of the same id")
    return clauses


def _read_marks(reader: Reader) -> tuple[str, ...]:
    marks = reader.parsed_list("required_marks", parse_mark_type, required=False)
    if len(marks) > MAX_MARKS:
        reader.fault("required_marks", f"must not name more than {MAX_MARKS} marks")
    return marks


def _read_named_parties(reader: Reader, name: str, parties: tuple[Party, ...]) -> tuple[EntityId, ...]:
    entities = reader.parsed_list(name, parse_entity_id, required=False)
    if not {party.entity for party in parties}.issuperset(entities):
        reader.fault(name, "must name parties of this agreement")
    return tuple(EntityId(each) for each in entities)


def _check_tier(reader: Reader, agreement: Agreement) -> None:
    """Keep two tiers: an overarching agreement permits nothing, and is under none."""
    if agreement.overarching and reader.has("clauses"):
        reader.fault("clauses", "do not belong in an overarching agreement; put them into a schedule under it")
    if agreement.overarching and agreement.under is not None:
        reader.fault("under", "does not belong in an overarching agreement; there are two tiers")


def _check_dates(reader: Reader, agreement: Agreement) -> None:
    if agreement.valid_from > agreement.valid_until:
        reader.fault("valid_until", "lies before valid_from")
    if not agreement.valid_from <= agreement.review_date <= agreement.valid_until:
        reader.fault("review_date", "must lie between valid_from and valid_until")
