"""Check of a play against the agreements in force, before it is needed.

1. Each step has a kind and topic that plays can send, and a service that an agreement lets this one send it to.
2. The clause gives each role of the play every field that the step takes.
3. Where the step names its clause, that is the clause which would be used.
4. The step says or asks for all that its topic demands, and its fixed values are ones that the topic knows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from config.plays import Play, PlayStep
from gateway.plays.incident import ENGAGEMENT, PlayKind, VictimAgrees
from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.clause_selection import QuerySpec, explain_no_clause, select_clauses
from trust.exchange.errors import MalformedBody
from trust.exchange.kind import ClauseWords
from trust.identifiers import EntityId, PurposeCode, RoleCode, ServiceRef, ServiceSlug, parse_service_ref
from trust.strict_json import JsonObject

_STATEMENT: JsonObject = {"text": "x", "about": ["p1"], "standing": "fact", "source": "x", "on": "2026-01-01"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayFault:
    """What keeps a step from being sent, and what would change that."""

    step: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _StepQuery:
    """What a step would bring, as far as the selection of a clause asks (:class:`trust.exchange.kind.Query`)."""

    fields: frozenset[str]
    clause_words: ClauseWords
    dropped: tuple[str, ...] = ()

    def to_body(self) -> JsonObject:
        """Return nothing: this is never sent."""
        return {}


def check_play(
    play: Play,
    kinds: Mapping[str, PlayKind],
    *,
    own: EntityId,
    hosted: Iterable[ServiceSlug],
    standings: tuple[InForce | NotInForce, ...],
) -> tuple[PlayFault, ...]:
    """Return every fault of a play under the agreements in force; none of them names a person."""
    faults = []
    if play.from_service not in set(hosted):
        faults.append(PlayFault(step="", problem=f"from_service {play.from_service} is no service of this node."))
    asker = ServiceRef(entity=own, service=ServiceSlug(play.from_service))
    for step in play.steps:
        step_kind = kinds.get(step.kind)
        if step_kind is None:
            names = ", ".join(sorted(kinds))
            faults.append(PlayFault(step=step.id, problem=f"kind {step.kind} cannot be sent by a play; use {names}."))
            continue
        faults.extend(_faults_of_content(step, step_kind))
        for role in play.roles:
            faults.extend(_faults_of_step(step, step_kind, asker, RoleCode(role), standings))
    return tuple(faults)


def _faults_of_content(step: PlayStep, step_kind: PlayKind) -> Iterator[PlayFault]:
    """Read the step's body with a statement of each field that it asks for; what a worker fills in may be missing."""
    statements = [{**_STATEMENT, "field": name} for name in step.statements]
    members = {step_kind.members[0]: step.topic, "details": dict(step.values), "statements": statements}
    if ENGAGEMENT in step_kind.members:
        members[ENGAGEMENT] = str(VictimAgrees.YES)
    try:
        step_kind.parse(members)
    except MalformedBody as malformed:
        from_incident = {f"body.details.{name}" for name in step.details}
        for fault in malformed.faults:
            if fault.path not in from_incident:
                problem = f"{fault.path.removeprefix('body.')} {fault.problem}; the topic {step.topic} demands it."
                yield PlayFault(step=step.id, problem=problem)


def _faults_of_step(
    step: PlayStep, step_kind: PlayKind, asker: ServiceRef, role: RoleCode, standings: tuple[InForce | NotInForce, ...]
) -> Iterator[PlayFault]:
    words = step_kind.kind.clause_lists
    query = _StepQuery(fields=step.fields, clause_words={each.name: frozenset({step.topic}) for each in words})
    binding = [each for each in standings if isinstance(each, InForce)]
    for service in (step.to, step.alternate):
        if service is None:
            continue
        spec = QuerySpec(
            asker=asker,
            kind=step_kind.kind,
            purpose=PurposeCode(step.purpose),
            role=role,
            query=query,
            holders=frozenset({parse_service_ref(service)}),
            consent=True,
        )
        selected = select_clauses(binding, spec)
        if not selected:
            denial = explain_no_clause(standings, spec)
            yield PlayFault(step=step.id, problem=f"{service} for {role}: {denial.reason} {denial.remedy}")
            continue
        missing = sorted(step.fields - selected[0].fields)
        clause = selected[0].clause.id
        if missing:
            problem = f"clause {clause} does not give {role} {', '.join(missing)}; take them out, or change the clause."
            yield PlayFault(step=step.id, problem=problem)
        if step.clause is not None and step.clause != clause:
            problem = f"clause {clause} would be used for {service}, not {step.clause}; name it, or correct the step."
            yield PlayFault(step=step.id, problem=problem)
