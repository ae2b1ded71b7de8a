"""Request shapes of alerts, referrals and notices on the case API, and the reading of them.

1. One response names every fault: of the shape, of each person, of the details and statements, and between them.
2. Details and statements are read by the kind's own parser; a member that a recipient would drop is a fault.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, TypeVar, cast

from pydantic import AwareDatetime, Field

from gateway.callers import CaseCaller
from gateway.delivery.case_submission import CaseSubmission
from gateway.exchange.case_question import LeftOut
from gateway.exchange.consent_checks import ResolveConsent
from gateway.web import bodies, problem
from gateway.web.case_request import (
    ID_PATTERN,
    MAX_BODY,
    Code,
    Service,
    read_model,
)
from gateway.web.face import current_request_id, current_trace
from gateway.web.persons_request import (
    MAX_RECIPIENTS,
    ConsentOf,
    ReportBody,
    first_of_each,
    read_reported_persons,
)
from gateway.web.practitioner import practitioner_of
from gateway.web.problem import Problem
from trust.exchange.errors import Fault, MalformedBody
from trust.exchange.kind import ExchangeKind, QueuedBody
from trust.exchange.message import Handling, Urgency
from trust.exchange.persons import (
    ConcernedPerson,
)
from trust.identifiers import PurposeCode, parse_service_ref
from trust.strict_json import JsonObject

LONGEST_DEADLINE = timedelta(days=366)
_BODY = "body."


class SubmissionBody(ReportBody):
    """The fields that alerts, referrals and notices have. All recipients are sent to, or none is."""

    MEMBERS: ClassVar[tuple[str, ...]]
    """The members that are the body of the message; the first is its topic, service type or notice type."""
    ASKS_VIEWS: ClassVar[bool] = True
    """Whether views, telling and safe contact must be stated."""

    recipients: list[Service] = Field(
        min_length=1,
        max_length=MAX_RECIPIENTS,
        description="The services to send to, such as https://police.example#pvp.",
    )
    purpose: Code = Field(description="A purpose that an agreement names, such as safeguarding.")
    urgency: Urgency = Field(description="How soon a person must act: red rings the recipient's bell until it is read.")
    deadline: AwareDatetime | None = Field(
        default=None, description="When the recipient must have decided, if sooner than the clause says."
    )
    supersedes: Annotated[str, Field(pattern=ID_PATTERN)] | None = Field(
        default=None, description="The id of your earlier submission of this kind, which this one replaces."
    )
    incident: Annotated[str, Field(pattern=ID_PATTERN)] | None = Field(
        default=None,
        description="The id of your run of a play that this follows up.",
    )

    @property
    def stated_ground(self) -> str | None:
        """The ground of a message that rests on no agreement."""
        return None


AnySubmission = TypeVar("AnySubmission", bound=SubmissionBody)


def read_submission(
    model: type[AnySubmission],
    caller: CaseCaller,
    *,
    kind: ExchangeKind,
    consents: ResolveConsent,
    now: datetime,
    raw: bytes | None = None,
) -> tuple[AnySubmission, CaseSubmission]:
    """Read the request's body, or ``raw`` in its place, and return it with what it submits.

    Raises :class:`Problem` with every fault, and ``CaseRefused`` for a consent that supports nothing.
    """
    raw = bodies.read_json_body(max_bytes=MAX_BODY) if raw is None else raw
    body, parts = read_message(model, raw, kind=kind, now=now, consent_of=consent_finder(consents, caller, now))
    practitioner, from_service = practitioner_of(caller, body.practitioner, body.from_service)
    submission = CaseSubmission(
        kind=kind,
        topic=str(getattr(body, model.MEMBERS[0])),
        body=parts.body,
        persons=parts.persons,
        urgency=body.urgency,
        recipients=tuple(map(parse_service_ref, body.recipients)),
        purpose=PurposeCode(body.purpose),
        reason=body.reason,
        case_ref=body.case_ref,
        practitioner=practitioner,
        worker_name=body.practitioner.name,
        from_service=from_service,
        trace=current_trace(),
        request_id=current_request_id(),
        deadline=body.deadline,
        handling=Handling(withhold_from_subject=True) if body.withhold_from_subject else None,
        supersedes=body.supersedes,
        incident=body.incident,
        left_out=parts.left_out,
        ground=body.stated_ground,
    )
    return body, submission


def consent_finder(consents: ResolveConsent, caller: CaseCaller, now: datetime) -> ConsentOf:
    """Return what finds the records of this caller's consents."""
    return lambda consent, subject, purpose: consents(caller, consent, subject, purpose, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageParts:
    """What a request's body says to recipients, checked, and what of its persons' descriptions was left out."""

    body: QueuedBody
    persons: tuple[ConcernedPerson, ...]
    left_out: tuple[LeftOut, ...]


def read_message(
    model: type[AnySubmission],
    raw: bytes,
    *,
    kind: ExchangeKind,
    now: datetime,
    consent_of: ConsentOf | None = None,
) -> tuple[AnySubmission, MessageParts]:
    """Return the body and its parts. Raises :class:`Problem` with every fault."""
    document, shaped, faults = read_model(model, raw)
    reported = read_reported_persons(document, faults, now=now, asks_views=model.ASKS_VIEWS, consent_of=consent_of)
    queued = _read_body(kind, {name: document[name] for name in model.MEMBERS if name in document}, faults)
    faults.extend(_faults_between(queued, reported.persons))
    if shaped is not None:
        faults.extend(_faults_of_shape(shaped, now))
    if shaped is None or queued is None or faults:
        raise Problem(problem.INVALID_FIELDS, faults=first_of_each(faults))
    return shaped, MessageParts(body=queued, persons=reported.persons, left_out=reported.left_out)


def _read_body(kind: ExchangeKind, body: JsonObject, faults: list[Fault]) -> QueuedBody | None:
    """Read the body as a recipient would; a member that it would drop is a fault here."""
    try:
        queued = cast("QueuedBody", kind.parsers[max(kind.versions)](body))
    except MalformedBody as malformed:
        faults.extend(replace(each, path=each.path.removeprefix(_BODY)) for each in malformed.faults)
        return None
    faults.extend(Fault(path=name, problem="is not a member of this object; remove it") for name in queued.dropped)
    return queued


def _faults_between(queued: QueuedBody | None, persons: Iterable[ConcernedPerson]) -> Iterator[Fault]:
    unknown = () if queued is None else sorted(queued.refs - {person.ref for person in persons})
    for ref in unknown:
        yield Fault(path="statements", problem=f"are about {ref}, and no person of the message has that ref")


def _faults_of_shape(body: SubmissionBody, now: datetime) -> Iterator[Fault]:
    twice = [service for service, count in Counter(body.recipients).items() if count > 1]
    if twice:
        yield Fault(path="recipients", problem="must not name a service twice")
    if body.deadline is not None and not now < body.deadline <= now + LONGEST_DEADLINE:
        yield Fault(path="deadline", problem="must lie in the future, at most a year ahead")
