"""Request shapes of restricted places, and the reading of a declaration, on the case API and from a file.

Persons are read by the same rules as the subject of a question, and every fault is named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field, JsonValue, WithJsonSchema

from gateway.restrictions.declaration import PlaceActor, PlaceDeclaration
from gateway.web import problem
from gateway.web.case_request import (
    SUBJECT_SCHEMA,
    Body,
    Line,
    LongLine,
    Phone,
    PractitionerBody,
    Service,
    Slug,
    describe_subject,
    read_model,
)
from gateway.web.problem import Problem
from trust.agreements.restricted_text import is_long_enough
from trust.errors import TrustError
from trust.exchange.errors import Fault
from trust.exchange.person import Subject
from trust.identifiers import parse_entity_id, parse_service_ref
from trust.strict_json import JsonObject

MAX_PERSONS = 16
MAX_VALUES = 64
LONGEST_RELEASE = timedelta(days=366)
_PERSON: JsonObject = {"$ref": "#/components/schemas/Subject"}
_PERSONS: JsonObject = {"type": "array", "maxItems": MAX_PERSONS, "items": _PERSON}
Persons = Annotated[list[dict[str, JsonValue]], Field(max_length=MAX_PERSONS), WithJsonSchema(_PERSONS)]


class PlaceBody(Body):
    """The fields that each request about a restricted place has."""

    reason: LongLine = Field(description="Why, in the practitioner's words. It stays at your node, sealed.")
    practitioner: PractitionerBody | None = None
    from_service: Slug | None = Field(
        default=None, description="The service that acts; may be left out by a client registered for exactly one."
    )


class RestrictionBody(PlaceBody):
    """The declaration that no one may learn where persons live unless an agreement authorises the recipient."""

    subject: Annotated[dict[str, JsonValue], WithJsonSchema(SUBJECT_SCHEMA)]
    case_ref: Line = Field(description="Your own reference for the case. It stays at your node.")
    household: Persons = Field(default=[], description="The others who live there, such as the children.")
    alleged_perpetrators: Persons = Field(
        default=[], description="The place is kept from them. A recipient that is involved with them never learns it."
    )
    linked: list[Line] = Field(
        default=[],
        max_length=MAX_VALUES,
        description="Services in full, or whole agencies, that are linked to an alleged perpetrator.",
    )
    texts: list[Line] = Field(
        default=[],
        max_length=MAX_VALUES,
        description="What must not stand in any text: address lines, the names of school and surgery.",
    )
    telephones: list[Phone] = Field(default=[], max_length=MAX_VALUES)
    review_on: date | None = Field(default=None, description="When a person should look at it again.")


class LiftBody(PlaceBody):
    """The wish to lift a restriction. The second person's lifts it."""


class ReviewBody(PlaceBody):
    """The finding that a place stays restricted, with the day of the next review."""

    review_on: date = Field(description="When a person should look at it again, at most a year ahead.")


class ReleaseBody(PlaceBody):
    """What a named person decided on a task: to release the place until a time, or to decline."""

    release: bool
    until: AwareDatetime | None = Field(default=None, description="The end of the release, at most a year ahead.")


class NewReleaseBody(ReleaseBody):
    """The release of a person's place to one recipient that an agreement authorises."""

    subject: Annotated[dict[str, JsonValue], WithJsonSchema(SUBJECT_SCHEMA)]
    recipient: Service


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionRequest:
    """A declaration that was read, but for the person who declares."""

    body: RestrictionBody
    persons: tuple[Subject, ...]
    perpetrators: tuple[Subject, ...]

    def declaration(self, by: PlaceActor) -> PlaceDeclaration:
        """Return the declaration of this person."""
        body = self.body
        return PlaceDeclaration(
            persons=self.persons,
            by=by,
            reason=body.reason,
            case_ref=body.case_ref,
            linked=frozenset(body.linked),
            perpetrators=self.perpetrators,
            texts=tuple(body.texts),
            telephones=tuple(body.telephones),
        )


def read_declaration(raw: bytes, *, now: datetime) -> RestrictionRequest:
    """Read a declaration. Raises :class:`Problem` with every fault."""
    document, body, faults = read_model(RestrictionBody, raw)
    household = _persons(document, "household", faults, now)
    perpetrators = _persons(document, "alleged_perpetrators", faults, now)
    described, about = describe_subject(document.get("subject"), today=now.date())
    faults.extend(about)
    if body is not None:
        faults.extend(_faults_of_values(body))
    if body is None or described is None or faults:
        raise Problem(problem.INVALID_FIELDS, faults=faults)
    return RestrictionRequest(body=body, persons=(described.subject, *household), perpetrators=perpetrators)


def _persons(document: JsonObject, name: str, faults: list[Fault], now: datetime) -> tuple[Subject, ...]:
    persons: list[Subject] = []
    listed = document.get(name)
    for position, each in enumerate(listed if isinstance(listed, list) else ()):
        described, about = describe_subject(each, today=now.date())
        path = f"{name}[{position}]"
        faults.extend(Fault(path=fault.path.replace("subject", path, 1), problem=fault.problem) for fault in about)
        if described is not None:
            persons.append(described.subject)
    return tuple(persons)


def _faults_of_values(body: RestrictionBody) -> Iterator[Fault]:
    for position, name in enumerate(body.linked):
        try:
            parse_service_ref(name) if "#" in name else parse_entity_id(name)
        except TrustError:
            problem_ = "must be a service in full, or the identifier of an agency"
            yield Fault(path=f"linked[{position}]", problem=problem_)
    for position, text in enumerate(body.texts):
        if not is_long_enough(text):
            problem_ = "is too short to be told from other words; give the whole line or name"
            yield Fault(path=f"texts[{position}]", problem=problem_)
