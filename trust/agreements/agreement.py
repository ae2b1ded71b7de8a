"""The data-sharing agreement: one JSON document that every party signs, byte for byte.

Its members are what the ICO's data sharing code and the Wales Accord (WASPI) ask an agreement to state. The document is
known by the digest of its bytes: another wording is another agreement.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from trust.agreements.clause import Clause, Existence, Onward, read_clause
from trust.agreements.lawful_basis import lookup
from trust.agreements.signature import AgreementSignature, Signatory, build_signature, verify_signature
from trust.claims import digest
from trust.exchange.envelope import MAX_AGREEMENT_VERSION, AgreementRef
from trust.exchange.errors import MalformedAgreement
from trust.exchange.kind import Kinds
from trust.exchange.kinds import KINDS
from trust.exchange.reader import Reader
from trust.identifiers import (
    AgreementId,
    EntityId,
    PurposeCode,
    ServiceRef,
    ServiceSlug,
    parse_code,
    parse_entity_id,
    parse_mark_type,
    parse_slug,
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
_PROSE = (
    "benefits",
    "individuals_informed",
    "consent_text",
    "rights",
    "retention",
    "security",
    "dpia_reference",
)
_MEMBERS = (
    "id",
    "version",
    "title",
    "purposes",
    "parties",
    "powers",
    "items",
    *_PROSE,
    "review_date",
    "valid_from",
    "valid_until",
    "clauses",
    "required_marks",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """Why data is shared: the code that messages carry, and what it means."""

    code: PurposeCode
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """An agency bound by the agreement, with those of its services that take part."""

    entity: EntityId
    name: str
    services: tuple[ServiceSlug, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """An agreement as its document states it. The dates are inclusive; ``ref`` names the document to the byte.

    ``services`` is every service that takes part, gathered from ``parties`` once because every decision asks for it.
    ``required_marks`` are the types of the trust marks that every party must hold when it asks and when it is asked.
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
        return next((clause for clause in self.clauses if clause.id == clause_id), None)

    def party(self, entity: str) -> Party | None:
        """Return the party of that entity identifier."""
        return next((party for party in self.parties if party.entity == entity), None)


class Closure(StrEnum):
    """Why a version never binds again."""

    ENDED = "ended"
    """A party ended it after it had taken effect, and every lower version with it."""
    WITHDRAWN = "withdrawn"
    """A party ended it before it had taken effect; lower versions stay as they were."""
    REPLACED = "replaced"
    """A higher version took effect; every lower version is replaced with it."""


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
    reader = Reader(loads(raw, max_bytes=MAX_BYTES), visible=True)
    reader.refuse_unknown(_MEMBERS)
    ref = AgreementRef(
        id=AgreementId(reader.parsed("id", parse_code)),
        version=reader.whole("version", least=1, most=MAX_AGREEMENT_VERSION),
        digest=digest(raw),
    )
    purposes, parties = _read_purposes(reader), _read_parties(reader)
    services = _services_of(parties)
    valid_from, valid_until = reader.day("valid_from"), reader.day("valid_until")
    law_on = valid_from if valid_from > date.min else date.max  # a faulty date is one fault, not one for each code
    agreement = Agreement(
        ref=ref,
        title=reader.text("title"),
        purposes=purposes,
        parties=parties,
        services=services,
        powers=_read_powers(reader, law_on),
        items=reader.texts("items"),
        **{name: reader.text(name, max_len=MAX_PROSE) for name in _PROSE},
        review_date=reader.day("review_date"),
        valid_from=valid_from,
        valid_until=valid_until,
        clauses=_read_clauses(reader, purposes, services, on=law_on, kinds=kinds),
        required_marks=_read_marks(reader),
    )
    _check_dates(reader, agreement)
    if reader.faults:
        raise MalformedAgreement(reader.faults)
    return agreement


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
    return frozenset(ServiceRef(entity=party.entity, service=slug) for party in parties for slug in party.services)


def _read_purposes(reader: Reader) -> tuple[Purpose, ...]:
    purposes = []
    for nested in reader.children("purposes"):
        nested.refuse_unknown(("code", "description"))
        code = PurposeCode(nested.parsed("code", parse_code))
        purposes.append(Purpose(code=code, description=nested.text("description", max_len=MAX_PROSE)))
    if len({purpose.code for purpose in purposes}) < len(purposes):
        reader.fault("purposes", "names a code twice")
    return tuple(purposes)


def _read_parties(reader: Reader) -> tuple[Party, ...]:
    parties = []
    for nested in reader.children("parties"):
        nested.refuse_unknown(("entity", "name", "services"))
        entity = nested.parsed("entity", parse_entity_id)
        services = nested.parsed_list("services", parse_slug)
        parties.append(Party(entity=entity, name=nested.text("name"), services=services))
    if len({party.entity for party in parties}) < len(parties):
        reader.fault("parties", "names an agency twice; list all its services in one place")
    return tuple(parties)


def _read_powers(reader: Reader, on: date) -> tuple[str, ...]:
    return tuple(entry.code for entry in reader.parsed_list("powers", lambda code: lookup(code, on)))


def _read_clauses(
    reader: Reader, purposes: tuple[Purpose, ...], services: frozenset[ServiceRef], *, on: date, kinds: Kinds
) -> tuple[Clause, ...]:
    codes = frozenset(str(purpose.code) for purpose in purposes)
    clauses = tuple(
        read_clause(nested, services=services, purposes=codes, on=on, kinds=kinds)
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


def _check_dates(reader: Reader, agreement: Agreement) -> None:
    if agreement.valid_from > agreement.valid_until:
        reader.fault("valid_until", "lies before valid_from")
    if not agreement.valid_from <= agreement.review_date <= agreement.valid_until:
        reader.fault("review_date", "must lie between valid_from and valid_until")
