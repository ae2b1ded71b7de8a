"""An alert, referral or notice as the case API hands it over, and the plan for each of its recipients.

1. A submission is accepted whole or not at all: one recipient that may not be sent it refuses it for all.
2. The plan says, before anything is sent, what each recipient gets and why, and what is left out.
3. Nothing of a plan but the names of fields is about a person.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from gateway.callers import CaseRefusal, CaseRefused, Practitioner
from gateway.exchange.case_question import LeftOut
from trust.agreements.clause_selection import QuerySpec
from trust.exchange.errors import Fault
from trust.exchange.kind import ExchangeKind, QueuedBody
from trust.exchange.message import Handling, Urgency
from trust.exchange.persons import ConcernedPerson, person_fields, persons_to_json
from trust.federation.opening_hours import Fallback
from trust.identifiers import EntityId, PurposeCode, ServiceRef, ServiceSlug
from trust.strict_json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSubmission:
    """One message to named services, before anything is decided. ``reason`` and ``case_ref`` stay at the sending node.

    ``recipients`` is never empty. ``worker_name`` goes on the wire beside the practitioner's pseudonym. ``supersedes``
    is the id of an earlier submission of the same client, which this one replaces at the same recipients. ``incident``
    ties the submissions of one run of a play and what follows it up together, and ``play`` is what is recorded of that
    run. ``trace`` and ``request_id`` are the request's own. ``ground`` is there where the kind needs no
    agreement. ``begins_incident`` says that nothing of the incident is there before, and ``not_reached`` names the
    services that the same notice does not reach, which a person tells.
    """

    kind: ExchangeKind
    topic: str
    body: QueuedBody
    persons: tuple[ConcernedPerson, ...]
    urgency: Urgency
    recipients: tuple[ServiceRef, ...]
    purpose: PurposeCode
    reason: str
    case_ref: str
    practitioner: Practitioner
    worker_name: str
    from_service: ServiceSlug
    trace: str
    request_id: str
    deadline: datetime | None = None
    handling: Handling | None = None
    supersedes: str | None = None
    incident: str | None = None
    play: JsonObject | None = None
    left_out: tuple[LeftOut, ...] = ()
    ground: str | None = None
    begins_incident: bool = False
    not_reached: tuple[str, ...] = ()

    def spec(self, own: EntityId) -> QuerySpec:
        """Return what to select clauses for."""
        return QuerySpec(
            asker=ServiceRef(entity=own, service=self.from_service),
            kind=self.kind,
            purpose=self.purpose,
            role=self.practitioner.role,
            query=self.body,
            holders=frozenset(self.recipients),
            consent=any(person.consent is not None for person in self.persons),
            person_fields=person_fields(self.persons),
        )

    def to_record(self) -> JsonObject:
        """Return who submitted what and why, for this node's own sealed record and for its digest."""
        practitioner, handling = self.practitioner, self.handling
        return {
            "kind": self.kind.name,
            "topic": self.topic,
            "body": self.body.to_body(),
            "persons": persons_to_json(self.persons),
            "urgency": str(self.urgency),
            "recipients": sorted(map(str, self.recipients)),
            "purpose": self.purpose,
            "reason": self.reason,
            "case_ref": self.case_ref,
            "from_service": self.from_service,
            "practitioner": {
                "id": practitioner.id,
                "role": practitioner.role,
                "org_unit": practitioner.org_unit,
                "call_back": practitioner.call_back,
                "name": self.worker_name,
            },
            "deadline": None if self.deadline is None else self.deadline.isoformat(),
            "handling": None if handling is None else asdict(handling),
            "supersedes": self.supersedes,
            "incident": self.incident,
            "play": self.play,
            **({} if self.ground is None else {"ground": self.ground}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedRoute:
    """A message that may be sent instead, without consent: its kind and topic, the service, and the clause."""

    kind: str
    topic: str
    purpose: str
    service: str
    organisation: str
    service_name: str
    agreement: str
    clause: str
    law: str

    def __str__(self) -> str:
        """Return it as one sentence."""
        return (
            f"{self.topic} {self.kind} to {self.organisation} ({self.service}) for the purpose {self.purpose}, under "
            f"{self.agreement} clause {self.clause}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRefusal:
    """Why one recipient may not be sent a submission, what would change that, and which routes need no consent."""

    code: str
    reason: str
    remedy: str
    routes: tuple[OfferedRoute, ...] = ()

    @property
    def problem(self) -> str:
        """The refusal as one text for the worker."""
        offers = f"Needs no consent: {'; '.join(map(str, self.routes))}." if self.routes else ""
        return " ".join(filter(None, (self.reason, self.remedy, offers)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientPlan:
    """What one recipient would get, under which clause; with ``refusal`` nothing would be sent.

    ``fields`` go, and ``left_out`` do not, by the names that clauses use. ``persons`` are the refs that go.
    ``decide_by`` is when the recipient must have decided, ``warning`` what the sender is told before sending, such as
    that the service is closed, and ``away`` that its node is, as it announced.
    """

    service: ServiceRef
    organisation: str
    service_name: str
    agreement: str | None = None
    clause: str | None = None
    law: str | None = None
    fields: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    decide_by: datetime | None = None
    fallback: Fallback | None = None
    warning: str | None = None
    away: str | None = None
    refusal: PlanRefusal | None = None

    def to_json(self) -> JsonObject:
        """Return the plan as the sealed record of a submission keeps it."""
        members = asdict(self)
        decide_by = None if self.decide_by is None else self.decide_by.isoformat()
        return {**members, "service": str(self.service), "decide_by": decide_by}


class SubmissionRefused(CaseRefused):
    """No recipient is sent anything. ``faults`` has one sentence for each recipient that is refused."""

    def __init__(self, plans: Iterable[RecipientPlan]) -> None:
        every = tuple(plans)
        refused = [(plan.service, plan.refusal) for plan in every if plan.refusal is not None]
        super().__init__(
            CaseRefusal.NOT_PERMITTED,
            detail=f"{len(refused)} of {len(every)} recipients may not be sent this, so it was sent to none.",
            remedy="Read faults: each names a recipient, why, and what would change it.",
            code=", ".join(sorted({refusal.code for _, refusal in refused})),
        )
        self.faults = tuple(
            Fault(path=f"recipients ({service})", problem=refusal.problem) for service, refusal in refused
        )
