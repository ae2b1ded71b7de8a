"""Simulation of a draft: recorded decisions decided again under it.

1. A recorded request under an agreement of the draft's id is sent under the draft: its clause is selected as an asker
   selects one, and the request is decided with its recorded inputs.
2. A recorded selection that found no clause is made again under the draft. What an asker's own policy refused for
   another reason stays refused.
3. All other decisions stay as they were. Dates of the draft are not applied: it is decided as if it were in force.

No person is in the records. What a case system answered, and whether a person's record was released, is not simulated.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from trust.agreements.agreement import Agreement, InForce
from trust.agreements.clause_selection import QuerySpec, SelectedClause, explain_no_clause, select_clauses
from trust.agreements.decision import Permit
from trust.agreements.decision_record import (
    REQUEST,
    SELECTION,
    Inputs,
    RequestCase,
    outcome_to_json,
    replay_of,
    spec_of,
)
from trust.agreements.denial import Denial, DenialCode
from trust.exchange.errors import MalformedBody
from trust.exchange.kind import Kinds, Query, parse_query
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message
from trust.exchange.persons import person_fields
from trust.oauth.authorization_details import AuthorizationDetail
from trust.strict_json import JsonObject

_NO_CLAUSE = frozenset(
    {
        DenialCode.NO_AGREEMENT,
        DenialCode.AGREEMENT_NOT_IN_FORCE,
        DenialCode.KIND_NOT_COVERED,
        DenialCode.PURPOSE_NOT_COVERED,
        DenialCode.SERVICE_NOT_COVERED,
        DenialCode.ROLE_NOT_PERMITTED,
    }
)


class Effect(StrEnum):
    """How a draft changes the answer to a request."""

    NONE = "as before"
    PERMITTED = "refusal becomes permit"
    REFUSED = "permit becomes refusal"
    MORE = "more fields"
    FEWER = "fewer fields"
    OTHER_FIELDS = "other fields"
    OTHER_REASON = "other reason for refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a draft changes for requests of one sort. ``reasons`` explain it, in sentences about the agreement."""

    effect: Effect
    asker: str
    holder: str
    role: str
    kind: str
    purpose: str
    clause: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """Decide recorded requests again under one draft."""

    draft: Agreement
    kinds: Kinds = field(default_factory=lambda: KINDS)

    @cached_property
    def _no_clause(self) -> frozenset[str]:
        """The codes with which a selection finds no clause."""
        return frozenset({*_NO_CLAUSE, *(each.code for kind in self.kinds.values() for each in kind.clause_lists)})

    def difference(self, inputs: Inputs, outcome: JsonObject) -> Difference | None:
        """Return what the draft changes for a recorded decision, or none where it concerns it in nothing.

        Raises :class:`trust.errors.MalformedClaims` for a record that this release cannot read.
        """
        if SELECTION in inputs:
            return self._selection(inputs) if outcome["code"] in self._no_clause else None
        if REQUEST not in inputs or inputs[REQUEST]["agreement"]["id"] != self.draft.id:
            return None
        case = replay_of(inputs, lambda _: self.draft, self.kinds)
        decision = self._decide(case)
        message = case.facts.message
        clause = decision.clause.id if isinstance(decision, Permit) else message.clause
        effect, reasons = _compare(outcome, outcome_to_json(decision))
        return Difference(
            effect=effect,
            asker=message.iss,
            holder=str(message.holder),
            role=message.practitioner.role,
            kind=message.kind,
            purpose=message.purpose,
            clause=clause,
            reasons=reasons,
        )

    def _decide(self, case: RequestCase) -> Permit | Denial:
        spec = self._spec(case.facts.message)
        if spec is None:  # a kind that is not spoken here stays refused
            return case.decide()
        binding = InForce(agreement=self.draft)
        selected = select_clauses([binding], spec)
        if not selected:
            return explain_no_clause([binding], spec)
        return _sent_under(case, binding, selected[0]).decide()

    def _spec(self, message: Message) -> QuerySpec | None:
        kind = self.kinds.get(message.kind)
        if kind is None:
            return None
        return QuerySpec(
            asker=message.asker,
            kind=kind,
            purpose=message.purpose,
            role=message.practitioner.role,
            query=self._query(message),
            holders=frozenset({message.holder}),
            consent=message.consent is not None,
            person_fields=person_fields(message.persons),
        )

    def _query(self, message: Message) -> Query | None:
        kind = self.kinds[message.kind]
        try:
            return parse_query(self.kinds, kind.name, message.version, message.body)
        except MalformedBody:
            return None

    def _selection(self, inputs: Inputs) -> Difference | None:
        spec = spec_of(inputs, self.kinds)
        binding = InForce(agreement=self.draft)
        if spec is None or spec.asker not in self.draft.services:
            return None
        selected = select_clauses([binding], spec)
        first = selected[0] if selected else None
        reasons = (f"The draft's clause {first.clause.id} permits it.",) if first else ()
        return Difference(
            effect=Effect.PERMITTED if selected else Effect.NONE,
            asker=spec.asker.entity,
            holder=", ".join(sorted(str(each.holder) for each in selected)) or "no service",
            role=spec.role,
            kind=spec.kind.name,
            purpose=spec.purpose,
            clause=first.clause.id if first else "none",
            reasons=reasons,
        )


def _sent_under(case: RequestCase, binding: InForce, selected: SelectedClause) -> RequestCase:
    """Return the request as its sender would send it under the draft."""
    message, clause = case.facts.message, selected.clause
    ref = binding.agreement.ref
    detail = AuthorizationDetail(
        agreement_id=ref.id,
        agreement_version=ref.version,
        agreement_digest=ref.digest,
        purpose=message.purpose,
        kinds=frozenset({message.kind}),
    )
    under_draft = replace(message, agreement=ref, clause=clause.id, basis=clause.basis)
    return replace(case, facts=replace(case.facts, message=under_draft, token_details=(detail,)), agreement=binding)


def _compare(before: JsonObject, after: JsonObject) -> tuple[Effect, tuple[str, ...]]:
    """Return the effect between two outcomes, and the sentences that explain it."""
    if before["permit"] and after["permit"]:
        return _compare_fields(frozenset(before["fields"]), frozenset(after["fields"]))
    if before["permit"]:
        return Effect.REFUSED, (after["reason"],)
    if after["permit"]:
        return Effect.PERMITTED, (f"Before: {before['reason']}",)
    if before["code"] == after["code"]:
        return Effect.NONE, ()
    return Effect.OTHER_REASON, (f"Before: {before['reason']}", f"Under the draft: {after['reason']}")


def _compare_fields(before: frozenset[str], after: frozenset[str]) -> tuple[Effect, tuple[str, ...]]:
    more, fewer = _listed("More: ", after - before), _listed("No longer: ", before - after)
    effects = {(True, True): Effect.OTHER_FIELDS, (True, False): Effect.MORE, (False, True): Effect.FEWER}
    return effects.get((bool(more), bool(fewer)), Effect.NONE), (*more, *fewer)


def _listed(words: str, fields: Iterable[Any]) -> tuple[str, ...]:
    names = ", ".join(sorted(fields))
    return (f"{words}{names}.",) if names else ()
