"""A request is decided without the person in sight; a release with everything that their record says."""

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.trust.agreements.examples import BINDING, JOBCENTRE, binding, clauses, document, facts, parsed, request
from tests.trust.exchange.examples import COUNCIL, NOW, POLICE, SUBJECT, TRUST
from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.decision import (
    RELEASE_RULES,
    REQUEST_RULES,
    LocalPolicy,
    MatchOutcome,
    Permit,
    PersonRestrictions,
    ReleaseStatus,
    Restriction,
    decide_release,
    decide_request,
    rule_on_place,
    trace_release,
    trace_request,
)
from trust.agreements.denial import SENTENCES, Denial, DenialCode, deny, deny_unlisted, sentences
from trust.agreements.location import LocationRestriction, LocationRuling
from trust.exchange.consent import ConsentRole
from trust.exchange.eligibility import EligibilityQuery
from trust.exchange.involvement import InvolvementQuery
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message
from trust.exchange.person import Subject
from trust.exchange.refusal import build_refusal_body, parse_refusal_body
from trust.identifiers import EntityId, RoleCode

BENEFIT_QUESTION = request(
    aud=JOBCENTRE,
    kind="eligibility.query",
    clause="in-payment",
    purpose="benefit-check",
    basis=("6-1-e", "wra2012-s130-131"),
    from_service="money-advice",
    to_service="work-coaches",
    practitioner=replace(request().practitioner, role=RoleCode("money-adviser")),
    body={"question": "in_payment", "as_of": "2026-09-01"},
)


def decided(
    message: Message,
    *,
    held: InForce | NotInForce | None = BINDING,
    local: LocalPolicy | None = None,
    **changes: Any,
) -> Permit | Denial:
    """Decide, and hold the trace of the rules to the decision."""
    own, policy = changes.pop("own", message.aud), local or LocalPolicy()
    known = facts(message, **changes)
    decision = decide_request(known, agreement=held, local=policy, own=own, now=NOW)
    results = trace_request(known, agreement=held, local=policy, own=own, now=NOW)
    assert [each.number for each in results] == [rule.number for rule in REQUEST_RULES][: len(results)]
    assert all(each.denial is None for each in results[:-1])
    assert results[-1].denial == (decision if isinstance(decision, Denial) else None)
    assert isinstance(decision, Denial) or len(results) == len(REQUEST_RULES)
    return decision


def permitted(message: Message, **changes: Any) -> Permit:
    permit = decided(message, **changes)
    assert isinstance(permit, Permit), permit
    return permit


def denied(message: Message, **changes: Any) -> str:
    denial = decided(message, **changes)
    assert isinstance(denial, Denial), denial
    return denial.code


def test_a_request_that_the_clause_grants_is_permitted_on_its_terms() -> None:
    permit = permitted(request())
    assert permit.fields == {"organisation", "service_type", "worker", "phone", "since"}
    assert permit.law.startswith("Shared under UK GDPR Article 6(1)(e)")
    assert (permit.answered_on, permit.keep_until) == (date(2026, 9, 1), date(2026, 11, 30))
    assert (permit.onward, permit.role, permit.query) == ("none", "key-worker", InvolvementQuery())
    assert permit.terms.keep_until == permit.keep_until


def test_the_same_person_asked_for_by_another_role_returns_less() -> None:
    duty_officer = replace(request().practitioner, role=RoleCode("duty-officer"))
    assert permitted(request(practitioner=duty_officer)).fields == {"organisation", "duty_phone"}


def test_a_request_between_two_services_of_one_agency_passes_the_same_decision() -> None:
    message = request(aud=COUNCIL, to_service="money-advice")
    assert permitted(message).fields == permitted(request()).fields
    assert denied(request(aud=COUNCIL, to_service="connecting-families")) is DenialCode.SERVICE_NOT_COVERED


@pytest.mark.holds("A48")
def test_a_field_outside_the_clause_is_cut_at_the_holder_for_any_question() -> None:
    asked = {"fields": ["worker", "last_contact_month", "duty_phone"]}
    assert permitted(request(body=asked)).fields == {"worker"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"iss": POLICE}, DenialCode.CALLER_IS_NOT_SENDER),
        ({"kind": "gossip.query"}, DenialCode.UNSUPPORTED_KIND),
        ({"version": 2}, DenialCode.UNSUPPORTED_VERSION),
        ({"from_service": "youth-justice"}, DenialCode.SERVICE_NOT_PARTY),
        ({"to_service": "crisis-team"}, DenialCode.UNKNOWN_SERVICE),
        ({"clause": "who-is-rich"}, DenialCode.CLAUSE_UNKNOWN),
        ({"clause": "in-payment"}, DenialCode.KIND_NOT_COVERED),
        ({"purpose": "benefit-check"}, DenialCode.PURPOSE_NOT_COVERED),
        ({"from_service": "money-advice"}, DenialCode.SERVICE_NOT_COVERED),
        ({"basis": ("6-1-e",)}, DenialCode.BASIS_MISMATCH),
        ({"basis": ("6-1-e", "ca2004-s10", "ca1989-s47")}, DenialCode.BASIS_MISMATCH),
        ({"body": {"fields": "all"}}, DenialCode.MALFORMED_BODY),
    ],
)
def test_a_request_outside_what_was_agreed_is_refused_with_its_reason(change: dict[str, Any], code: DenialCode) -> None:
    assert denied(request(**change), sender=COUNCIL, caller=COUNCIL) is code


def test_a_message_for_another_agency_is_refused() -> None:
    assert denied(request(), own=POLICE) is DenialCode.NOT_ADDRESSED_HERE


def test_a_role_the_clause_does_not_name_is_refused() -> None:
    message = request(practitioner=replace(request().practitioner, role=RoleCode("press-officer")))
    assert denied(message) is DenialCode.ROLE_NOT_PERMITTED


def test_an_unknown_version_is_answered_with_those_that_are_spoken() -> None:
    denial = decided(request(version=2))
    assert isinstance(denial, Denial)
    assert denial.supported_versions == (1,)


def test_a_caller_may_not_bring_another_agencys_message() -> None:
    assert denied(request(), caller=POLICE) is DenialCode.CALLER_IS_NOT_SENDER
    assert denied(request(), sender=POLICE, caller=POLICE) is DenialCode.CALLER_IS_NOT_SENDER


@pytest.mark.parametrize(
    "change",
    [
        {"agreement_id": "other"},
        {"agreement_version": 2},
        {"agreement_digest": "Q" * 43},
        {"purpose": "benefit-check"},
        {"kinds": frozenset({"eligibility.query"})},
    ],
)
def test_a_token_for_anything_else_does_not_cover_the_message(change: dict[str, Any]) -> None:
    (detail,) = facts(request()).token_details
    assert denied(request(), token_details=(replace(detail, **change),)) is DenialCode.TOKEN_DOES_NOT_COVER
    assert denied(request(), token_details=()) is DenialCode.TOKEN_DOES_NOT_COVER
    permitted(request(), token_details=(replace(detail, **change), detail))


def test_without_an_agreement_nothing_is_answered() -> None:
    assert denied(request(), held=None) is DenialCode.NO_AGREEMENT


def test_another_wording_of_the_agreement_is_another_agreement() -> None:
    reworded = binding(document(title="Reworded"))
    assert denied(request(), held=reworded) is DenialCode.AGREEMENT_DIGEST_MISMATCH


def test_an_agreement_that_is_not_in_force_permits_nothing_and_says_why() -> None:
    held = NotInForce(agreement=BINDING.agreement, missing=(JOBCENTRE,), reason="Not signed by Vale Jobcentre.")
    denial = decided(request(), held=held)
    assert isinstance(denial, Denial)
    assert denial.code is DenialCode.AGREEMENT_NOT_IN_FORCE
    assert "Vale Jobcentre" in denial.reason


def test_a_stranger_to_the_agreement_does_not_learn_why_it_is_not_in_force() -> None:
    held = NotInForce(agreement=BINDING.agreement, missing=(JOBCENTRE,), reason="Not signed by Vale Jobcentre.")
    denial = decided(request(iss=POLICE), held=held)
    assert isinstance(denial, Denial)
    assert denial.code is DenialCode.SERVICE_NOT_PARTY
    assert "Jobcentre" not in denial.reason


ASSURED = "https://anchor.example/marks/data-protection-assured"
SIGNATORY = "https://anchor.example/marks/agreement/vale-early-help"
DEMANDING = binding(document(required_marks=[ASSURED, SIGNATORY]))


def test_an_agency_with_the_marks_that_the_agreement_demands_is_answered() -> None:
    message = request(agreement=DEMANDING.agreement.ref)
    permitted(message, held=DEMANDING, sender_marks=frozenset({ASSURED, SIGNATORY, "https://a.example/b"}))
    permitted(request(), sender_marks=frozenset())


def test_an_agency_without_one_is_refused_and_told_which() -> None:
    message = request(agreement=DEMANDING.agreement.ref)
    denial = decided(message, held=DEMANDING, sender_marks=frozenset({ASSURED}))
    assert isinstance(denial, Denial)
    assert denial.code is DenialCode.MARK_MISSING
    assert denial.reason.endswith(
        f'{COUNCIL} lacks the mark "signatory of agreement vale-early-help" of https://anchor.example ({SIGNATORY}).'
    )
    neither = decided(message, held=DEMANDING)
    assert isinstance(neither, Denial)
    assert ASSURED in neither.reason
    assert SIGNATORY in neither.reason


def test_a_stranger_to_the_agreement_does_not_learn_what_it_demands() -> None:
    assert (
        denied(request(iss=POLICE, agreement=DEMANDING.agreement.ref), held=DEMANDING) is DenialCode.SERVICE_NOT_PARTY
    )


def test_a_benefit_question_is_permitted_only_if_the_clause_lists_it() -> None:
    permit = permitted(BENEFIT_QUESTION)
    assert isinstance(permit.query, EligibilityQuery)
    assert permit.fields == {"answer", "as_of"}
    other = replace(BENEFIT_QUESTION, body={"question": "known_to_service", "as_of": "2026-09-01"})
    assert denied(other) == "question_not_permitted"


WITHDRAWN = Restriction(agreement=request().agreement.id, clause=request().clause)
OTHER_ROLE, OTHER_AGREEMENT = replace(WITHDRAWN, role=RoleCode("duty-officer")), replace(WITHDRAWN, agreement="another")


@pytest.mark.parametrize("role", [None, request().practitioner.role])
def test_local_policy_can_withdraw_a_clause_for_every_role_or_one(role: RoleCode | None) -> None:
    local = LocalPolicy(restrictions=(OTHER_ROLE, replace(WITHDRAWN, role=role)))
    assert denied(request(), local=local) is DenialCode.LOCAL_POLICY


@pytest.mark.parametrize("other", [OTHER_ROLE, OTHER_AGREEMENT, replace(WITHDRAWN, clause="another")])
def test_local_policy_withdraws_nothing_else(other: Restriction) -> None:
    assert isinstance(decided(request(), local=LocalPolicy(restrictions=(other,))), Permit)


def test_local_policy_can_never_permit() -> None:
    assert {field.name for field in fields(LocalPolicy)} == {"restrictions"}


def _messages() -> Iterable[Message]:
    yield request()
    yield request(purpose="benefit-check")
    yield request(clause="none-such")
    yield request(body={"fields": 7})
    yield request(version=9)


@pytest.mark.parametrize("message", list(_messages()))
def test_the_decision_is_the_same_for_every_person(message: Message) -> None:
    other = replace(message, subject=Subject(family_name="Someone", given_names="Else", birth_date=date(1990, 1, 1)))
    assert decided(message) == decided(other)
    assert message.subject == SUBJECT


def test_every_code_has_a_sentence_and_a_remedy_and_reads_back_from_the_wire() -> None:
    assert set(SENTENCES) == set(DenialCode)
    lists = [each for kind in KINDS.values() for each in kind.clause_lists]
    assert len(sentences()) == len(SENTENCES) + len(lists)
    for each in lists:
        refusal = deny_unlisted(each, detail="More.").refusal
        assert parse_refusal_body(build_refusal_body(refusal)) == refusal
    for code in DenialCode:
        denial = deny(code, detail="More.", supported_versions=(1,))
        assert denial.reason.endswith(". More.")
        assert denial.remedy.endswith(".")
        assert parse_refusal_body(build_refusal_body(denial.refusal)) == denial.refusal


def test_the_longest_refusal_still_fits_its_reply() -> None:
    body = {"fields": ["x\n"] * 16}
    denial = decided(request(body=body))
    assert isinstance(denial, Denial)
    assert parse_refusal_body(build_refusal_body(denial.refusal)) == denial.refusal
    read = parse_refusal_body(build_refusal_body(deny(DenialCode.MALFORMED_BODY, detail="x" * 5000).refusal))
    assert len(read.reason) == 2000


def test_keeping_is_counted_from_the_day_of_the_answer() -> None:
    late = datetime(2026, 9, 1, 23, 59, 59, tzinfo=NOW.tzinfo)
    permit = decide_request(facts(request()), agreement=BINDING, local=LocalPolicy(), own=TRUST, now=late)
    assert isinstance(permit, Permit)
    assert permit.keep_until - permit.answered_on == timedelta(days=90)


# --- release ---

CONDITIONAL = permitted(request())
OPEN_DOCUMENT = clauses(0, existence="unconditional")
_OPEN = binding(OPEN_DOCUMENT)
UNCONDITIONAL = permitted(request(agreement=_OPEN.agreement.ref), held=_OPEN)
FREE, WITHHELD = PersonRestrictions(), PersonRestrictions(withheld=True, reasons=("consent_withdrawn",))


@pytest.mark.parametrize("permit", [CONDITIONAL, UNCONDITIONAL])
def test_one_record_without_restrictions_is_known_with_the_permitted_fields(permit: Permit) -> None:
    release = decide_release(permit, match=MatchOutcome.UNIQUE, restrictions=FREE)
    assert (release.status, release.fields) == (ReleaseStatus.KNOWN, permit.fields)
    assert release.discloses


@pytest.mark.parametrize(
    ("match", "restrictions"),
    [
        (MatchOutcome.NONE, FREE),
        (MatchOutcome.REVIEW, FREE),
        (MatchOutcome.UNIQUE, WITHHELD),
        (MatchOutcome.REVIEW, WITHHELD),
    ],
)
def test_under_a_conditional_clause_everything_else_looks_alike(
    match: MatchOutcome, restrictions: PersonRestrictions
) -> None:
    release = decide_release(CONDITIONAL, match=match, restrictions=restrictions)
    assert (release.status, release.fields) == (ReleaseStatus.NOTHING_TO_SHARE, frozenset())
    assert not release.discloses


@pytest.mark.parametrize(
    ("match", "restrictions", "status"),
    [
        (MatchOutcome.NONE, FREE, ReleaseStatus.NOT_KNOWN),
        (MatchOutcome.NOT_CURRENT, FREE, ReleaseStatus.NOT_CURRENT),
        (MatchOutcome.REVIEW, FREE, ReleaseStatus.REVIEW),
        (MatchOutcome.UNIQUE, WITHHELD, ReleaseStatus.REVIEW),
        (MatchOutcome.NOT_CURRENT, WITHHELD, ReleaseStatus.REVIEW),
        (MatchOutcome.REVIEW, WITHHELD, ReleaseStatus.REVIEW),
    ],
)
def test_under_an_unconditional_clause_absence_is_told_and_doubt_goes_to_a_human(
    match: MatchOutcome, restrictions: PersonRestrictions, status: ReleaseStatus
) -> None:
    release = decide_release(UNCONDITIONAL, match=match, restrictions=restrictions)
    assert (release.status, release.fields) == (status, frozenset())
    assert not release.discloses


def resting_on_consent(permit: Permit) -> Permit:
    return replace(permit, clause=replace(permit.clause, consent_roles=frozenset({ConsentRole.CONFIDENTIALITY})))


def test_a_withdrawal_withholds_only_what_rests_on_the_role_that_was_withdrawn() -> None:
    withdrawn = PersonRestrictions(withdrawn=frozenset({ConsentRole.CONFIDENTIALITY}))
    engagement = PersonRestrictions(withdrawn=frozenset({ConsentRole.ENGAGEMENT}))
    for permit, restrictions, discloses in (
        (CONDITIONAL, withdrawn, True),
        (resting_on_consent(CONDITIONAL), withdrawn, False),
        (resting_on_consent(CONDITIONAL), engagement, True),
    ):
        release = decide_release(permit, match=MatchOutcome.UNIQUE, restrictions=restrictions)
        assert release.discloses is discloses


@pytest.mark.parametrize("permit", [CONDITIONAL, UNCONDITIONAL])
@pytest.mark.parametrize("match", MatchOutcome)
@pytest.mark.parametrize("restrictions", [FREE, WITHHELD])
def test_a_release_is_explained_by_the_rule_that_decided_it(
    permit: Permit, match: MatchOutcome, restrictions: PersonRestrictions
) -> None:
    release = decide_release(permit, match=match, restrictions=restrictions)
    *before, (deciding, applies) = trace_release(permit, match=match, restrictions=restrictions)
    assert applies
    assert deciding.status is release.status
    assert not any(applied for _, applied in before)


def test_an_asker_that_is_not_known_is_told_no_restricted_place() -> None:
    hidden = PersonRestrictions(location=LocationRestriction(has_links=True))
    assert rule_on_place(replace(CONDITIONAL, asker=None), hidden) is LocationRuling.NOT_AUTHORISED
    assert rule_on_place(replace(CONDITIONAL, asker=None), FREE) is None


def test_rules_have_numbers_in_their_order_and_one_sentence_each() -> None:
    for rules in (REQUEST_RULES, RELEASE_RULES):
        numbers = [(int(rule.number.rstrip("abcd")), rule.number) for rule in rules]
        assert numbers == sorted(set(numbers))
        assert all(rule.text.endswith(".") for rule in rules)


def test_the_reasons_stay_with_the_release_for_the_agencys_own_evidence() -> None:
    release = decide_release(CONDITIONAL, match=MatchOutcome.UNIQUE, restrictions=WITHHELD)
    assert release.reasons == ("match:unique", "consent_withdrawn")


def test_every_kind_has_fields_a_clause_can_permit() -> None:
    assert all(kind.fields for kind in KINDS.values())
    assert EntityId(parsed().parties[0].entity) == COUNCIL


def test_a_benefit_that_the_clause_does_not_list_is_refused_with_those_that_it_lists() -> None:
    held = binding(clauses(1, benefits=["housing-benefit", "universal-credit"]))
    asked = replace(BENEFIT_QUESTION, agreement=held.agreement.ref)
    for benefit, refused in ((None, False), ("universal-credit", False), ("child-benefit", True)):
        body = {**BENEFIT_QUESTION.body, **({} if benefit is None else {"benefit": benefit})}
        decision = decided(replace(asked, body=body), held=held)
        assert isinstance(decision, Denial) == refused
        if isinstance(decision, Denial):
            assert decision.code == "benefit_not_permitted"
            assert "housing-benefit, universal-credit" in decision.reason
    assert isinstance(decided(replace(BENEFIT_QUESTION, body={**BENEFIT_QUESTION.body, "benefit": "any"})), Permit)
