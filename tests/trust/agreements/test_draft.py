"""Rules that a draft must keep before it is signed."""

import json
from typing import Any

import pytest

from tests.trust.agreements.examples import DOCUMENT, JOBCENTRE, document
from tests.trust.exchange.examples import COUNCIL, TRUST
from trust.agreements.agreement import parse_agreement
from trust.agreements.draft import check_draft, is_blank, parse_draft
from trust.exchange.errors import Fault, MalformedAgreement

HELP, BENEFIT = DOCUMENT["clauses"]


def found(*clauses: dict[str, Any], **changes: Any) -> tuple[Fault, ...]:
    whole = document(clauses=list(clauses), **{"powers": ["ca2004-s10", "wra2012-s130-131"], **changes})
    raw = json.dumps(whole).encode()
    parse_agreement(raw)
    try:
        parse_draft(raw)
    except MalformedAgreement as refused:
        return refused.faults
    return ()


def faults(*clauses: dict[str, Any], **changes: Any) -> list[str]:
    return [fault.path for fault in found(*clauses, **changes)]


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
    assert faults({**HELP, "basis": ["6-1-e", "9-2-h", "dpa2018-sch1-2", "confidentiality.statute"]}) == []


def test_a_law_that_is_not_in_force_on_the_first_day_is_refused_with_the_date() -> None:
    powers = ["ca2004-s10", "ca2004-s16la"]
    days = {"valid_from": "2026-10-01", "review_date": "2027-03-31"}
    duty = {**HELP, "basis": ["6-1-e", "ca2004-s10", "ca2004-s16la"]}
    paths = [fault.path for fault in found(duty, powers=powers, **days)]
    assert paths == ["powers", "clauses[0].basis"]
    [_, clause] = found(duty, powers=powers, **days)
    assert "enacted on 2026-04-29 and is not in force" in clause.problem
    [early] = found({**HELP, "basis": ["6-1-ea", "ca2004-s10"]}, valid_from="2026-02-04")
    assert "in force only from 2026-02-05" in early.problem
    assert faults({**HELP, "basis": ["6-1-ea", "ca2004-s10"]}, valid_from="2026-02-05") == []


def placed(*nations: str) -> list[dict[str, Any]]:
    return [{**party, "nations": list(nations)} for party in DOCUMENT["parties"]]


def test_a_party_outside_the_extent_of_every_power_is_refused() -> None:
    council, trust, jobcentre = DOCUMENT["parties"]
    scottish = [council | {"nations": ["england"]}, trust | {"nations": ["scotland"]}, jobcentre]
    [fault] = found(HELP, parties=scottish)
    assert fault.path == "clauses[0].basis"
    assert "names no power that applies in scotland, where Vale Mental Health is: ca2004-s10 applies in england" in (
        fault.problem
    )
    both = {**HELP, "basis": ["6-1-e", "ca2004-s10", "csa1995-s21"]}
    powers = ["ca2004-s10", "csa1995-s21", "wra2012-s130-131"]
    assert faults(both, BENEFIT, parties=scottish, powers=powers) == []
    assert faults(HELP, BENEFIT, parties=placed("england", "wales")) == []
    assert faults(HELP, BENEFIT, parties=placed("northern-ireland")) == [
        "clauses[0].basis",
        "clauses[0].basis",
        "clauses[1].basis",
        "clauses[1].basis",
        "powers",
        "powers",
    ]


def test_what_holds_only_with_a_policy_document_asks_for_it() -> None:
    guarded = {**HELP, "basis": ["6-1-e", "9-2-g", "dpa2018-sch1-18", "ca2004-s10"]}
    [fault] = found(guarded)
    assert fault.path == "clauses[0].basis"
    assert "dpa2018-sch1-18" in fault.problem
    assert faults(guarded, policy_document="Each party's own, on its website") == []


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "-",
        "?",
        "...",
        "TBC",
        "t.b.c",
        "to be confirmed",
        "To follow.",
        "[say how]",
        "<how>",
        "N/A",
        "xxx",
        "1",
        "TODO",
    ],
)
def test_a_question_that_is_left_blank_is_a_fault(text: str) -> None:
    assert faults(HELP, rights=text) == ["rights"]
    assert faults(HELP, title=text, items=[text]) == ["title", "items[0]"]


@pytest.mark.parametrize(
    "text", ["DPIA-2026-014", "Ask any party.", "Hawliau: gofynnwch i'r cyngor.", "See appendix 3"]
)
def test_an_answer_is_no_blank(text: str) -> None:
    assert not is_blank(text)


def test_faults_of_form_and_of_drafting_are_named_in_one_run() -> None:
    whole = document(rights="TBC", security="", powers=["ca2004-s10", "magna-carta"], valid_until="2020-01-01")
    whole["clauses"][0]["basis"] = ["6-1-e", "ca1989-s17", "dpa2018-sch1-18"]
    whole["clauses"][1]["purpose"] = "curiosity"
    _, all_faults = check_draft(json.dumps(whole).encode())
    assert {fault.path for fault in all_faults} == {
        "powers[1]",
        "security",
        "valid_until",
        "review_date",
        "clauses[1].purpose",
        "clauses[0].basis",
        "clauses[1].basis",
        "rights",
    }


SCHOOLS = {
    "id": "schools",
    "title": "Schools",
    "marks": ["https://anchor.example/marks/data-protection-assured"],
    "kinds": ["school"],
    "admitted_by": [COUNCIL],
    "objection_days": 14,
}
LETS_IN = {**HELP, "joining_askers": ["schools"], "joining_holders": ["schools"]}


def test_a_class_that_may_join_takes_part_in_a_clause() -> None:
    assert faults(LETS_IN, BENEFIT, joining=[SCHOOLS]) == []
    assert faults(HELP, BENEFIT, joining=[SCHOOLS]) == ["joining[0].id"]


def test_no_class_hides_and_tells_the_same() -> None:
    """Two schools that join are held apart from the parties' own services."""
    tells = {**beside(HELP), "holders": [f"{JOBCENTRE}#work-coaches"], "joining_askers": ["schools"]}
    hides = {**HELP, "askers": [f"{COUNCIL}#money-advice"], "joining_askers": ["schools"]}
    assert faults(hides, tells, joining=[SCHOOLS]) == []
    both = {"joining_holders": ["schools"]}
    assert faults(hides | both, tells | both, joining=[SCHOOLS]) == ["clauses[1].existence"]


def test_a_filler_is_no_title_of_a_class() -> None:
    assert faults(LETS_IN, BENEFIT, joining=[SCHOOLS | {"title": "TBC"}]) == ["joining[0].title"]
