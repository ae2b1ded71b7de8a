"""Faults that keep an agency from signing, and questions for its signatory."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.trust.agreements.examples import BINDING, DOCUMENT, JOBCENTRE, clauses, document, parsed
from tests.trust.exchange.examples import COUNCIL, TRUST
from trust.agreements.agreement import InForce
from trust.agreements.bodies import Body
from trust.agreements.retention import longest_days
from trust.agreements.signing import Advice, Signer, Vouched, advise
from trust.identifiers import EntityId, ServiceSlug

TODAY = date(2026, 5, 1)
FAMILIES, MONEY = ServiceSlug("connecting-families"), ServiceSlug("money-advice")
SIGNER = Signer(
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
        (Body.LOCAL_AUTHORITY, ["6-1-ea", "ca2004-s10"], True),
        (Body.LOCAL_AUTHORITY, ["6-1-e", "6-1-ea", "ca2004-s10"], False),
        (Body.OTHER, ["6-1-e", "ca2004-s10"], True),
        (Body.OTHER, ["6-1-ea", "ca2004-s10"], False),
        (Body.LOCAL_AUTHORITY, ["dpa2018-part3"], True),
        (Body.POLICE, ["dpa2018-part3"], False),
        (Body.EDUCATION, ["6-1-e", "ca1989-s17"], True),
        (Body.LOCAL_AUTHORITY, ["6-1-e", "ca1989-s17"], False),
        (Body.HOUSING, ["6-1-e", "vpa2024-encompass"], True),
        (Body.HOUSING, ["6-1-e", "vpa2024-encompass", "cda1998-s115"], False),
        (None, ["6-1-ea"], True),
    ],
)
def test_a_law_that_the_body_may_not_rely_on_is_a_fault(body: Body | None, basis: list[str], fault: bool) -> None:
    """The council is asked under the first clause too, so that it needs a power; its services tell what it is."""
    found = advice(first(basis=basis), body=body).faults
    assert bool(found) is fault or (body is Body.OTHER and any("in-payment" in each for each in found))
    mine = [each for each in found if "clause who-else" in each]
    assert bool(mine) is fault


def test_who_only_asks_needs_a_lawful_basis_and_no_power() -> None:
    only_asks = first(holders=[f"{TRUST}#community-team"], basis=["6-1-e", "vpa2024-encompass"])
    assert advice(only_asks).faults == ()
    assert len(advice(first(holders=[f"{TRUST}#community-team"], basis=["6-1-ea"])).faults) == 1


def test_clauses_of_others_are_theirs_to_check() -> None:
    others = first(askers=[f"{JOBCENTRE}#work-coaches"], holders=[f"{TRUST}#community-team"], basis=["6-1-ea"])
    assert advice(others).faults == ()


def test_an_agency_of_unknown_kind_is_asked() -> None:
    found = advice(first(basis=["6-1-ea"]), services={FAMILIES: "family-support", MONEY: "money-advice"})
    assert found.faults == ()
    assert "[node] body" in found.questions[0]


def test_a_version_that_can_never_come_into_force_is_not_signed() -> None:
    assert "give the new wording version 4 or higher" in advice(retired=3).faults[0]
    assert advice(retired=2).faults == ()
    assert "its last day was 31 March 2028" in advice(today=date(2028, 4, 1)).faults[0]


@pytest.mark.parametrize(
    ("words", "keep", "asked"),
    [
        ("Answers are deleted after 90 days.", 90, False),
        ("Answers are deleted after 90 days.", 91, True),
        ("Answers are deleted after three months. The log is kept for six years.", 93, False),
        ("Answers are deleted after three months. The log is kept for six years.", 94, True),
        ("Records are kept for a year.", 366, False),
        ("As written down.", 1, True),
        ("As written down.", 0, False),
    ],
)
def test_answers_kept_longer_than_the_stated_retention_are_asked_about(words: str, keep: int, asked: bool) -> None:
    whole = document(retention=words, clauses=[{**DOCUMENT["clauses"][0], "keep_days": keep}])
    assert bool(advice(whole).questions) is asked


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("seven days", 7),
        ("twenty-one days", 21),
        ("ninety days", 90),
        ("Within 30 working days", 30),
        ("one calendar month", 31),
        ("two weeks or 1 fortnight", 14),
        ("a quarter", 92),
        ("25 years", 9150),
        ("99999999999999999999 days", None),
        ("days, months and years", None),
        ("", None),
    ],
)
def test_a_period_is_read_in_figures_and_in_words(words: str, days: int | None) -> None:
    assert longest_days(words) == days


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
