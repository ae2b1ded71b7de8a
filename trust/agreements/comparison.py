"""Comparison of two decisions on one request by their inputs: then and today, ours and a peer's.

1. Which inputs changed the answer: each is exchanged alone; where none does it alone, all that differ did it together.
2. What a peer decided on, by digests: a refusal carries those of :data:`COMPARED`, none of which is about a person, and
   the asker compares them with its own. The first that differs, in that order, is the one to mend first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Final

from trust import typed_json
from trust.agreements.agreement import InForce
from trust.agreements.clause_selection import SelectedClause
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
from trust.exchange.kind import Kinds
from trust.exchange.message import AgreementRef
from trust.identifiers import RoleCode
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedInputs:
    """What a refusal is compared by. An asker states what it would have decided on in the holder's place.

    ``agreement`` is the wording with whether it is in force, and ``roles`` the fields of each role; both are ``None``
    where they are not held, or where the sender is no party and is told nothing of them.
    """

    agreement: tuple[AgreementRef, bool] | None
    roles: Mapping[RoleCode, frozenset[str]] | None
    marks: frozenset[str]
    token: bool
    day: date
    narrowed: bool
    kinds: Kinds

    def digests(self) -> dict[str, str]:
        """Return the digest of each, by name."""
        agreement = self.agreement and [typed_json.encode(self.agreement[0]), self.agreement[1]]
        values: dict[str, Any] = {
            "agreement": agreement,
            "roles": typed_json.encode(self.roles) if self.roles is not None else None,
            "marks": sorted(self.marks),
            "token": self.token,
            "clock": self.day.isoformat(),
            "local_policy": self.narrowed,
        }
        releases = {RULES: rules_digest(), KINDS_SPOKEN: kinds_digest(self.kinds), LEGAL_REGISTER: register_digest()}
        digests = releases | {name: digest(dumps([value])) for name, value in values.items()}
        return {name: digests[name] for name in COMPARED}


def compared_inputs(case: RequestCase) -> dict[str, str]:
    """Return the digests that a refusal of this request carries."""
    message, standing = case.facts.message, case.agreement
    if standing is not None and standing.agreement.party(message.iss) is None:
        standing = None
    terms = None if standing is None else standing.agreement
    clause = None if terms is None else terms.clause(message.clause)
    return ComparedInputs(
        agreement=None if terms is None else (terms.ref, isinstance(standing, InForce)),
        roles=None if clause is None else clause.fields_by_role,
        marks=frozenset() if terms is None else case.facts.sender_marks & frozenset(terms.required_marks),
        token=any(covers(detail, message) for detail in case.facts.token_details),
        day=case.now.astimezone(UTC).date(),
        narrowed=case.local.withdraws(message),
        kinds=case.kinds,
    ).digests()


def selected_inputs(selected: SelectedClause, *, marks: frozenset[str], now: datetime, kinds: Kinds) -> dict[str, str]:
    """Return the digests that a holder would have had that decided as the asker did. ``marks`` are the asker's own."""
    return ComparedInputs(
        agreement=(selected.agreement, True),
        roles=selected.clause.fields_by_role,
        marks=marks & frozenset(selected.required_marks),
        token=True,
        day=now.astimezone(UTC).date(),
        narrowed=False,
        kinds=kinds,
    ).digests()


def explain_difference(own: Mapping[str, str], peer: Mapping[str, str]) -> str | None:
    """Return the sentences on the first input that a peer decided on and this node would not; none without one."""
    name = first_difference(own, peer)
    return None if name is None else " ".join(COMPARED[name])


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
