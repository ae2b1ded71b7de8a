"""A queued message is decided by clause, recipient, persons and what is left of it after the cut."""

from dataclasses import replace
from typing import Any

import pytest

from tests.trust.agreements.examples import binding
from tests.trust.agreements.queued_examples import clause_of, decide, decide_under, document
from tests.trust.exchange.examples import COUNCIL
from tests.trust.exchange.queued_examples import (
    BODIES,
    CHILD,
    PERSONS,
    SAFEGUARDING,
    VICTIM,
    statement,
)
from trust.agreements.decision import Permit
from trust.agreements.denial import Denial, DenialCode
from trust.agreements.minimise import cut_message
from trust.agreements.queued import missing_fields
from trust.exchange.alert import ALERT, ALERT_KIND
from trust.exchange.alert import parse_body as parse_alert
from trust.exchange.errors import MalformedAgreement
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message

ALL = sorted(KINDS[ALERT].fields)
HOUSING: dict[str, Any] = {
    "aud": COUNCIL,
    "to_service": "housing-options",
    "persons": (VICTIM,),
}
TO_HOUSING = {"holders": [f"{COUNCIL}#housing-options"]}


def cut(message: Message, decision: Permit | Denial) -> Message:
    """Return the message as its sender signs it."""
    assert isinstance(decision, Permit), decision
    persons, body = cut_message(message, decision.query, decision.fields)  # type: ignore[arg-type]  # a queued body
    return replace(message, persons=persons, body=body.to_body())


def denied(decision: Permit | Denial, code: str, words: str = "") -> None:
    assert isinstance(decision, Denial), decision
    assert decision.code == code
    assert words in decision.reason


@pytest.mark.parametrize("name", sorted(BODIES.keys() - {"rehousing"}))
def test_every_kind_of_content_is_permitted_whole_by_a_clause_that_grants_all(name: str) -> None:
    message, decision = decide(name)
    left = cut(message, decision)
    assert left.body == {"details": {}, "statements": [], **BODIES[name][1]}
    assert [person.ref for person in left.persons] == ["p1", "p2", "p3"]


@pytest.mark.parametrize("name", ["safeguarding", "advocacy", "case.closure"])
def test_a_clause_permits_only_what_its_list_names(name: str) -> None:
    kind, _ = BODIES[name]
    lists = {"alert": "topics", "referral": "service_types", "notice": "notice_types"}
    other = {"alert": "worker-risk", "referral": "legal-advice", "notice": "erasure"}[kind]
    _, decision = decide(name, clause={lists[kind]: [other]})
    denied(decision, f"{lists[kind].removesuffix('s')}_not_permitted")


@pytest.mark.parametrize("name", ["topics", "service_types", "notice_types"])
def test_a_clause_states_its_list(name: str) -> None:
    [kind] = [each for each in KINDS.values() if any(words.name == name for words in each.clause_lists)]
    whole = {member: value for member, value in clause_of(kind.name).items() if member != name}
    with pytest.raises(MalformedAgreement, match=name):
        binding(document(whole))


@pytest.mark.holds("A48")
def test_persons_and_fields_that_are_not_granted_are_cut_with_all_that_is_said_about_them() -> None:
    granted = ["persons.victim", "persons.told", "circumstances", "dash_score"]
    left = cut(*decide("safeguarding", clause={"fields_by_role": {"key-worker": granted}}))
    [victim] = left.persons
    assert (victim.part, victim.told, victim.views, victim.safe_contact) == (VICTIM.part, VICTIM.told, None, None)
    assert left.body["details"] == {"dash_score": 9}
    assert left.body["statements"] == [statement("circumstances", "p1")]


def test_the_sender_and_the_recipient_reach_the_same_answer() -> None:
    agreement = binding(document(clause_of(ALERT, fields_by_role={"key-worker": ["persons.victim", "circumstances"]})))
    left = cut(*decide_under(agreement, "safeguarding"))
    again, decision = decide_under(agreement, "safeguarding", persons=left.persons, body=left.body)
    assert cut(again, decision) == again


def test_a_recipient_cuts_what_a_sender_should_not_have_sent() -> None:
    clause = {"fields_by_role": {"key-worker": ["persons.victim", "circumstances"]}}
    message, decision = decide("safeguarding", clause=clause, persons=PERSONS)
    assert cut(message, decision).persons == (replace(VICTIM, views=None, told=None, safe_contact=None, consent=None),)


def test_a_message_of_which_no_person_is_left_is_not_sent() -> None:
    _, decision = decide("safeguarding", clause={"fields_by_role": {"key-worker": ["circumstances"]}})
    denied(decision, DenialCode.NO_PERSON_PERMITTED)


def test_a_message_that_would_say_too_little_is_not_sent_and_the_reason_names_what_is_missing() -> None:
    _, decision = decide("safeguarding", clause={"fields_by_role": {"key-worker": ["persons.victim", "risk_level"]}})
    denied(decision, DenialCode.FIELDS_INCOMPLETE, "circumstances")
    shared = {**SAFEGUARDING, "statements": [statement("circumstances", "p1", "p3")]}
    granted = {"fields_by_role": {"key-worker": ["persons.victim", "circumstances"]}}
    _, decision = decide("safeguarding", clause=granted, body=shared)
    denied(decision, DenialCode.FIELDS_INCOMPLETE, "must have one whose field is circumstances")


def test_a_statement_about_a_person_that_the_message_lacks_is_a_fault() -> None:
    _, decision = decide("safeguarding", persons=(VICTIM, CHILD))
    denied(decision, DenialCode.MALFORMED_BODY, "about p3")


def test_the_plan_of_a_message_can_be_checked_before_there_is_one() -> None:
    body = parse_alert(SAFEGUARDING)
    assert missing_fields(ALERT_KIND, body, frozenset(ALL)) == ()
    [fault] = missing_fields(ALERT_KIND, body, frozenset({"risk_level"}))
    assert "circumstances" in fault.problem
