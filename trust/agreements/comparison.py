"""Comparison of two decisions on one request by their inputs: then and today, ours and a peer's.

1. Which inputs changed the answer: each is exchanged alone; where none does it alone, all that differ did it together.
2. What a peer decided on, by digests: a refusal carries those of :data:`COMPARED`, none of which is about a person, and
   the asker compares them with its own. The first that differs, in that order, is the one to mend first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC
from types import MappingProxyType
from typing import Any, Final

from trust import typed_json
from trust.agreements.agreement import InForce
from trust.agreements.decision_record import (
    KINDS_SPOKEN,
    LEGAL_REGISTER,
    RULES,
    RequestCase,
    kinds_digest,
    outcome_to_json,
    rules_digest,
)
from trust.agreements.legal_register import register_digest
from trust.claims import digest
from trust.oauth.authorization_details import covers
from trust.strict_json import dumps

INPUT_SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "agreement": "The agreement that each node holds under this id and version, or whether it is in force.",
        "local": "What the holder's own agency has withdrawn from its service.",
        "now": "The day.",
        "facts": "The sender's trust marks, its access token, or the kinds of the services.",
        "kinds": "The kinds of exchange that the node speaks.",
    }
)
"""The arguments of a decision in words."""
COMPARED: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        RULES: (
            "The two nodes decide by different rules, because they run different releases.",
            "Have both administrators run the newest release.",
        ),
        KINDS_SPOKEN: (
            "The two nodes speak different kinds or versions of exchange.",
            "Have both administrators run the newest release.",
        ),
        "agreement": (
            "The two nodes do not hold the same agreement as in force under this id and version.",
            "Run `hearthgate agreement sync` at both nodes, then compare `hearthgate agreement list`.",
        ),
        LEGAL_REGISTER: (
            "The two nodes have different legal registers.",
            "Have both administrators run the newest release.",
        ),
        "roles": (
            "The two nodes read different roles, or different fields of a role, in the clause.",
            "Compare `hearthgate agreement show` at both nodes.",
        ),
        "marks": (
            "The holder does not see the same trust marks of the asking agency as that agency sees itself.",
            "Run `hearthgate trust check` for the asking agency at the holder's node.",
        ),
        "token": (
            "The access token does not cover this agreement, purpose and kind at the holder.",
            "Ask again: the node gets a new token. If it happens again, ring the holder's administrator.",
        ),
        "clock": (
            "The two nodes do not have the same date.",
            "Run `hearthgate doctor` at both nodes, which checks the clock.",
        ),
        "local_policy": (
            "The holder's own agency has withdrawn this clause from its service, for this role or for every role.",
            "Ring the holder's information-governance officer.",
        ),
    }
)
"""The inputs that a refusal carries, each with the sentence for a difference and what to do, in order of importance."""
NO_DIFFERENCE = "Both nodes decided on the same agreement, law, roles, marks, date and local rules."


def compared_inputs(case: RequestCase) -> dict[str, str]:
    """Return the digests that a refusal of this request carries, and that its asker compares."""
    message, standing = case.facts.message, case.agreement
    clause = None if standing is None else standing.agreement.clause(message.clause)
    required = frozenset[str]() if standing is None else frozenset(standing.agreement.required_marks)
    values: dict[str, Any] = {
        "agreement": None
        if standing is None
        else [typed_json.encode(standing.agreement.ref), isinstance(standing, InForce)],
        "roles": None if clause is None else typed_json.encode(clause.fields_by_role),
        "marks": sorted(required & case.facts.sender_marks),
        "token": any(covers(detail, message) for detail in case.facts.token_details),
        "clock": case.now.astimezone(UTC).date().isoformat(),
        "local_policy": case.local.withdraws(message),
    }
    releases = {RULES: rules_digest(), KINDS_SPOKEN: kinds_digest(case.kinds), LEGAL_REGISTER: register_digest()}
    digests = releases | {name: digest(dumps([value])) for name, value in values.items()}
    return {name: digests[name] for name in COMPARED}


def first_difference(own: Mapping[str, str], peer: Mapping[str, str]) -> str | None:
    """Return the name of the first input on which a peer decided otherwise than this node would; none where all agree.

    What only one of them states is not compared: a node of another release may state more, or less.
    """
    return next((name for name in COMPARED if name in own and name in peer and own[name] != peer[name]), None)


def changed_by(then: RequestCase, today: RequestCase) -> tuple[str, ...]:
    """Return the arguments through which today's answer differs from the one then; none where it does not."""
    before = outcome_to_json(then.decide())
    if _answer(before) == _answer(outcome_to_json(today.decide())):
        return ()
    names = [name for name in INPUT_SENTENCES if getattr(then, name) != getattr(today, name)]
    alone = [name for name in names if _answer(before) != _answer(_exchanged(then, today, (name,)))]
    return tuple(alone or names)


def _exchanged(then: RequestCase, today: RequestCase, names: Iterable[str]) -> dict[str, Any]:
    return outcome_to_json(replace(then, **{name: getattr(today, name) for name in names}).decide())


def _answer(outcome: Mapping[str, Any]) -> object:
    """Return what of an outcome makes another answer: not the day until which it may be kept."""
    return outcome["permit"], outcome.get("code"), outcome.get("fields")
