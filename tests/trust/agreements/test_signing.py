"""Faults that keep an agency from signing, and questions for its signatory."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.trust.agreements.examples import BINDING, DOCUMENT, JOBCENTRE, clauses, document, parsed
from tests.trust.exchange.examples import COUNCIL, TRUST
from trust.agreements.agreement import InForce
from trust.agreements.bodies import PublicBody
from trust.agreements.signing import Advice, SigningContext, Vouched, advise, ask_about_draft
from trust.identifiers import EntityId, ServiceSlug

TODAY = date(2026, 5, 1)
FAMILIES, MONEY = ServiceSlug("connecting-families"), ServiceSlug("money-advice")
SIGNER = SigningContext(
    own=COUNCIL,
    services={FAMILIES: "social-care", MONEY: "money-advice"},
    vouched={
        TRUST: Vouched(known=True, services={"community-team"}),
        JOBCENTRE: Vouched(known=True),
    },
)


def advice(whole: dict[str, Any] | None = None, *, today: date = TODAY, **changes: Any) -> Advice:
    return advise(parsed(whole), replace(SIGNER, **changes), today=today)


def first(**changes: Any) -> dict[str, Any]:
    return clauses(0, **changes)


def test_a_good_agreement_is_signed_without_a_question() -> None:
    assert advice() == Advice(faults=(), questions=())


def test_services_that_the_agency_does_not_have_are_a_fault() -> None:
    [fault] = advice(services={FAMILIES: "social-care"}).faults
    assert fault == "this node has no service money-advice; have it left out, or add it to [[services]]"


def test_what_no_anchor_knows_is_a_fault() -> None:
    vouched = {TRUST: Vouched(known=True, services={"reception"}), JOBCENTRE: Vouched(known=False)}
    faults = advice(vouched=vouched).faults
    assert [fault.partition(";")[0] for fault in faults] == [
        f"no anchor knows the service community-team of {TRUST}",
        f"no anchor knows {JOBCENTRE} (Vale Jobcentre)",
    ]


def test_what_no_anchor_could_be_asked_about_is_a_question() -> None:
    found = advice(vouched={TRUST: Vouched(known=None), JOBCENTRE: Vouched(known=True)})
    assert found.faults == ()
    assert found.questions == (
        f"No anchor could be asked about {TRUST} (Vale Mental Health). Is that the right agency?",
    )


@pytest.mark.parametrize(
    ("body", "basis", "fault"),
    [
        (PublicBody.LOCAL_AUTHORITY, ["6-1-ea", "ca2004-s10"], True),
        (PublicBody.LOCAL_AUTHORITY, ["6-1-e", "6-1-ea", "ca2004-s10"], False),
        (PublicBody.OTHER, ["6-1-e", "ca2004-s10"], True),
        (PublicBody.OTHER, ["6-1-ea", "ca2004-s10"], False),
        (PublicBody.LOCAL_AUTHORITY, ["dpa2018-part3"], True),
        (PublicBody.POLICE, ["dpa2018-part3"], False),
        (PublicBody.EDUCATION, ["6-1-e", "ca1989-s17"], True),
        (PublicBody.LOCAL_AUTHORITY, ["6-1-e", "ca1989-s17"], False),
        (PublicBody.HOUSING, ["6-1-e", "daa2021-s49a"], True),
        (PublicBody.HOUSING, ["6-1-e", "daa2021-s49a", "cda1998-s115"], False),
        (None, ["6-1-ea"], True),
    ],
)
def test_a_law_that_the_body_may_not_rely_on_is_a_fault(body: PublicBody | None, basis: list[str], fault: bool) -> None:
    """The council is asked under the first clause too, so that it needs a power; its services tell what it is."""
    found = advice(first(basis=basis), body=body).faults
    assert bool(found) is fault or (body is PublicBody.OTHER and any("in-payment" in each for each in found))
    mine = [each for each in found if "clause who-else" in each]
    assert bool(mine) is fault


def test_who_only_asks_needs_a_lawful_basis_and_no_power() -> None:
    only_asks = first(holders=[f"{TRUST}#community-team"], basis=["6-1-e", "daa2021-s49a"])
    assert advice(only_asks).faults == ()
    assert len(advice(first(holders=[f"{TRUST}#community-team"], basis=["6-1-ea"])).faults) == 1


def test_clauses_of_others_are_theirs_to_check() -> None:
    others = first(askers=[f"{JOBCENTRE}#work-coaches"], holders=[f"{TRUST}#community-team"], basis=["6-1-ea"])
    assert advice(others).faults == ()


UNKNOWN = {FAMILIES: "family-support", MONEY: "money-advice"}


def test_an_agency_of_unknown_kind_is_asked() -> None:
    found = advice(first(basis=["6-1-d", "ca2004-s10"]), services=UNKNOWN)
    assert found.faults == ()
    whole = document(clauses=[{**DOCUMENT["clauses"][0], "basis": ["6-1-d", "ca2004-s10"]}])
    [question] = advice(whole, services=UNKNOWN).questions
    assert question.endswith("so nothing checked whether it may rely on the laws that the clauses name. May it?")


@pytest.mark.parametrize(
    ("services", "others"),
    [
        (UNKNOWN, ["charity-or-company", "health-body", "housing-provider", "local-authority", "school-or-college"]),
        ({FAMILIES: "youth-justice", MONEY: "money-advice"}, ["local-authority"]),
    ],
)
def test_an_agency_that_may_be_no_competent_authority_is_told_what_follows(
    services: dict[ServiceSlug, str], others: list[str]
) -> None:
    """Data Protection Act 2018 section 30 and Schedule 7: Part 3 is for competent authorities only."""
    whole = document(clauses=[{**DOCUMENT["clauses"][0], "basis": ["dpa2018-part3", "ca2004-s10"]}])
    found = advice(whole, services=services)
    assert found.faults == ()
    [question] = found.questions
    assert question == (
        "The configuration does not say what kind of body this agency is ([node] body). If it is one of these "
        f"({', '.join(others)}), it has no lawful basis in who-else, and may neither ask nor answer there: "
        "dpa2018-part3 is for police and other competent authorities. Is it none of them?"
    )
    assert advice(whole, services=services, body=PublicBody.HEALTH).faults != ()
    assert advice(whole, services=services, body=PublicBody.JUSTICE) == Advice(faults=(), questions=())


def test_clauses_with_the_same_gap_are_asked_about_once() -> None:
    """Under the first clause the agency answers too, so that it needs a power; any kind of body may have that one."""
    [question] = [each for each in advice(services=UNKNOWN).questions if "[node] body" in each]
    assert "(charity-or-company), it has no lawful basis in who-else and in-payment" in question


@pytest.mark.parametrize(
    ("basis", "body", "asked"),
    [
        (["6-1-e"], None, "names no power. Which law is it?"),
        (["6-1-c"], None, "names no power. Which law is it?"),
        (["6-1-c", "6-1-e", "9-2-h"], None, "rests on 6-1-c and 6-1-e,"),
        (["6-1-e", "dpa2018-sch1-18"], None, "names no power. Which law is it?"),
        (["6-1-e", "ssaa1992-s123"], None, "names no power. Which law is it?"),
        (["dpa2018-part3"], PublicBody.POLICE, "rests on dpa2018-part3,"),
        (["6-1-d"], None, None),
        (["6-1-a"], None, None),
        (["6-1-e", "6-1-ea"], PublicBody.OTHER, None),
        (["6-1-e", "6-1-ea"], PublicBody.LOCAL_AUTHORITY, "names no power. Which law is it?"),
        (["6-1-e", "ca2004-s10"], None, None),
        (["6-1-c", "ca2004-s10"], None, None),
    ],
)
@pytest.mark.parametrize("asks_only", [True, False])
def test_a_task_in_law_without_its_law_is_asked_about(
    basis: list[str], body: PublicBody | None, asked: str | None, *, asks_only: bool
) -> None:
    """UK GDPR Article 6(3) and Data Protection Act 2018 section 35(2)."""
    holders = [f"{TRUST}#community-team"] if asks_only else DOCUMENT["clauses"][0]["holders"]
    whole = document(clauses=[{**DOCUMENT["clauses"][0], "basis": basis, "holders": holders}])
    found = advice(whole, body=body)
    assert found.faults == ()
    assert len(found.questions) == (asked is not None)
    assert all(str(asked) in question for question in found.questions)


@pytest.mark.parametrize(("basis", "asked"), [(["6-1-e"], 1), (["6-1-c", "9-2-h"], 1), (["6-1-e", "ca2004-s10"], 0)])
def test_the_drafter_of_a_clause_without_its_law_is_asked_too(basis: list[str], asked: int) -> None:
    others = first(askers=[f"{JOBCENTRE}#work-coaches"], holders=[f"{TRUST}#community-team"], basis=basis)
    assert len(list(ask_about_draft(parsed(others)))) == asked
    assert advice(others).questions == ()  # it is theirs to answer


def test_the_drafter_of_a_clause_that_rests_on_consent_is_asked_for_a_task_in_law() -> None:
    [question] = ask_about_draft(parsed(first(basis=["6-1-a"])))
    assert "A public authority can seldom rely on consent" in question
    assert list(ask_about_draft(parsed(first(basis=["6-1-e", "ca2004-s10", "confidentiality.consent"])))) == []


def test_a_power_for_another_body_is_no_law_for_ours() -> None:
    whole = document(clauses=[{**DOCUMENT["clauses"][0], "basis": ["6-1-e", "daa2021-s49a"]}])
    assert len(advice(whole).faults) == 1
    assert advice(whole).questions == ()
    whole["clauses"][0]["holders"] = [f"{TRUST}#community-team"]
    [question] = advice(whole).questions
    assert "names no power for a local-authority. Which law is it?" in question


def test_a_version_that_can_never_come_into_force_is_not_signed() -> None:
    assert "give the new wording version 4 or higher" in advice(retired=3).faults[0]
    assert advice(retired=2).faults == ()
    assert "its last day was 31 March 2028" in advice(today=date(2028, 4, 1)).faults[0]


@pytest.mark.parametrize(
    ("words", "keep", "asked"),
    [
        ("Answers are deleted after 90 days.", 90, False),
        ("Answers are deleted after 90 days.", 91, True),
        ("Answers are deleted after three months. The log is kept for six years.", 92, False),
        ("Answers are deleted after three months. The log is kept for six years.", 93, True),
        ("Answers are kept no longer than their clause says. The log is kept for six years.", 3653, True),
        ("Answers are kept no longer than their clause says. The log is kept for six years.", 90, False),
        ("Records are kept for a year.", 365, True),
        ("As written down.", 1, True),
        ("As written down.", 0, False),
    ],
)
def test_answers_kept_longer_than_the_stated_retention_are_asked_about(words: str, keep: int, asked: bool) -> None:
    whole = document(retention=words, clauses=[{**DOCUMENT["clauses"][0], "keep_days": keep}])
    assert bool(advice(whole).questions) is asked


def binding(whole: dict[str, Any]) -> tuple[InForce, ...]:
    return (replace(BINDING, agreement=parsed(whole)),)


def test_a_clause_of_another_agreement_that_tells_what_this_one_hides_is_asked_about() -> None:
    other = clauses(0, existence="unconditional") | {"id": "another"}
    [question] = advice(in_force=binding(other)).questions
    assert "what one hides the other tells" in question
    assert advice(in_force=binding(other | {"id": "vale-early-help", "version": 2})).questions == ()


def test_days_without_any_version_are_asked_about() -> None:
    before = document(version=2, valid_from="2024-01-01", review_date="2025-01-01", valid_until="2026-03-01")
    [question] = advice(in_force=binding(before)).questions
    assert "Version 2 ends on 1 March 2026, and this one begins on 1 April 2026." in question


def test_only_a_party_is_advised() -> None:
    with pytest.raises(ValueError, match="party"):
        advice(own=EntityId("https://elsewhere.example"))


@pytest.mark.parametrize(
    ("kind", "existence", "asked"),
    [("refuge", "unconditional", 1), ("refuge", "conditional", 0), ("money-advice", "unconditional", 0)],
)
def test_a_service_whose_kind_tells_a_place_is_asked_about_unless_its_answers_are_conditional(
    kind: str, existence: str, asked: int
) -> None:
    services = {FAMILIES: "social-care", MONEY: kind}
    questions = advice(first(existence=existence), services=services).questions
    assert sum("tells where someone is" in question for question in questions) == asked
