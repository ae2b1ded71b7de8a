"""Clauses on protection from harm open to a joiner only when the other party confirms it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.trust.agreements.examples import parsed
from trust.agreements.clause import Onward
from trust.agreements.confirmation import CONFIRMATION_RULES, why_confirmed
from trust.exchange.alert import ALERT
from trust.identifiers import KindName, PurposeCode, RoleCode

PLAIN = parsed().clauses[0]
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("the agreement says so", {"joining_confirmed": True}),
    ("it cites a law", {"basis": ("6-1-e", "ca1989-s47")}),
    ("it cites a law", {"basis": ("6-1-e", "9-2-g", "dpa2018-sch1-18")}),
    ("its purpose is protection", {"purpose": PurposeCode("marac")}),
    ("its purpose is protection", {"purpose": PurposeCode("high-risk.marac-review")}),
    ("its purpose is protection", {"purpose": PurposeCode("safeguarding-children")}),
    ("its purpose is protection", {"purpose": PurposeCode("child-protection")}),
    ("its kind of exchange", {"kind": KindName("conference.query")}),
    ("its alerts are about", {"lists": {"topics": frozenset({"safeguarding", "worker-risk"})}}),
    ("its alerts may not be passed on", {"kind": ALERT, "onward": Onward.NONE}),
    ("an alleged perpetrator", {"fields_by_role": {RoleCode("worker"): frozenset({"persons.alleged_perpetrator"})}}),
]


def test_an_ordinary_clause_opens_unopposed() -> None:
    assert why_confirmed(PLAIN) == ()
    assert why_confirmed(replace(PLAIN, purpose=PurposeCode("maracas"))) == ()


@pytest.mark.parametrize(("reason", "changes"), ROWS)
def test_each_row_is_enough(reason: str, changes: dict[str, Any]) -> None:
    [text] = why_confirmed(replace(PLAIN, **changes))
    assert reason in text


def test_each_row_has_an_example() -> None:
    assert all(any(reason in rule.text for reason, _ in ROWS) for rule in CONFIRMATION_RULES)
