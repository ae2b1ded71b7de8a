"""A clause that rests on the person's consent needs a record of it, in the role that its legal basis calls for."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.agreements.examples import binding, clauses, facts, request
from tests.trust.exchange.examples import NOW, TRUST, keys, message, signer
from trust.agreements.agreement import InForce
from trust.agreements.consent import consent_roles, deny_consent
from trust.agreements.decision import LocalPolicy, Permit, decide_request
from trust.agreements.denial import Denial, DenialCode
from trust.agreements.lawful_basis import lookup
from trust.errors import TrustError
from trust.exchange.consent import ConsentForm, ConsentRecord, ConsentRole
from trust.exchange.message import Message, build_message, open_message

TODAY = NOW.date()
RECORD = ConsentRecord(
    roles=frozenset({ConsentRole.CONFIDENTIALITY, ConsentRole.ENGAGEMENT}),
    given_on=TODAY,
    form=ConsentForm.WRITTEN,
    evidence="CF-2291/consent/3",
)
NEEDED = frozenset({ConsentRole.CONFIDENTIALITY})


def resting_on(*basis: str) -> InForce:
    return binding(clauses(0, basis=list(basis), existence="conditional"))


def decided(held: InForce, asked: Message) -> Permit | Denial:
    asked = replace(asked, agreement=held.agreement.ref, basis=held.agreement.clauses[0].basis)
    return decide_request(facts(asked), agreement=held, local=LocalPolicy(), own=TRUST, now=NOW)


@pytest.mark.parametrize(
    ("code", "role"),
    [
        ("6-1-a", ConsentRole.LAWFUL_BASIS),
        ("9-2-a", ConsentRole.LAWFUL_BASIS),
        ("confidentiality.consent", ConsentRole.CONFIDENTIALITY),
        ("ha1996-s213b", ConsentRole.STATUTORY_CONDITION),
    ],
)
def test_each_code_that_needs_consent_says_in_which_role(code: str, role: ConsentRole) -> None:
    assert consent_roles([lookup(code, TODAY), lookup("6-1-e", TODAY)]) == {role}
    assert consent_roles([lookup("6-1-e", TODAY)]) == frozenset()


def test_a_question_without_a_record_is_refused_before_anyone_is_looked_up() -> None:
    held = resting_on("6-1-e", "confidentiality.consent")
    refused = decided(held, request())
    assert isinstance(refused, Denial)
    assert refused.code is DenialCode.CONSENT_RECORD_MISSING
    assert "confidentiality" in refused.reason
    assert isinstance(decided(held, request(consent=RECORD)), Permit)


def test_a_clause_that_rests_on_no_consent_asks_for_no_record() -> None:
    assert isinstance(decided(resting_on("6-1-e", "ca2004-s10"), request()), Permit)


@pytest.mark.parametrize(
    "faulty",
    [
        replace(RECORD, roles=frozenset({ConsentRole.ENGAGEMENT})),
        replace(RECORD, roles=frozenset({ConsentRole.LAWFUL_BASIS})),
        replace(RECORD, given_on=TODAY + timedelta(days=1)),
        replace(RECORD, given_on=TODAY - timedelta(days=9), expires_on=TODAY - timedelta(days=1)),
        replace(RECORD, expires_on=TODAY - timedelta(days=1)),
    ],
    ids=["engagement only", "another role", "lies ahead", "has run out", "ends before it begins"],
)
def test_a_record_that_does_not_hold_is_refused(faulty: ConsentRecord) -> None:
    refused = decided(resting_on("6-1-e", "confidentiality.consent"), request(consent=faulty))
    assert isinstance(refused, Denial)
    assert refused.code is DenialCode.CONSENT_NOT_VALID


def test_two_codes_may_call_for_two_roles_of_one_consent() -> None:
    held = resting_on("6-1-a", "confidentiality.consent")
    assert isinstance(decided(held, request(consent=RECORD)), Denial)
    both = replace(RECORD, roles=frozenset({ConsentRole.CONFIDENTIALITY, ConsentRole.LAWFUL_BASIS}))
    assert isinstance(decided(held, request(consent=both)), Permit)


def test_a_day_is_counted_where_the_person_lives() -> None:
    after_midnight = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    given_that_night = replace(RECORD, given_on=date(2026, 7, 2))
    assert deny_consent(NEEDED, given_that_night, after_midnight) is None
    assert deny_consent(NEEDED, given_that_night, after_midnight - timedelta(hours=1)) is not None


@given(ahead=st.integers(-4000, 4000), lasts=st.none() | st.integers(-4000, 4000))
def test_only_a_consent_that_was_given_and_has_not_run_out_holds(ahead: int, lasts: int | None) -> None:
    given_on = TODAY + timedelta(days=ahead)
    ends = None if lasts is None else given_on + timedelta(days=lasts)
    holds = deny_consent(NEEDED, replace(RECORD, given_on=given_on, expires_on=ends), NOW) is None
    assert holds == (ahead <= 0 and (lasts is None or (lasts >= 0 and ahead + lasts >= 0)))


def test_a_consent_for_one_day_holds_on_that_day() -> None:
    for given_on in (TODAY, TODAY - timedelta(days=5)):
        assert deny_consent(NEEDED, replace(RECORD, given_on=given_on, expires_on=TODAY), NOW) is None


def test_a_record_travels_as_it_is() -> None:
    for record in (RECORD, replace(RECORD, expires_on=TODAY)):
        raw = build_message(message(consent=record), signer("council"))
        opened = open_message(raw, sender_keys=keys("council"), own_id=TRUST, now=NOW)
        assert opened.message.consent == record


@pytest.mark.parametrize("evidence", ["", "signed by Corvin Thistlethwaite", "x" * 129, "a\u202eb"])
def test_a_reference_holds_no_sentence(evidence: str) -> None:
    raw = build_message(message(consent=replace(RECORD, evidence=evidence)), signer("council"))
    with pytest.raises(TrustError):
        open_message(raw, sender_keys=keys("council"), own_id=TRUST, now=NOW)
