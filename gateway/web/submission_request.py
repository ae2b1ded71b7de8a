"""Request shapes of alerts, referrals and notices on the case API, and the reading of them.

1. One response names every fault: of the shape, of each person, of the details and statements, and between them.
2. Persons are described as the subject of a question is; details and statements are read by the kind's own parser.
3. A rule that only the sending side can check is checked here: views, telling and safe contact of those at risk.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, TypeVar, cast

from pydantic import AwareDatetime, Field, JsonValue, WithJsonSchema

from gateway.callers import CaseCaller
from gateway.delivery.case_submission import CaseSubmission
from gateway.exchange.case_question import LeftOut
from gateway.web import bodies, problem
from gateway.web.case_request import (
    ID_PATTERN,
    MAX_BODY,
    Body,
    Code,
    Line,
    LongLine,
    Phone,
    PractitionerBody,
    Service,
    Slug,
    describe_subject,
    read_model,
)
from gateway.web.face import current_request_id, current_trace
from gateway.web.practitioner import practitioner_of
from gateway.web.problem import Problem
from trust.exchange.consent import EVIDENCE, ConsentForm, ConsentRole
from trust.exchange.errors import Fault, MalformedBody
from trust.exchange.kind import ExchangeKind, QueuedBody
from trust.exchange.message import Handling, Urgency
from trust.exchange.person import subject_to_json
from trust.exchange.persons import (
    MAX_PERSONS,
    MAX_TIMES,
    ConcernedPerson,
    ContactMethod,
    Part,
    WhyNot,
    read_persons,
)
from trust.exchange.reader import MAX_TEXT, Reader
from trust.exchange.statements import MAX_STATEMENT, MAX_STATEMENTS, Standing
from trust.identifiers import PurposeCode, parse_service_ref
from trust.strict_json import JsonObject

MAX_RECIPIENTS = 16
LONGEST_DEADLINE = timedelta(days=366)
_BODY = "body."
_REF_PATTERN = "^p([1-9]|[12][0-9]|3[0-2])$"
_WHY: JsonObject = {"type": "string", "enum": [*WhyNot], "description": "Required with false, and only then."}


def _object(properties: JsonObject, *required: str) -> JsonObject:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


PERSON_SCHEMA: JsonObject = {
    **_object(
        {
            "ref": {"type": "string", "pattern": _REF_PATTERN, "description": "How statements name this person: p1."},
            "part": {"type": "string", "enum": [*Part]},
            "subject": {"$ref": "#/components/schemas/Subject"},
            "views": _object({"sought": {"type": "boolean"}, "why": _WHY}, "sought"),
            "told": _object({"told": {"type": "boolean"}, "why": _WHY}, "told"),
            "safe_contact": _object(
                {
                    "method": {"type": "string", "enum": [*ContactMethod]},
                    "times": {"type": "string", "minLength": 1, "maxLength": MAX_TIMES},
                },
                "method",
            ),
            "consent": _object(
                {
                    "roles": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": [*ConsentRole]}},
                    "given_on": {"type": "string", "format": "date"},
                    "form": {"type": "string", "enum": [*ConsentForm]},
                    "evidence": {"type": "string", "pattern": f"^{EVIDENCE.pattern}$"},
                    "expires_on": {"type": "string", "format": "date"},
                },
                "roles",
                "given_on",
                "form",
                "evidence",
            ),
        },
        "ref",
        "part",
        "subject",
    ),
    "title": "Person",
    "description": (
        "A person of the message; the subject of an alleged perpetrator who is unknown is empty. "
        "Views and telling are required of a victim and of a child, safe contact of a victim. "
        "Each recipient is sent only the persons, and of each the fields, that its agreement's clause grants."
    ),
}
STATEMENT_SCHEMA: JsonObject = {
    **_object(
        {
            "field": {"type": "string", "description": "The field of the topic, service type or notice type."},
            "text": {"type": "string", "minLength": 1, "maxLength": MAX_STATEMENT},
            "about": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": _REF_PATTERN}},
            "standing": {"type": "string", "enum": [*Standing]},
            "source": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT},
            "on": {"type": "string", "format": "date", "description": "The day it was made."},
        },
        "field",
        "text",
        "about",
        "standing",
        "source",
        "on",
    ),
    "title": "Statement",
    "description": "A narrative text, in one line, with its standing and source. It goes only with everyone in about.",
}
DETAILS_SCHEMA: JsonObject = {
    "type": "object",
    "description": "Typed values of the topic, service type or notice type: codes, days, numbers, true or false.",
}


class WorkerBody(PractitionerBody):
    """The worker who sends, as your agency knows them. Recipients see ``name`` and ``call_back``, and no ``id``."""

    name: Line = Field(description="The worker's name, for the recipient.")
    call_back: Phone = Field(description="The number at which the recipient reaches the worker.")


class SubmissionBody(Body):
    """The fields that alerts, referrals and notices have. All recipients are sent to, or none is."""

    MEMBERS: ClassVar[tuple[str, ...]]
    """The members that are the body of the message; the first is its topic, service type or notice type."""

    recipients: list[Service] = Field(
        min_length=1,
        max_length=MAX_RECIPIENTS,
        description="The services to send to, such as https://police.example#pvp.",
    )
    purpose: Code = Field(description="A purpose that an agreement names, such as safeguarding.")
    urgency: Urgency = Field(description="How soon a person must act: red rings the recipient's bell until it is read.")
    reason: LongLine = Field(description="Why this is sent, in the practitioner's words. It stays at your node.")
    case_ref: Line = Field(description="Your own reference for the case. It stays at your node.")
    practitioner: WorkerBody
    from_service: Slug | None = Field(
        default=None, description="Which service sends; may be left out by a client registered for exactly one."
    )
    persons: Annotated[list[JsonValue], WithJsonSchema({"type": "array"})] = Field(min_length=1, max_length=MAX_PERSONS)
    details: Annotated[dict[str, JsonValue], WithJsonSchema(DETAILS_SCHEMA)] = Field(default_factory=dict)
    statements: Annotated[list[JsonValue], WithJsonSchema({"type": "array"})] = Field(
        default_factory=list, max_length=MAX_STATEMENTS
    )
    deadline: AwareDatetime | None = Field(
        default=None, description="When the recipient must have decided, if sooner than the clause says."
    )
    withhold_from_subject: bool = Field(
        default=False, description="That the recipient must not tell the persons of it."
    )
    supersedes: Annotated[str, Field(pattern=ID_PATTERN)] | None = Field(
        default=None, description="The id of your earlier submission of this kind, which this one replaces."
    )


AnySubmission = TypeVar("AnySubmission", bound=SubmissionBody)


def read_submission(
    model: type[AnySubmission], caller: CaseCaller, *, kind: ExchangeKind, now: datetime
) -> tuple[AnySubmission, CaseSubmission]:
    """Read the request's body and return it with what it submits. Raises :class:`Problem` with every fault."""
    body, parts = read_message(model, bodies.read_json_body(max_bytes=MAX_BODY), kind=kind, now=now)
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
        left_out=parts.left_out,
    )
    return body, submission


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageParts:
    """What a request's body says to recipients, checked, and what of its persons' descriptions was left out."""

    body: QueuedBody
    persons: tuple[ConcernedPerson, ...]
    left_out: tuple[LeftOut, ...]


def read_message(
    model: type[AnySubmission], raw: bytes, *, kind: ExchangeKind, now: datetime
) -> tuple[AnySubmission, MessageParts]:
    """Return the body and its parts. Raises :class:`Problem` with every fault."""
    document, shaped, faults = read_model(model, raw)
    left_out: list[LeftOut] = []
    described = _describe(document.get("persons"), now, faults, left_out)
    persons = read_persons(Reader({"persons": described}, faults=faults), this_year=now.year)
    queued = _read_body(kind, {name: document[name] for name in model.MEMBERS if name in document}, faults)
    faults.extend(_faults_of_persons(persons))
    faults.extend(_faults_between(queued, persons))
    if shaped is not None:
        faults.extend(_faults_of_shape(shaped, now))
    if shaped is None or queued is None or faults:
        raise Problem(problem.INVALID_FIELDS, faults=_first_of_each(faults))
    return shaped, MessageParts(body=queued, persons=persons, left_out=tuple(left_out))


def _describe(unverified: object, now: datetime, faults: list[Fault], left_out: list[LeftOut]) -> object:
    """Return the persons with each subject as the wire has it, read in the way in which a question's is."""
    if not isinstance(unverified, list):
        return unverified
    return [
        _described(each, f"persons[{position}]", now, faults, left_out) if isinstance(each, dict) else each
        for position, each in enumerate(unverified[: MAX_PERSONS + 1])
    ]


def _described(
    person: JsonObject, path: str, now: datetime, faults: list[Fault], left_out: list[LeftOut]
) -> JsonObject:
    description, of_subject = describe_subject(person.get("subject"), today=now.date())
    faults.extend(Fault(path=f"{path}.{each.path}", problem=each.problem) for each in of_subject)
    if description is None:
        return {**person, "subject": {}} if of_subject else person
    left_out.extend(LeftOut(member=f"{path}.{each.path}", reason=each.problem) for each in description.left_out)
    return {**person, "subject": subject_to_json(description.subject)}


def _read_body(kind: ExchangeKind, body: JsonObject, faults: list[Fault]) -> QueuedBody | None:
    """Read the body as a recipient would; a member that it would drop is a fault here."""
    try:
        queued = cast("QueuedBody", kind.parsers[max(kind.versions)](body))
    except MalformedBody as malformed:
        faults.extend(replace(each, path=each.path.removeprefix(_BODY)) for each in malformed.faults)
        return None
    faults.extend(Fault(path=name, problem="is not a member of this object; remove it") for name in queued.dropped)
    return queued


def _faults_of_persons(persons: Iterable[ConcernedPerson]) -> Iterator[Fault]:
    for position, person in enumerate(persons):
        path = f"persons[{position}]"
        if person.part in {Part.VICTIM, Part.CHILD}:
            if person.views is None:
                yield Fault(path=f"{path}.views", problem="is missing: say whether views were sought, and if not, why")
            if person.told is None:
                yield Fault(path=f"{path}.told", problem="is missing: say whether the person was told, and if not, why")
        if person.part is Part.VICTIM and person.safe_contact is None:
            yield Fault(path=f"{path}.safe_contact", problem="is missing; its method may be none")


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


def _first_of_each(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Return one fault for each path: the shape and the parser of the kind may both have found it."""
    first: dict[str, Fault] = {}
    for fault in faults:
        first.setdefault(fault.path, fault)
    return tuple(first.values())
