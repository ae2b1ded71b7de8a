"""An agreement says everything it must, and binds once every party has signed it and while it lasts."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.agreements.examples import (
    BINDING,
    DOCUMENT,
    JOBCENTRE,
    clauses,
    document,
    parsed,
    signatures,
)
from tests.trust.exchange.examples import COUNCIL, NOW, TRUST
from tests.trust.exchange.strategies import changed, objects
from trust.agreements.agreement import PROSE, InForce, NotInForce, Under, in_force, parse_agreement
from trust.agreements.clause import Existence, Onward
from trust.agreements.legal_entry import UkNation
from trust.claims import digest
from trust.errors import TrustError
from trust.exchange.errors import MalformedAgreement
from trust.exchange.kind import kinds_by_name
from trust.exchange.kinds import KINDS
from trust.identifiers import AgreementId, KindName, RoleCode

AGREEMENT = parsed()
EVERYONE = (COUNCIL, TRUST, JOBCENTRE)


def faults_of(whole: dict[str, Any]) -> set[str]:
    with pytest.raises(MalformedAgreement) as refused:
        parsed(whole)
    return {fault.path for fault in refused.value.faults}


def test_an_agreement_is_known_by_the_digest_of_its_very_bytes() -> None:
    raw = json.dumps(DOCUMENT).encode()
    spaced = json.dumps(DOCUMENT, indent=2).encode()
    assert parse_agreement(raw).ref.digest == digest(raw)
    assert parse_agreement(spaced).ref != parse_agreement(raw).ref


def test_a_clause_states_askers_holders_and_fields() -> None:
    clause = AGREEMENT.clause("who-else")
    assert clause is not None
    assert {str(ref) for ref in clause.askers} == {f"{COUNCIL}#connecting-families"}
    assert clause.fields_by_role[RoleCode("duty-officer")] == {"organisation", "duty_phone"}
    assert (clause.existence, clause.onward, clause.keep_days) == (Existence.CONDITIONAL, Onward.NONE, 90)
    assert clause.law.startswith("Shared under UK GDPR Article 6(1)(e)")
    assert not clause.urgent
    assert AGREEMENT.clause("other") is None


def test_a_clause_may_be_urgent() -> None:
    urgent = document()
    urgent["clauses"][0]["urgent"] = True
    clause = parse_agreement(json.dumps(urgent).encode()).clause("who-else")
    assert clause is not None
    assert clause.urgent


def test_a_clause_may_list_what_of_the_person_each_holder_is_sent() -> None:
    holder, other = f"{TRUST}#community-team", f"{COUNCIL}#money-advice"
    members = ["nhs_number", "family_name", "birth_date"]
    clause = parsed(clauses(0, subject_by_holder={holder: members})).clause("who-else")
    assert clause is not None
    assert {str(ref): listed for ref, listed in clause.subject_by_holder.items()} == {holder: frozenset(members)}
    assert all(str(ref) != other for ref in clause.subject_by_holder)


@pytest.mark.parametrize(
    ("holder", "members"),
    [
        (f"{TRUST}#community-team", ["shoe_size"]),
        (f"{TRUST}#community-team", ["family_name", "birth_date"]),
        (f"{TRUST}#community-team", ["gender", "aliases"]),
        (f"{TRUST}#community-team", []),
        (f"{COUNCIL}#connecting-families", ["nhs_number"]),
        (f"{TRUST}#no-such-team", ["nhs_number"]),
        ("community-team", ["nhs_number"]),
    ],
)
def test_a_faulty_list_of_what_is_sent_is_a_fault_of_the_document(holder: str, members: list[str]) -> None:
    (path,) = faults_of(clauses(0, subject_by_holder={holder: members}))
    assert path.startswith("clauses[0].subject_by_holder")


def test_every_fault_of_a_document_is_named_at_once() -> None:
    whole = document(version=0, valid_from="2026-13-01", powers=["magna-carta"], colour="red")
    del whole["security"]
    whole["parties"][1]["entity"] = "http://mental-health.example"
    assert faults_of(whole) >= {"version", "valid_from", "powers[0]", "colour", "security", "parties[1].entity"}


@pytest.mark.parametrize("name", sorted(DOCUMENT))
def test_nothing_that_an_agreement_must_state_can_be_left_out(name: str) -> None:
    whole = document()
    del whole[name]
    assert name in faults_of(whole)


def test_an_agreement_may_demand_trust_marks() -> None:
    marks = ["https://anchor.example/marks/data-protection-assured", "https://county.example/marks/agreement/x"]
    assert parsed(document(required_marks=marks)).required_marks == tuple(marks)
    assert AGREEMENT.required_marks == ()


@pytest.mark.parametrize(
    ("marks", "path"),
    [
        ("https://anchor.example/marks/any", "required_marks"),
        (["data-protection-assured"], "required_marks[0]"),
        (["https://anchor.example"], "required_marks[0]"),
        (["http://anchor.example/marks/any"], "required_marks[0]"),
        (["https://anchor.example/marks/any"] * 2, "required_marks[1]"),
        ([f"https://anchor.example/marks/{number}" for number in range(17)], "required_marks"),
    ],
)
def test_a_demand_for_what_is_no_trust_mark_is_a_fault(marks: object, path: str) -> None:
    assert faults_of(document(required_marks=marks)) == {path}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "gossip.query"}, "kind"),
        ({"version": 2}, "version"),
        ({"purpose": "marketing"}, "purpose"),
        ({"askers": ["https://stranger.example#x"]}, "askers[0]"),
        ({"holders": [f"{TRUST}#other-team"]}, "holders[0]"),
        ({"fields_by_role": {"key-worker": ["diagnosis"]}}, "fields_by_role.key-worker"),
        ({"fields_by_role": {"Key Worker": ["worker"]}}, "fields_by_role (role 1)"),
        ({"fields_by_role": {}}, "fields_by_role"),
        ({"basis": ["6-1-z"]}, "basis[0]"),
        ({"basis": ["ca2004-s10"]}, "basis"),
        ({"existence": "perhaps"}, "existence"),
        ({"keep_days": -1}, "keep_days"),
        ({"onward": "anyone"}, "onward"),
        ({"urgent": "yes"}, "urgent"),
        ({"respond_within": "4 hours"}, "respond_within"),
        ({"review_when": {"useful_below": 25, "of": 20}}, "review_when"),
        ({"questions": ["in_payment"]}, "questions"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_clause_outside_its_agreement_or_the_law_is_a_fault(change: dict[str, Any], path: str) -> None:
    assert f"clauses[0].{path}" in faults_of(clauses(0, **change))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"fields_by_role": {"money-adviser": ["answer"]}}, "fields_by_role.money-adviser"),
        ({"questions": []}, "questions"),
        ({"questions": ["how_much"]}, "questions"),
    ],
)
def test_an_eligibility_clause_permits_listed_questions_and_the_whole_answer(change: dict[str, Any], path: str) -> None:
    assert f"clauses[1].{path}" in faults_of(clauses(1, **change))


def test_a_law_that_was_not_enacted_cannot_be_relied_on() -> None:
    whole = clauses(0, basis=["6-1-ea"])
    assert parsed(whole).clauses[0].basis == ("6-1-ea",)
    whole["valid_from"] = "2025-06-18"
    assert "clauses[0].basis[0]" in faults_of(whole)


def test_an_agreement_that_was_signed_on_a_law_not_in_force_is_still_read() -> None:
    """Its other clauses, alerts among them, would else be lost with it; no draft gets that far (test_draft)."""
    days = {"valid_from": "2026-10-01", "review_date": "2027-03-31"}
    clause = parsed(clauses(0, basis=["6-1-e", "ca2004-s16la"]) | days).clauses[0]
    assert "Not in force on 2026-10-01: Children Act 2004, section 16LA." in clause.law


OVERARCHING = {name: value for name, value in DOCUMENT.items() if name != "clauses"} | {"overarching": True}


def test_an_overarching_agreement_permits_nothing() -> None:
    agreement = parsed(OVERARCHING)
    assert agreement.overarching
    assert agreement.clauses == ()
    assert faults_of(OVERARCHING | {"clauses": DOCUMENT["clauses"]}) == {"clauses"}
    assert faults_of(OVERARCHING | {"overarching": False}) == {"clauses"}


def test_a_schedule_may_leave_to_the_overarching_agreement_what_is_common() -> None:
    under = {"id": "vale-overarching", "digest": "x" * 43}
    short = {name: value for name, value in DOCUMENT.items() if name not in PROSE} | {"under": under}
    agreement = parsed(short)
    assert agreement.under == Under(id=AgreementId("vale-overarching"), digest="x" * 43)
    assert agreement.rights == ""
    assert parsed(short | {"rights": "Ask any party."}).rights == "Ask any party."
    assert faults_of(short | {"rights": ""}) == {"rights"}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"under": {"id": "vale-early-help", "digest": "x" * 43}}, "under.id"),
        ({"under": {"id": "vale-overarching", "digest": "x"}}, "under.digest"),
        ({"under": {"id": "vale-overarching"}}, "under.digest"),
        ({"under": "vale-overarching"}, "under"),
    ],
)
def test_a_faulty_reference_to_the_overarching_agreement_is_a_fault(changes: dict[str, Any], path: str) -> None:
    assert faults_of(document(**changes)) == {path}


def test_there_are_two_tiers() -> None:
    under = {"id": "vale-tier-nought", "digest": "x" * 43}
    assert faults_of(OVERARCHING | {"under": under}) == {"under"}


def test_a_party_says_in_which_nations_it_acts() -> None:
    whole = document()
    whole["parties"][0]["nations"] = ["england", "wales"]
    assert parsed(whole).parties[0].nations == {UkNation.ENGLAND, UkNation.WALES}
    whole["parties"][0]["nations"] = ["mercia"]
    assert faults_of(whole) == {"parties[0].nations[0]"}


def test_absence_may_not_be_told_where_the_clause_rests_on_consent() -> None:
    assert "clauses[0].existence" in faults_of(clauses(0, basis=["6-1-a"], existence="unconditional"))
    parsed(clauses(0, basis=["6-1-a"], existence="conditional"))


def test_two_of_a_name_are_a_fault() -> None:
    whole = document()
    assert faults_of(whole | {"clauses": whole["clauses"] * 2}) == {"clauses"}
    assert faults_of(whole | {"parties": whole["parties"] * 2}) == {"parties"}
    assert faults_of(whole | {"purposes": whole["purposes"] * 2}) == {"purposes"}


def test_the_dates_must_follow_one_another() -> None:
    assert faults_of(document(valid_until="2026-01-01", review_date="2025-01-01")) == {"valid_until", "review_date"}


def test_with_every_signature_it_is_in_force() -> None:
    assert isinstance(in_force(AGREEMENT, signatures(AGREEMENT, *EVERYONE), NOW), InForce)


@pytest.mark.parametrize("absent", EVERYONE)
def test_with_one_signature_missing_it_is_not(absent: str) -> None:
    signed = signatures(AGREEMENT, *(party for party in EVERYONE if party != absent))
    held = in_force(AGREEMENT, signed, NOW)
    assert isinstance(held, NotInForce)
    assert held.missing == (absent,)
    party = AGREEMENT.party(absent)
    assert party is not None
    assert party.name in held.reason


def test_a_signature_on_other_bytes_or_filed_under_another_party_does_not_count() -> None:
    signed = signatures(AGREEMENT, *EVERYONE)
    reworded = parsed(document(title="Another title"))
    assert isinstance(in_force(reworded, signed, NOW), NotInForce)
    held = in_force(AGREEMENT, signed | {JOBCENTRE: signed[COUNCIL]}, NOW)
    assert isinstance(held, NotInForce)
    assert held.missing == (JOBCENTRE,)


@pytest.mark.parametrize(
    ("moment", "binds"),
    [
        (datetime(2026, 3, 31, 23, 59, tzinfo=UTC), False),
        (datetime(2026, 4, 1, tzinfo=UTC), True),
        (datetime(2028, 3, 31, 23, 59, tzinfo=UTC), True),
        (datetime(2028, 4, 1, tzinfo=UTC), False),
    ],
)
def test_it_binds_from_its_first_day_to_the_end_of_its_last(moment: datetime, binds: bool) -> None:
    held = in_force(AGREEMENT, signatures(AGREEMENT, *EVERYONE), moment)
    assert isinstance(held, InForce) is binds
    assert isinstance(held, InForce) or held.missing == ()


def test_a_party_and_its_services_can_be_found() -> None:
    assert len(BINDING.agreement.services) == 4
    assert BINDING.agreement.party("https://stranger.example") is None
    assert BINDING.agreement.valid_until - BINDING.agreement.valid_from > timedelta(days=365)


@given(
    whole=objects(*DOCUMENT) | changed(DOCUMENT) | changed(DOCUMENT["clauses"][0]).map(lambda one: clauses(0, **one))
)
def test_any_document_gives_an_agreement_or_a_refusal(whole: dict[str, Any]) -> None:
    try:
        parsed(whole)
    except TrustError:
        return


@given(raw=st.binary(max_size=200))
def test_any_bytes_give_an_agreement_or_a_refusal(raw: bytes) -> None:
    with pytest.raises(TrustError):
        parse_agreement(raw)


NOTE = replace(KINDS[KindName("involvement.query")], name=KindName("note"), queued=True)
NOTES = kinds_by_name(*KINDS.values(), NOTE)


def note(**changed: object) -> bytes:
    """Write an agreement whose first clause is of a queued kind."""
    return json.dumps(clauses(0, kind="note", **changed)).encode()


def test_a_clause_of_a_queued_kind_may_say_when_the_recipient_decides() -> None:
    clause = parse_agreement(note(respond_within="4 working hours"), NOTES).clauses[0]
    assert str(clause.respond_within) == "4 working hours"
    assert parse_agreement(note(), NOTES).clauses[0].respond_within is None


@pytest.mark.parametrize("text", ["4 hour", "soon", "0 hours", 4, "721 hours"])
def test_a_response_time_has_one_spelling(text: object) -> None:
    with pytest.raises(MalformedAgreement) as refused:
        parse_agreement(note(respond_within=text), NOTES)
    assert [fault.path for fault in refused.value.faults] == ["clauses[0].respond_within"]
