"""Persons, statements and worker of a message on the case API: request shapes, and the reading of the persons.

1. Persons are described as the subject of a question is, and each has a part in what happened.
2. Views and telling are asked of those at risk, and safe contact of a victim: only the sending side can check that.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, JsonValue, WithJsonSchema

from gateway.exchange.case_question import LeftOut
from gateway.web.case_request import ID_PATTERN, Body, Line, LongLine, Phone, PractitionerBody, Slug, describe_subject
from trust.exchange.consent import EVIDENCE, ConsentForm, ConsentRecord, ConsentRole, consent_to_json
from trust.exchange.errors import Fault
from trust.exchange.person import Subject, parse_subject, subject_to_json
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
from trust.strict_json import JsonObject

MAX_RECIPIENTS = 16
ConsentOf = Callable[[str, Subject, str | None], ConsentRecord]
"""Return the record of a consent by its id, for a person and, where it is known, a purpose."""
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
                    "id": {
                        "type": "string",
                        "pattern": ID_PATTERN,
                        "description": "A consent that was recorded at this node, in place of all others; else roles, "
                        "given_on, form and evidence are required.",
                    },
                },
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


class ReportBody(Body):
    """What a worker reports: who is concerned, what is known, and why it is passed on."""

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
    withhold_from_subject: bool = Field(
        default=False, description="That the recipient must not tell the persons of it."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedPersons:
    """The persons of a request, and what of their descriptions was left out since it tells no one apart."""

    persons: tuple[ConcernedPerson, ...]
    left_out: tuple[LeftOut, ...]


def read_reported_persons(
    document: JsonObject,
    faults: list[Fault],
    *,
    now: datetime,
    asks_views: bool,
    consent_of: ConsentOf | None = None,
) -> ReportedPersons:
    """Read the member ``persons`` of a request; faults go into the list.

    ``consent_of`` gives the record of a consent that a person names by its id alone.
    """
    left_out: list[LeftOut] = []
    described = _describe(document.get("persons"), now, faults, left_out)
    if consent_of is not None and isinstance(described, list):
        described = [_with_consent(each, consent_of, document.get("purpose")) for each in described]
    persons = read_persons(Reader({"persons": described}, faults=faults), this_year=now.year)
    if asks_views:
        faults.extend(_faults_of_persons(persons))
    return ReportedPersons(persons=persons, left_out=tuple(left_out))


def _with_consent(person: object, consent_of: ConsentOf, purpose: object) -> object:
    """Return a person with the record of the consent that an id names; anything else stays for the reader."""
    if not isinstance(person, dict) or not isinstance(person.get("consent"), dict):
        return person
    consent, subject = person["consent"], person.get("subject")
    if consent.keys() != {"id"} or not isinstance(consent["id"], str) or not isinstance(subject, dict):
        return person
    code = purpose if isinstance(purpose, str) else None
    return {**person, "consent": consent_to_json(consent_of(consent["id"], parse_subject(subject), code))}


def first_of_each(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Return one fault for each path: the shape and the parser of the kind may both have found it."""
    first: dict[str, Fault] = {}
    for fault in faults:
        first.setdefault(fault.path, fault)
    return tuple(first.values())


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
