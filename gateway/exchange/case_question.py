"""A practitioner's question of any kind, as the case API hands it to the asking side."""

from dataclasses import dataclass, field

from gateway.callers import Practitioner
from trust.agreements.clause_selection import QuerySpec
from trust.exchange.break_glass import BreakGlassCode
from trust.exchange.consent import ConsentRecord, consent_to_json
from trust.exchange.kind import ExchangeKind, Query
from trust.exchange.person import Subject
from trust.identifiers import EntityId, PurposeCode, ServiceRef, ServiceSlug
from trust.strict_json import JsonObject

EMERGENCY = "In immediate danger, ring 999."
"""The last line of every answer to a practitioner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A member of the description that tells no one apart, so that the person was asked about without it, and why."""

    member: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """Why break-glass is used: the code, which the holders see, and the reason, which stays here."""

    code: BreakGlassCode
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseQuestion:
    """One query about one person. ``reason`` and ``case_ref`` stay at the asking node.

    ``holders`` is ``None`` for all that an agreement permits. ``consent`` is the record of the person's consent, where
    there is one. ``trace`` is the request's own, for the log, and ``request_id`` its ``X-Request-Id``: they are no part
    of the question.
    """

    kind: ExchangeKind
    query: Query
    subject: Subject
    purpose: PurposeCode
    reason: str
    case_ref: str
    practitioner: Practitioner
    from_service: ServiceSlug
    trace: str
    request_id: str
    holders: frozenset[ServiceRef] | None = None
    consent: ConsentRecord | None = None
    left_out: tuple[LeftOut, ...] = ()
    emergency: Emergency | None = None

    def spec(self, own: EntityId) -> QuerySpec:
        """Return what to select a clause for."""
        return QuerySpec(
            asker=ServiceRef(entity=own, service=self.from_service),
            kind=self.kind,
            purpose=self.purpose,
            role=self.practitioner.role,
            query=self.query,
            holders=self.holders,
            consent=self.consent is not None,
        )

    def to_record(self) -> JsonObject:
        """Return who asked and why, for this node's own sealed record."""
        practitioner = self.practitioner
        optional: JsonObject = {} if self.holders is None else {"holders": sorted(map(str, self.holders))}
        if self.consent is not None:
            optional["consent"] = consent_to_json(self.consent)
        if self.emergency is not None:
            optional["break_glass"] = {"code": self.emergency.code, "reason": self.emergency.reason}
        return {
            **optional,
            "from_service": self.from_service,
            "purpose": self.purpose,
            "reason": self.reason,
            "case_ref": self.case_ref,
            "practitioner": {
                "id": practitioner.id,
                "role": practitioner.role,
                "org_unit": practitioner.org_unit,
                "call_back": practitioner.call_back,
            },
        }
