"""The node, not the vendor, picks agreement, clause and law."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.trust.agreements.examples import BINDING, DOCUMENT, JOBCENTRE, binding, document
from tests.trust.exchange.examples import COUNCIL, TRUST
from trust.agreements.agreement import NotInForce
from trust.agreements.clause_selection import QuerySpec, check_requested_fields, explain_no_clause, select_clauses
from trust.agreements.denial import DenialCode
from trust.agreements.required_marks import missing_marks
from trust.exchange.eligibility import ELIGIBILITY_QUERY, EligibilityQuery, Question
from trust.exchange.errors import FieldsNotPermitted
from trust.exchange.involvement import INVOLVEMENT_QUERY, InvolvementQuery
from trust.identifiers import PurposeCode, RoleCode, ServiceRef, ServiceSlug

ASKER = ServiceRef(entity=COUNCIL, service=ServiceSlug("connecting-families"))
TEAM = ServiceRef(entity=TRUST, service=ServiceSlug("community-team"))
ADVICE = ServiceRef(entity=COUNCIL, service=ServiceSlug("money-advice"))
COACHES = ServiceRef(entity=JOBCENTRE, service=ServiceSlug("work-coaches"))
SPEC = QuerySpec(
    asker=ASKER,
    kind=INVOLVEMENT_QUERY,
    purpose=PurposeCode("early-help"),
    role=RoleCode("key-worker"),
)
BENEFIT = QuerySpec(
    asker=ADVICE,
    kind=ELIGIBILITY_QUERY,
    purpose=PurposeCode("benefit-check"),
    role=RoleCode("money-adviser"),
    holders=frozenset({COACHES}),
    query=EligibilityQuery(question=Question.IN_PAYMENT, as_of=date(2026, 9, 1)),
)


ENTITLED = EligibilityQuery(question=Question.ENTITLED, as_of=date(2026, 9, 1))


def with_clause(**changes: Any) -> dict[str, Any]:
    return document(clauses=[*DOCUMENT["clauses"], {**DOCUMENT["clauses"][0], **changes}])


def test_every_service_that_may_be_asked_is_found_once() -> None:
    choices = select_clauses([BINDING], SPEC)
    assert [choice.holder for choice in choices] == [ADVICE, TEAM]
    assert all(choice.agreement == BINDING.agreement.ref and choice.clause.id == "who-else" for choice in choices)


def test_a_choice_says_which_marks_its_agency_must_hold() -> None:
    marks = ("https://anchor.example/marks/data-protection-assured",)
    (demanding, _) = select_clauses([binding(document(required_marks=list(marks)))], SPEC)
    assert missing_marks(demanding.holder_marks, frozenset()) == marks
    assert missing_marks(demanding.holder_marks, frozenset(marks)) == ()
    assert missing_marks(select_clauses([BINDING], SPEC)[0].holder_marks, frozenset()) == ()


def test_one_service_can_be_asked_alone() -> None:
    assert [choice.holder for choice in select_clauses([BINDING], replace(SPEC, holders=frozenset({TEAM})))] == [TEAM]
    assert [choice.clause.id for choice in select_clauses([BINDING], BENEFIT)] == ["in-payment"]


def test_the_clause_that_gives_the_role_most_is_chosen() -> None:
    wider = with_clause(
        id="wider", fields_by_role={"key-worker": ["organisation", "worker", "phone", "since", "role", "duty_phone"]}
    )
    assert {choice.clause.id for choice in select_clauses([binding(wider)], SPEC)} == {"wider"}


def test_of_equal_clauses_the_one_that_tells_absence_is_chosen_and_then_the_first_by_name() -> None:
    open_one = binding(with_clause(id="zz-open", existence="unconditional"))
    assert {choice.clause.id for choice in select_clauses([open_one], SPEC)} == {"zz-open"}
    twin = binding(with_clause(id="also"))
    assert {choice.clause.id for choice in select_clauses([twin], SPEC)} == {"also"}


def test_a_newer_version_of_an_agreement_takes_the_place_of_the_older_even_where_it_permits_less() -> None:
    narrower = {**DOCUMENT["clauses"][0], "fields_by_role": {"key-worker": ["organisation"]}}
    newer = binding(document(version=4, clauses=[narrower]))
    for held in ([BINDING, newer], [newer, BINDING]):
        assert {choice.agreement.version for choice in select_clauses(held, SPEC)} == {4}
        assert explain_no_clause(held, BENEFIT).code is DenialCode.NO_AGREEMENT


def test_a_service_never_asks_itself() -> None:
    whole = with_clause(id="selfish", holders=[str(ASKER)])
    assert ASKER not in {choice.holder for choice in select_clauses([binding(whole)], SPEC)}


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        (replace(SPEC, asker=TEAM), DenialCode.NO_AGREEMENT),
        (replace(SPEC, kind=ELIGIBILITY_QUERY), DenialCode.KIND_NOT_COVERED),
        (replace(SPEC, purpose=PurposeCode("marketing")), DenialCode.PURPOSE_NOT_COVERED),
        (replace(SPEC, holders=frozenset({COACHES})), DenialCode.SERVICE_NOT_COVERED),
        (replace(SPEC, role=RoleCode("press-officer")), DenialCode.ROLE_NOT_PERMITTED),
        (replace(BENEFIT, query=ENTITLED), "question_not_permitted"),
    ],
)
def test_where_nothing_fits_the_reason_is_said(spec: QuerySpec, code: str) -> None:
    assert select_clauses([BINDING], spec) == ()
    assert explain_no_clause([BINDING], spec).code == code


def test_without_any_agreement_in_force_nothing_can_be_asked() -> None:
    assert select_clauses([], SPEC) == ()
    assert explain_no_clause([], SPEC).code is DenialCode.NO_AGREEMENT


def test_an_unsigned_agreement_that_would_permit_it_is_named_with_what_it_lacks() -> None:
    unsigned = NotInForce(agreement=BINDING.agreement, missing=(TRUST,), reason="It has not been signed by the trust.")
    denial = explain_no_clause([unsigned], SPEC)
    assert denial.code is DenialCode.AGREEMENT_NOT_IN_FORCE
    assert denial.reason.endswith("It has not been signed by the trust.")
    elsewhere = replace(SPEC, purpose=PurposeCode("rent-arrears"))
    assert explain_no_clause([unsigned], elsewhere).code is DenialCode.NO_AGREEMENT
    assert explain_no_clause([unsigned, BINDING], elsewhere).code is DenialCode.PURPOSE_NOT_COVERED


@pytest.mark.holds("A48")
def test_a_field_outside_the_clause_is_refused_before_anything_is_sent() -> None:
    clause = BINDING.agreement.clauses[0]
    check_requested_fields(clause, RoleCode("duty-officer"), ["duty_phone"])
    with pytest.raises(FieldsNotPermitted, match=r"'worker'.*may ask for 'duty_phone', 'organisation'"):
        check_requested_fields(clause, RoleCode("duty-officer"), ["duty_phone", "worker"])
    with pytest.raises(FieldsNotPermitted, match="nothing"):
        check_requested_fields(clause, RoleCode("press-officer"), ["worker"])


def test_a_clause_that_rests_on_no_consent_is_chosen_unless_there_is_a_record_of_it() -> None:
    more = {**DOCUMENT["clauses"][0], "id": "with-consent", "basis": ["6-1-e", "confidentiality.consent"]}
    more["fields_by_role"] = {"key-worker": ["organisation", "service_type", "worker", "phone", "since", "role"]}
    whole = document(clauses=[*DOCUMENT["clauses"], more])
    for consent, clause in ((False, "who-else"), (True, "with-consent")):
        chosen = select_clauses([binding(whole)], replace(SPEC, holders=frozenset({TEAM}), consent=consent))
        assert [choice.clause.id for choice in chosen] == [clause]


def test_the_clause_that_gives_most_of_the_wanted_fields_is_chosen() -> None:
    other = {**DOCUMENT["clauses"][0], "id": "only-the-duty-line", "fields_by_role": {"key-worker": ["duty_phone"]}}
    whole = document(clauses=[*DOCUMENT["clauses"], other])
    spec = replace(SPEC, holders=frozenset({TEAM}), query=InvolvementQuery(fields=frozenset({"duty_phone"})))
    [choice] = select_clauses([binding(whole)], spec)
    assert str(choice.clause.id) == "only-the-duty-line"
    assert choice.fields == {"duty_phone"}
