"""An incident as a worker describes it once, and the part of it that each step of a play takes.

1. Persons, details and statements are read as those of a single message are, and every fault is named at once.
2. A step takes the persons of its parts, the fields that it lists, and the statements that are about these persons
   alone.
3. What the adult victim wants decides on each step as the play says: only "yes" counts as agreement.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar, cast

from pydantic import Field

from config.plays import MAX_STEPS, Play, PlayStep, VictimSaysNo
from gateway.exchange.case_question import LeftOut
from gateway.web import problem
from gateway.web.case_request import Slug, read_model
from gateway.web.persons_request import ConsentOf, ReportBody, first_of_each, read_reported_persons
from gateway.web.problem import Problem
from gateway.web.submission_request import SubmissionBody
from trust.exchange.details import WORKS_AT, TypedBody
from trust.exchange.errors import Fault, MalformedBody
from trust.exchange.kind import ExchangeKind, QueuedBody
from trust.exchange.persons import ConcernedPerson
from trust.exchange.reader import Reader
from trust.exchange.statements import PersonStatement, cut_statements, read_statements, statements_to_json
from trust.identifiers import ServiceRef, parse_service_ref
from trust.strict_json import JsonObject

ENGAGEMENT = "agreement_to_engage"


class VictimAgrees(StrEnum):
    """Whether the adult victim agrees to what the play does."""

    YES = "yes"
    NO = "no"
    NOT_ASKED = "not_asked"


class IncidentBody(ReportBody):
    """An incident, described once. ``details`` and ``statements`` have the fields that the play names."""

    victim_agrees: VictimAgrees = Field(
        description="Whether the adult victim agrees. The play says of each step what happens otherwise."
    )


class StepChoice(StrEnum):
    """What the worker decided on one step."""

    SEND = "send"
    DROP = "drop"


class RunBody(IncidentBody):
    """An incident, with the worker's decision on each step of the play."""

    steps: dict[Slug, StepChoice] = Field(
        min_length=1, max_length=MAX_STEPS, description="The decision on each step of the play, by its id."
    )


AnyIncident = TypeVar("AnyIncident", bound=IncidentBody)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident that was read without a fault."""

    persons: tuple[ConcernedPerson, ...]
    details: JsonObject
    statements: tuple[PersonStatement, ...]
    victim_agrees: VictimAgrees
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayKind:
    """The kind of exchange of a step, and the members of its body; the first is the topic or service type."""

    kind: ExchangeKind
    members: tuple[str, ...]

    @classmethod
    def of(cls, kind: ExchangeKind, body: type[SubmissionBody]) -> "PlayKind":
        """Return the kind as the case API submits it."""
        return cls(kind=kind, members=body.MEMBERS)

    def parse(self, members: JsonObject) -> QueuedBody:
        """Read a body in the newest version. Raises :class:`MalformedBody`."""
        return cast("QueuedBody", self.kind.parsers[max(self.kind.versions)](members))


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPart:
    """What one step takes. ``recipient`` is ``None`` where it would go to a service that must not receive it.

    ``body`` is ``None`` where the incident lacks something, which ``faults`` name by the incident's own fields.
    """

    step: PlayStep
    dropped: bool
    recipient: ServiceRef | None = None
    persons: tuple[ConcernedPerson, ...] = ()
    body: QueuedBody | None = None
    faults: tuple[Fault, ...] = ()


def read_incident(
    model: type[AnyIncident], raw: bytes, *, play: Play, now: datetime, consent_of: ConsentOf | None = None
) -> tuple[AnyIncident, Incident]:
    """Return the request's body and the incident in it. Raises :class:`Problem` with every fault."""
    document, body, faults = read_model(model, raw)
    reported = read_reported_persons(document, faults, now=now, asks_views=True, consent_of=consent_of)
    fields = {name for step in play.steps for name in step.statements.values()}
    statements = read_statements(Reader({"statements": document.get("statements")}, faults=faults), fields)
    faults.extend(_faults_between(document.get("details"), statements, reported.persons, play))
    if isinstance(body, RunBody):
        faults.extend(_faults_of_choices(body, play))
    if body is None or faults:
        raise Problem(problem.INVALID_FIELDS, faults=first_of_each(faults))
    return body, Incident(
        persons=reported.persons,
        details=dict(body.details),
        statements=statements,
        victim_agrees=body.victim_agrees,
        left_out=reported.left_out,
    )


def step_part(step: PlayStep, kinds: Mapping[str, PlayKind], incident: Incident) -> StepPart:
    """Return what a step takes from an incident."""
    agrees = incident.victim_agrees is VictimAgrees.YES
    part = StepPart(step=step, dropped=not agrees and step.if_victim_says_no is VictimSaysNo.DROP)
    without = frozenset() if agrees else frozenset(step.without)
    persons = tuple(
        person for person in incident.persons if person.part in step.persons and person.part.field not in without
    )
    if not persons:
        fault = Fault(path="persons", problem=f"has no person for this step, which is about {', '.join(step.persons)}")
        return replace(part, faults=(fault,))
    sources = {WORKS_AT: WORKS_AT, **{name: source for name, source in step.details.items() if name not in without}}
    step_kind = kinds[step.kind]
    try:
        body = step_kind.parse(
            _members(step, step_kind, incident, sources, _statements(step, incident, persons, without))
        )
    except MalformedBody as malformed:
        faults = tuple(replace(fault, path=_in_incident(fault.path, sources)) for fault in malformed.faults)
        return replace(part, persons=persons, faults=faults)
    return replace(part, persons=persons, body=body, recipient=_recipient(step, cast("TypedBody", body).conflicts))


def _recipient(step: PlayStep, conflicts: Collection[ServiceRef]) -> ServiceRef | None:
    """Return the service that receives a step: its alternate where an alleged perpetrator works at the first."""
    services = [parse_service_ref(each) for each in (step.to, step.alternate) if each is not None]
    return next((each for each in services if each not in conflicts), None)


def _members(
    step: PlayStep,
    step_kind: PlayKind,
    incident: Incident,
    sources: Mapping[str, str],
    statements: Iterable[PersonStatement],
) -> JsonObject:
    details = {name: incident.details[source] for name, source in sources.items() if source in incident.details}
    members: JsonObject = {
        step_kind.members[0]: step.topic,
        "details": {**details, **step.values},
        "statements": statements_to_json(statements),
    }
    engagement: JsonObject = {ENGAGEMENT: str(incident.victim_agrees)}
    return members | engagement if ENGAGEMENT in step_kind.members else members


def _statements(
    step: PlayStep, incident: Incident, persons: Iterable[ConcernedPerson], without: frozenset[str]
) -> Iterator[PersonStatement]:
    refs = frozenset(person.ref for person in persons)
    for field, source in step.statements.items():
        if field not in without:
            for statement in cut_statements(incident.statements, {source}, refs):
                yield replace(statement, field=field)


def _in_incident(path: str, sources: Mapping[str, str]) -> str:
    """Return the incident's own name of what is at fault in a step's body."""
    name = path.removeprefix("body.")
    member, _, field = name.partition(".")
    return f"details.{sources[field]}" if member == "details" and field in sources else name


def _faults_between(
    details: object, statements: Iterable[PersonStatement], persons: Iterable[ConcernedPerson], play: Play
) -> Iterator[Fault]:
    names = {WORKS_AT, *(name for step in play.steps for name in step.details.values())}
    if isinstance(details, dict) and set(details) - names:
        yield Fault(path="details", problem=f"has a field that no step takes; it may have {', '.join(sorted(names))}")
    refs = {person.ref for person in persons}
    for ref in sorted({ref for each in statements for ref in each.about} - refs):
        yield Fault(path="statements", problem=f"are about {ref}, and no person of the incident has that ref")


def _faults_of_choices(body: RunBody, play: Play) -> Iterator[Fault]:
    steps = [step.id for step in play.steps]
    for step in steps:
        if step not in body.steps:
            yield Fault(path=f"steps.{step}", problem="is missing: send it or drop it")
    if set(body.steps) - set(steps):
        yield Fault(path="steps", problem=f"names a step that the play does not have; it has {', '.join(steps)}")
    if StepChoice.SEND not in body.steps.values():
        yield Fault(path="steps", problem="drops every step, so there is nothing to send")
