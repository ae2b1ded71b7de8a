"""Scenes for properties of decisions: an agreement of several clauses of all kinds, questions, and narrowings of it."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.trust.agreements.queued_examples import RECIPIENT, SENDER, clause_of, document
from tests.trust.exchange.examples import TRUST
from tests.trust.exchange.queued_examples import BODIES
from trust.agreements.agreement import Agreement, parse_agreement
from trust.agreements.decision import (
    LocalPolicy,
    MatchOutcome,
    PersonRestrictions,
    Restriction,
)
from trust.agreements.location import LocationRestriction
from trust.exchange.consent import ConsentForm, ConsentRecord, ConsentRole
from trust.exchange.kinds import KINDS
from trust.identifiers import KindName, RoleCode

T = TypeVar("T")
QUERY = KindName("involvement.query")
TEAM = f"{TRUST}#community-team"
HOLDERS = [RECIPIENT, TEAM]
ROLES = ["key-worker", "duty-officer"]
PERPETRATOR = "persons.alleged_perpetrator"
CONSENT_FIELD = "persons.consent"
"""The record of a consent goes with a message whose clause or statute rests on it, named or not: it is the proof."""
MARK = "https://anchor.example/marks/data-protection-assured"
BASES = [["6-1-e", "ca2004-s11"], ["6-1-e", "ca2004-s11", "confidentiality.consent"]]
QUEUED = [name for name in sorted(BODIES) if KINDS[BODIES[name][0]].queued]
CONSENT = ConsentRecord(
    roles=frozenset({ConsentRole.CONFIDENTIALITY}),
    given_on=date(2026, 8, 31),
    form=ConsentForm.WRITTEN,
    evidence="CF-2026/114",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An agreement, and what both agencies know."""

    terms: dict[str, Any]
    in_force: bool = True
    marks: frozenset[str] = frozenset({MARK})
    local: LocalPolicy = field(default_factory=LocalPolicy)
    ended: frozenset[str] = frozenset()
    restrictions: PersonRestrictions = field(default_factory=PersonRestrictions)

    @property
    def agreement(self) -> Agreement:
        """The agreement as it is read."""
        return parse_agreement(json.dumps(self.terms).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked or sent: ``name`` is that of a queued body, or none for a query."""

    clause: str
    role: str
    holder: str
    name: str | None
    fields: frozenset[str] | None
    consent: ConsentRecord | None
    match: MatchOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What leaves: fields, the body of a queued message, and whether the place of a restricted person is among it."""

    fields: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()
    place: bool = False

    def within(self, other: "Outcome") -> bool:
        """Say whether all of it leaves by the other outcome too."""
        return self.fields <= other.fields and set(self.texts) <= set(other.texts) and self.place <= other.place


def mostly_first(values: Sequence[T]) -> st.SearchStrategy[T]:
    """Draw the first of some values more often than the others together."""
    return st.sampled_from([*([values[0]] * (len(values) + 1)), *values])


def fields_of(kind: KindName) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(KINDS[kind].fields)), min_size=1, unique=True).map(sorted)


@st.composite
def clauses(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """Draw a clause of any kind for some roles and holders."""
    kind = draw(st.sampled_from([QUERY, QUERY, *sorted({BODIES[name][0] for name in QUEUED})]))
    roles = draw(st.lists(st.sampled_from(ROLES), min_size=1, unique=True))
    holders = draw(st.lists(st.sampled_from(HOLDERS), min_size=1, unique=True)) if kind == QUERY else [RECIPIENT]
    fields_by_role = {
        role: draw(fields_of(kind) | st.just(sorted(KINDS[kind].fields - {PERPETRATOR}))) for role in roles
    }
    names_him = any(PERPETRATOR in each for each in fields_by_role.values())
    location_recipients = draw(st.sampled_from([[], [SENDER], [RECIPIENT], [SENDER, RECIPIENT]]))
    drawn: dict[str, Any] = {
        "id": f"clause-{number}",
        "holders": holders,
        "fields_by_role": fields_by_role,
        "basis": BASES[0] if names_him else draw(st.sampled_from(BASES)),
        "location_recipients": [each for each in location_recipients if each in {SENDER, *holders}],
    }
    return query_clause(**drawn) if kind == QUERY else clause_of(kind, **drawn)


def query_clause(**changes: Any) -> dict[str, Any]:
    """Give a clause on queries, with some members changed."""
    members = clause_of(KindName("alert")) | {"kind": QUERY} | changes
    return {name: value for name, value in members.items() if name != "topics"}


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Draw an agreement of one to four clauses, some of it already narrow."""
    drawn = [draw(clauses(number)) for number in range(draw(st.integers(1, 4)))]
    terms = document(*drawn) | {"version": draw(st.integers(1, 3))}
    if draw(st.booleans()):
        terms["required_marks"] = [MARK]
    return Scene(terms=terms, restrictions=draw(st.sampled_from(RESTRICTIONS)))


RESTRICTIONS = [
    PersonRestrictions(),
    PersonRestrictions(),
    PersonRestrictions(location=LocationRestriction(has_links=True)),
    PersonRestrictions(location=LocationRestriction(is_released=True)),
]


@st.composite
def questions(draw: st.DrawFn, scene: Scene) -> Question:
    """Draw a question under a clause of the scene, mostly one that fits it."""
    clause = draw(mostly_first(scene.terms["clauses"]))
    fitting = [name for name in QUEUED if BODIES[name][0] == clause["kind"]]
    return Question(
        clause=clause["id"],
        role=draw(mostly_first([*clause["fields_by_role"], *ROLES])),
        holder=draw(mostly_first([*clause["holders"], *HOLDERS])),
        name=draw(st.sampled_from(fitting)) if fitting else None,
        fields=draw(st.none() | st.frozensets(st.sampled_from(sorted(KINDS[QUERY].fields)), min_size=1)),
        consent=draw(mostly_first([CONSENT, None])),
        match=draw(mostly_first([*MatchOutcome])),
    )


def drop_field(data: st.DataObject, scene: Scene) -> Scene:
    """Take a field from a role in a clause."""
    return _changed(data, scene, "fields_by_role", _without_a_field)


def _without_a_field(data: st.DataObject, roles: dict[str, list[str]]) -> dict[str, list[str]]:
    role = data.draw(st.sampled_from(sorted(roles)))
    rest = list(roles[role])
    if len(rest) > 1:
        rest.remove(data.draw(st.sampled_from(rest)))
    return {**roles, role: rest}


def drop_role(data: st.DataObject, scene: Scene) -> Scene:
    """Take a role from a clause."""
    return _changed(data, scene, "fields_by_role", lambda _, roles: dict(list(roles.items())[:1]))


def drop_holder(data: st.DataObject, scene: Scene) -> Scene:
    """Take a holder from a clause."""
    return _changed(data, scene, "holders", lambda _, holders: holders[:1])


def drop_recipients(data: st.DataObject, scene: Scene) -> Scene:
    """Let no service learn a restricted place under a clause."""
    return _changed(data, scene, "location_recipients", lambda _, _recipients: [])


def need_consent(data: st.DataObject, scene: Scene) -> Scene:
    """Rest a clause on consent too."""
    terms = deepcopy(scene.terms)
    clause = data.draw(mostly_first(terms["clauses"]))
    if not any(PERPETRATOR in each for each in clause["fields_by_role"].values()):
        clause["basis"] = BASES[1]
    return replace(scene, terms=terms)


def drop_clause(data: st.DataObject, scene: Scene) -> Scene:
    """Take a clause from the agreement."""
    terms = deepcopy(scene.terms)
    if len(terms["clauses"]) > 1:
        terms["clauses"].remove(data.draw(mostly_first(terms["clauses"])))
    return replace(scene, terms=terms)


def need_mark(_: st.DataObject, scene: Scene) -> Scene:
    """Demand a trust mark."""
    return replace(scene, terms=scene.terms | {"required_marks": [MARK]})


def lose_mark(_: st.DataObject, scene: Scene) -> Scene:
    """Let the sender hold no mark."""
    return replace(scene, marks=frozenset())


def not_in_force(_: st.DataObject, scene: Scene) -> Scene:
    """Let the agreement end."""
    return replace(scene, in_force=False)


def withdraw(data: st.DataObject, scene: Scene) -> Scene:
    """Withdraw a clause from a service, for one role or for all."""
    restriction = Restriction(
        agreement=scene.terms["id"],
        clause=data.draw(mostly_first(scene.terms["clauses"]))["id"],
        role=data.draw(st.none() | st.sampled_from([RoleCode(role) for role in ROLES])),
    )
    return replace(scene, local=LocalPolicy(restrictions=(*scene.local.restrictions, restriction)))


def end_consents(data: st.DataObject, scene: Scene) -> Scene:
    """Let the consent of a person be known to have ended."""
    return replace(scene, ended=scene.ended | {data.draw(st.sampled_from(["subject", "p1", "p2", "p3"]))})


def restrict(data: st.DataObject, scene: Scene) -> Scene:
    """Withhold a record, count its consent no longer, or restrict the person's place."""
    known = scene.restrictions
    changes: list[PersonRestrictions] = [
        replace(known, withheld=True, reasons=("objection",)),
        replace(known, withdrawn=frozenset(ConsentRole)),
        replace(known, location=LocationRestriction(is_linked=True)),
    ]
    return replace(scene, restrictions=data.draw(st.sampled_from(changes)))


Narrowing = Callable[[st.DataObject, Scene], Scene]
NARROWINGS: list[Narrowing] = [
    drop_field, drop_role, drop_holder, drop_recipients, need_consent, drop_clause, need_mark, lose_mark, not_in_force,
    withdraw, end_consents, restrict,
]  # fmt: skip


SOME_NARROWINGS = st.lists(st.sampled_from(NARROWINGS), max_size=2)


def _changed(data: st.DataObject, scene: Scene, member: str, change: Callable[[st.DataObject, Any], object]) -> Scene:
    terms = deepcopy(scene.terms)
    clause = data.draw(mostly_first(terms["clauses"]))
    clause[member] = change(data, clause[member])
    recipients = {*clause["askers"], *clause["holders"]}
    clause["location_recipients"] = [each for each in clause["location_recipients"] if each in recipients]
    return replace(scene, terms=terms)
