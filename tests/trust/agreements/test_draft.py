"""Rules that a draft must keep before it is signed."""

import json
from typing import Any

import pytest

from tests.trust.agreements.examples import DOCUMENT, JOBCENTRE, document
from tests.trust.exchange.examples import COUNCIL, TRUST
from trust.agreements.agreement import parse_agreement
from trust.agreements.draft import parse_draft
from trust.exchange.errors import MalformedAgreement

HELP, BENEFIT = DOCUMENT["clauses"]


def faults(*clauses: dict[str, Any], **changes: Any) -> list[str]:
    raw = json.dumps(document(powers=["ca2004-s10", "wra2012-s130-131"], clauses=list(clauses), **changes)).encode()
    parse_agreement(raw)
    try:
        parse_draft(raw)
    except MalformedAgreement as refused:
        return [fault.path for fault in refused.faults]
    return []


def beside(clause: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return another clause like this one, with other existence unless that is among the changes."""
    other = "unconditional" if clause["existence"] == "conditional" else "conditional"
    return {**clause, "id": "another", "existence": other, **changes}


def test_the_examples_are_good() -> None:
    assert faults(HELP, BENEFIT) == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"fields_by_role": {"volunteer": ["organisation"]}},
        {"holders": [f"{TRUST}#community-team", f"{JOBCENTRE}#work-coaches"]},
        {"askers": [f"{COUNCIL}#connecting-families", f"{COUNCIL}#money-advice"]},
        {"urgent": True, "keep_days": 1},
        {
            "kind": "eligibility.query",
            "questions": ["known_to_service"],
            "fields_by_role": {"key-worker": ["answer", "as_of"]},
        },
    ],
    ids=["same", "another-role", "one-holder", "one-asker", "urgent", "known-to-service"],
)
def test_two_clauses_may_not_hide_and_tell_the_same(changes: dict[str, Any]) -> None:
    assert faults(HELP, beside(HELP, **changes)) == ["clauses[1].existence"]
    assert faults(beside(HELP, **changes), HELP) == ["clauses[1].existence"]


@pytest.mark.parametrize(
    "changes",
    [
        {"existence": "conditional"},
        {"purpose": "benefit-check"},
        {"holders": [f"{JOBCENTRE}#work-coaches"]},
        {"askers": [f"{COUNCIL}#money-advice"], "holders": [f"{COUNCIL}#money-advice"]},
        {"kind": "eligibility.query", "questions": ["entitled"], "fields_by_role": {"a": ["answer", "as_of"]}},
    ],
    ids=["same-existence", "another-purpose", "other-holders", "only-itself", "another-question"],
)
def test_clauses_that_do_not_overlap_are_good(changes: dict[str, Any]) -> None:
    assert faults(HELP, beside(HELP, **changes)) == []


def test_benefit_clauses_overlap_where_they_share_a_question() -> None:
    assert faults(BENEFIT, beside(BENEFIT)) == ["clauses[1].existence"]
    assert faults(BENEFIT, beside(BENEFIT, questions=["entitled"])) == []


def test_a_power_of_a_clause_is_among_the_agreements() -> None:
    assert faults(HELP, {**HELP, "id": "b", "basis": ["6-1-e", "9-2-h", "ca1989-s17"]}) == ["clauses[1].basis"]
    assert faults({**HELP, "basis": ["6-1-e", "9-2-h", "dpa2018-sch1-18", "confidentiality.statute"]}) == []
