"""A queued message is decided by clause, recipient, persons and what is left of it after the cut."""

from dataclasses import replace
from datetime import date
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.agreements.examples import binding
from tests.trust.agreements.queued_examples import RECIPIENT, SENDER, clause_of, decide, decide_under, document
from tests.trust.exchange.examples import COUNCIL, NOW, POLICE, signer
from tests.trust.exchange.queued_examples import (
    BODIES,
    CHILD,
    CONSENT,
    CORRECTION,
    PERPETRATOR,
    PERSONS,
    REHOUSING,
    SAFEGUARDING,
    SCHOOL_NOTICE,
    VICTIM,
    queued,
    statement,
)
from trust import jose
from trust.agreements.agreement import parse_agreement
from trust.agreements.bodies import PublicBody
from trust.agreements.clause_selection import QuerySpec, select_clauses
from trust.agreements.decision import Permit, ServiceKinds
from trust.agreements.denial import Denial, DenialCode
from trust.agreements.minimise import cut_message
from trust.agreements.reading import read_clause_out
from trust.agreements.signing import SigningContext, advise
from trust.exchange.alert import ALERT, ALERT_KIND
from trust.exchange.alert import parse_body as parse_alert
from trust.exchange.consent import ConsentForm, ConsentRole
from trust.exchange.errors import MalformedAgreement
from trust.exchange.kind import QueuedBody
from trust.exchange.kinds import KINDS
from trust.exchange.message import TYP, Message, build_message
from trust.exchange.person import Address
from trust.exchange.persons import PERSON_FIELDS, person_fields
from trust.exchange.referral import REFERRAL
from trust.identifiers import EntityId, PurposeCode, RoleCode, parse_service_ref
from trust.strict_json import dumps

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
    persons, body = cut_message(message, cast("QueuedBody", decision.query), decision.fields)
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


@pytest.mark.parametrize(
    ("name", "kind", "allowed"),
    [
        ("school-notice", "school", True),
        ("school-notice", "college", True),
        ("school-notice", "education", False),
        ("school-notice", "police", False),
        ("school-move", "admissions", True),
        ("school-move", "school", False),
        ("school-move", "education", False),
        ("rehousing", "housing", True),
        ("rehousing", "advocacy", False),
        ("safeguarding", "school", True),
        ("essentials", "charity", True),
    ],
)
def test_a_message_goes_only_to_kinds_of_service_that_may_receive_it(name: str, kind: str, allowed: bool) -> None:
    changes = HOUSING if name == "rehousing" else {}
    clause = TO_HOUSING if name == "rehousing" else {}
    services = ServiceKinds(recipient=kind)
    message, decision = decide(name, clause=clause, services=services, **changes)
    if allowed:
        cut(message, decision)
    else:
        denied(decision, DenialCode.RECIPIENT_KIND)


def test_the_notice_of_a_child_who_is_educated_at_home_goes_to_the_councils_education_service() -> None:
    body = {**SCHOOL_NOTICE, "details": {**SCHOOL_NOTICE["details"], "home_educated": True}}
    cut(*decide("school-notice", services=ServiceKinds(recipient="education"), body=body))
    _, decision = decide("school-notice", services=ServiceKinds(recipient="school"), body=body)
    denied(decision, DenialCode.RECIPIENT_KIND, "education")


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [("police", True), ("family-support", False), ("social-care", False), ("probation", False), ("anything", False)],
)
def test_only_the_police_cite_operation_encompass(kind: str, allowed: bool) -> None:
    clause = {"basis": ["6-1-e", "daa2021-s49a"]}
    services = ServiceKinds(sender=kind, recipient="school")
    message, decision = decide("school-notice", clause=clause, services=services)
    if allowed:
        cut(message, decision)
    else:
        denied(decision, DenialCode.BASIS_NOT_OPEN, "daa2021-s49a is for police forces")


def test_a_charity_cites_no_task_in_the_public_interest_and_a_council_does() -> None:
    message, decision = decide("advocacy", services=ServiceKinds(sender="social-care"))
    cut(message, decision)
    _, decision = decide("advocacy", services=ServiceKinds(sender="charity"))
    denied(decision, DenialCode.BASIS_NOT_OPEN, "6-1-e")


def test_each_end_of_a_clause_may_have_a_lawful_basis_of_its_own() -> None:
    """The police rely on a public task and the charity on a recognised interest; neither could cite the other's."""
    clause = {"basis": ["6-1-e", "6-1-ea", "9-2-g", "cda1998-s115"]}
    for sender in ("police", "charity"):
        cut(*decide("advocacy", clause=clause, services=ServiceKinds(sender=sender)))
    for sender, basis, code in (("police", "6-1-ea", "6-1-ea"), ("charity", "6-1-e", "6-1-e")):
        _, decision = decide("advocacy", clause={"basis": [basis]}, services=ServiceKinds(sender=sender))
        denied(decision, DenialCode.BASIS_NOT_OPEN, code)


def working_at(*services: str) -> dict[str, Any]:
    return {**SAFEGUARDING, "details": {**SAFEGUARDING["details"], "perpetrator_works_at": list(services)}}


def test_nothing_goes_to_a_service_at_which_an_alleged_perpetrator_works() -> None:
    _, decision = decide("safeguarding", body=working_at(SENDER, RECIPIENT))
    denied(decision, DenialCode.RECIPIENT_CONFLICT)
    cut(*decide("safeguarding", body=working_at(SENDER)))


def test_the_conflict_counts_also_where_the_clause_does_not_let_the_workplace_be_told() -> None:
    clause = {"fields_by_role": {"key-worker": ["persons.victim", "circumstances"]}}
    _, decision = decide("safeguarding", clause=clause, body=working_at(RECIPIENT))
    denied(decision, DenialCode.RECIPIENT_CONFLICT)


def test_a_workplace_is_not_told_without_the_person_who_works_there() -> None:
    granted = ["persons.victim", "circumstances", "perpetrator_works_at"]
    clause = {"fields_by_role": {"key-worker": granted}}
    left = cut(*decide("safeguarding", clause=clause, body=working_at(SENDER)))
    assert left.body["details"] == {}


@pytest.mark.holds("S8")
def test_rehousing_needs_signed_consent_and_the_authority_that_the_person_chose() -> None:
    left = cut(*decide("rehousing", clause=TO_HOUSING, **HOUSING))
    assert left.persons == (VICTIM,)
    for record, code in (
        (None, DenialCode.CONSENT_RECORD_MISSING),
        (replace(CONSENT, form=ConsentForm.SPOKEN), DenialCode.CONSENT_NOT_VALID),
        (replace(CONSENT, roles=frozenset({ConsentRole.ENGAGEMENT})), DenialCode.CONSENT_NOT_VALID),
        (replace(CONSENT, expires_on=date(2026, 8, 31)), DenialCode.CONSENT_NOT_VALID),
        (replace(CONSENT, given_on=date(2026, 9, 2)), DenialCode.CONSENT_NOT_VALID),
    ):
        changes = {**HOUSING, "persons": (replace(VICTIM, consent=record),)}
        _, decision = decide("rehousing", clause=TO_HOUSING, **changes)
        denied(decision, code, "p1")
        assert isinstance(decision, Denial)
        assert "send an alert" in decision.remedy
    _, decision = decide("rehousing", persons=(VICTIM,))
    denied(decision, DenialCode.RECIPIENT_NOT_CHOSEN)
    chosen = {name: value for name, value in REHOUSING["details"].items() if name != "chosen_authority"}
    _, decision = decide("rehousing", clause=TO_HOUSING, **HOUSING, body={**REHOUSING, "details": chosen})
    denied(decision, DenialCode.MALFORMED_BODY, "chosen_authority")


DUTY_TO_REFER = {**TO_HOUSING, "basis": ["6-1-e", "ha1996-s213b"]}
WITHOUT_PERPETRATOR = {
    "key-worker": sorted(KINDS[REFERRAL].fields - {"persons.alleged_perpetrator"}),
}


@pytest.mark.holds("S8")
def test_under_a_clause_that_rests_on_consent_each_person_who_is_left_consented() -> None:
    clause = {**DUTY_TO_REFER, "fields_by_role": WITHOUT_PERPETRATOR}
    family = {**HOUSING, "persons": (VICTIM, CHILD)}
    _, decision = decide("rehousing", clause=clause, **family)
    denied(decision, DenialCode.CONSENT_RECORD_MISSING, "It concerns p2.")
    family["persons"] = (VICTIM, replace(CHILD, consent=CONSENT))
    assert [person.ref for person in cut(*decide("rehousing", clause=clause, **family)).persons] == ["p1", "p2"]
    alone = {"fields_by_role": {"key-worker": ["persons.victim", *sorted(KINDS[REFERRAL].fields - PERSON_FIELDS)]}}
    left = cut(*decide("rehousing", clause=clause | alone, **{**HOUSING, "persons": (VICTIM, CHILD)}))
    assert [person.ref for person in left.persons] == ["p1"]


@pytest.mark.holds("S8")
def test_a_consent_that_is_known_to_have_ended_blocks_the_referral_and_leaves_the_other_routes() -> None:
    _, decision = decide("rehousing", clause=TO_HOUSING, ended=frozenset({"p1"}), **HOUSING)
    denied(decision, DenialCode.CONSENT_WITHDRAWN, "p1")
    assert isinstance(decision, Denial)
    assert "apply to the authority themselves" in decision.remedy
    cut(*decide("rehousing", clause=TO_HOUSING, ended=frozenset({"p2"}), **HOUSING))
    cut(*decide("safeguarding", ended=frozenset({"p1"})))


def test_no_alleged_perpetrator_is_sent_under_consent() -> None:
    everyone = {**HOUSING, "persons": (VICTIM, replace(PERPETRATOR, consent=CONSENT))}
    assert [person.ref for person in cut(*decide("rehousing", clause=TO_HOUSING, **everyone)).persons] == ["p1"]
    with pytest.raises(MalformedAgreement, match="alleged perpetrator"):
        binding(document(clause_of(REFERRAL, **DUTY_TO_REFER)))


def test_a_record_of_consent_is_sent_only_where_consent_is_needed() -> None:
    assert [person.consent for person in cut(*decide("safeguarding")).persons] == [None, None, None]


MOVED = {
    **CORRECTION,
    "details": {**CORRECTION["details"], "item": "subject.address"},
    "statements": [statement("correction.address", "p1", text="Now at ZE7 1QB.")],
}
NOT_ADDRESSES = {"key-worker": sorted(KINDS[BODIES["correction"][0]].fields - {"correction.address"})}


@pytest.mark.parametrize("name", ["case.closure", "consent.withdrawn", "correction", "erasure"])
def test_a_notice_carries_no_persons_address(name: str) -> None:
    assert [person.subject.address for person in cut(*decide(name)).persons] == [None, None, None]


def test_a_new_address_is_no_correction_for_those_who_may_not_have_it() -> None:
    assert cut(*decide("correction", body=MOVED)).persons[0].subject.address == VICTIM.subject.address
    _, decision = decide("correction", body=MOVED, clause={"fields_by_role": NOT_ADDRESSES})
    assert isinstance(decision, Denial)
    assert decision.code == DenialCode.FIELDS_INCOMPLETE


def test_no_statement_has_a_postcode_where_a_persons_address_is_restricted() -> None:
    hidden = replace(VICTIM, subject=replace(VICTIM.subject, address_restricted=True))
    body = {**SAFEGUARDING, "statements": [statement("circumstances", "p1", text="Seen at ZE7 1QB.")]}
    cut(*decide("safeguarding", body=body))
    _, decision = decide("safeguarding", body=body, persons=(hidden,))
    denied(decision, DenialCode.MALFORMED_BODY, "restricted")


def test_a_statement_is_not_dated_after_its_message() -> None:
    body = {**SAFEGUARDING, "statements": [statement("circumstances", "p1", on="2026-09-02")]}
    _, decision = decide("safeguarding", body=body)
    denied(decision, DenialCode.MALFORMED_BODY, "after the message")


SECRETS = {"p1": "Alderwick", "p2": "Brambling", "p3": "Corncrake"}
"""A word for each person that stands in everything said about them."""


def marked(name: str) -> dict[str, Any]:
    """Give the body with statements about every set of persons, each with the words of all of them."""
    _, body = BODIES[name]
    fields = {each["field"] for each in body["statements"]}
    about = [["p1"], ["p2"], ["p3"], ["p1", "p2"], ["p1", "p3"], ["p2", "p3"], ["p1", "p2", "p3"]]
    more = [
        statement(field, *refs, text=" ".join(SECRETS[ref] for ref in refs), source=SECRETS[refs[-1]])
        for field in sorted(fields)
        for refs in about
    ]
    return {**body, "statements": more}


@pytest.mark.holds("A48")
@given(data=st.data())
def test_nothing_about_a_person_or_field_that_is_not_granted_is_in_the_bytes(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(BODIES)))
    kind = KINDS[BODIES[name][0]]
    parts = data.draw(st.frozensets(st.sampled_from(sorted(PERSON_FIELDS))))
    granted = parts | data.draw(st.frozensets(st.sampled_from(sorted(kind.fields - PERSON_FIELDS))))
    persons = tuple(
        replace(person, subject=replace(person.subject, family_name=SECRETS[person.ref], address=Address(uprn="10023")))
        for person in PERSONS
    )
    message = queued(name, body=marked(name), persons=persons)
    body = cast("QueuedBody", kind.parsers[1](message.body))
    left, cut_body = cut_message(message, body, granted)
    assert cut_message(replace(message, persons=left), cut_body, granted) == (left, cut_body)
    raw = build_message(replace(message, persons=left, body=cut_body.to_body()), signer("council"))
    payload = jose.peek(raw, typ=TYP, max_bytes=len(raw)).claims
    sent = dumps({"persons": payload.get("persons", []), "body": payload["body"]}).decode()
    refused = {person.ref for person in PERSONS if person.part.field not in granted}
    assert not [ref for ref in refused if SECRETS[ref] in sent or f'"{ref}"' in sent]
    names = {*payload["body"]["details"], *(each["field"] for each in payload["body"]["statements"])}
    assert names <= granted
    if "persons.told" not in granted:
        assert '"told"' not in sent
    if body.address_field is not None and body.address_field not in granted:
        assert "10023" not in sent


@given(granted=st.frozensets(st.sampled_from(ALL), min_size=1))
def test_a_permit_is_for_a_message_that_its_recipient_permits_unchanged(granted: frozenset[str]) -> None:
    agreement = binding(document(clause_of(ALERT, fields_by_role={"key-worker": sorted(granted)})))
    message, decision = decide_under(agreement, "safeguarding")
    if isinstance(decision, Denial):
        assert decision.code in {DenialCode.NO_PERSON_PERMITTED, DenialCode.FIELDS_INCOMPLETE}
        return
    left = cut(message, decision)
    again, second = decide_under(agreement, "safeguarding", persons=left.persons, body=left.body)
    assert cut(again, second) == again == replace(left, jti=again.jti)


def read_out(**changes: Any) -> list[str]:
    agreement = parse_agreement(dumps(document(clause_of(changes.pop("kind", ALERT), **changes))))
    return read_clause_out(agreement.clauses[0], agreement)


def test_a_signatory_reads_who_may_send_what_and_that_receipts_tell_nothing() -> None:
    lines = read_out(topics=["safeguarding", "worker-risk"], fields_by_role={"key-worker": ["persons.victim", "risk"]})
    assert lines[0] == (
        "For safeguarding, connecting-families (Vale Council) may send protecting-vulnerable-people (Vale Police) "
        "an alert about a person (alert, version 1)."
    )
    assert "It may be about these topics only: safeguarding and worker-risk." in lines
    assert "a key-worker may send: persons.victim, risk" in lines
    assert "Receipts never say whether the recipient knows the person." in lines
    assert "What is sent is kept for 90 days at most. It may not be passed on." in lines
    assert any(line.startswith("Each party sets how many messages it takes at a time; ") for line in lines)


def test_a_signatory_reads_that_each_person_comes_with_consent() -> None:
    terms = {**DUTY_TO_REFER, "holders": [SENDER], "askers": [RECIPIENT], "fields_by_role": WITHOUT_PERPETRATOR}
    lines = read_out(kind=REFERRAL, **terms)
    assert any("each person who is sent comes with the record of it" in line for line in lines)


@pytest.mark.parametrize(("own", "faulty"), [(COUNCIL, True), (POLICE, False)])
def test_of_a_queued_kind_the_sender_needs_a_power_and_the_recipient_none(own: EntityId, faulty: bool) -> None:
    agreement = parse_agreement(dumps(document(clause_of(ALERT, basis=["6-1-e", "daa2021-s49a"]))))
    signer = SigningContext(own=own, services={}, body=PublicBody.LOCAL_AUTHORITY)
    faults = [each for each in advise(agreement, signer, today=NOW.date()).faults if "power" in each]
    assert bool(faults) == faulty


def test_of_two_clauses_the_one_that_grants_more_persons_is_chosen() -> None:
    narrow = clause_of(ALERT, id="a-narrow", fields_by_role={"key-worker": ["persons.victim", "circumstances"]})
    wide = clause_of(
        ALERT, id="b-wide", fields_by_role={"key-worker": ["persons.victim", "persons.child", "circumstances"]}
    )
    spec = QuerySpec(
        asker=parse_service_ref(SENDER),
        kind=ALERT_KIND,
        purpose=PurposeCode("safeguarding"),
        role=RoleCode("key-worker"),
        query=parse_alert({**SAFEGUARDING, "details": {}}),
        person_fields=person_fields(PERSONS),
    )
    [chosen] = select_clauses([binding(document(narrow, wide))], spec)
    assert chosen.clause.id == "b-wide"
