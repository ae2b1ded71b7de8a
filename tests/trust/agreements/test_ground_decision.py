"""A message without an agreement is decided on its ground alone, and its token covers nothing else."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from trust import jose
from trust.agreements.decision import (
    GROUND_RULES,
    Denial,
    DenialCode,
    LocalPolicy,
    Permit,
    RequestFacts,
    ServiceKinds,
    decide_request,
    trace_request,
)
from trust.agreements.decision_record import RequestCase, decision_inputs, outcome_to_json, replay_of
from trust.agreements.legal_entry import UkNation
from trust.agreements.statutory_ground import GroundContext, GroundRefused, check_ground, check_sharing
from trust.claims import to_seconds
from trust.exchange.disclosure import DISCLOSURE, FORM, parse_body
from trust.exchange.errors import MalformedMessage
from trust.exchange.kinds import KINDS
from trust.exchange.message import (
    TYP,
    WITHOUT_AGREEMENT,
    Message,
    PseudonymousPractitioner,
    Urgency,
    build_message,
    peek_message,
)
from trust.exchange.person import Subject
from trust.exchange.persons import ConcernedPerson, Part
from trust.identifiers import AgreementId, ClauseId, EntityId, KindName, PurposeCode, RoleCode, ServiceSlug
from trust.keys import KeyUse, LocalSigner
from trust.oauth.authorization_details import AuthorizationDetail, covers, parse, to_json

COUNCIL, POLICE = EntityId("https://council.example"), EntityId("https://police.example")
NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)
BODY = {
    "type": "urgent",
    "fields": ["circumstances"],
    "statements": [
        {"field": "circumstances", "text": "He is hurt.", "about": ["p1"], "standing": "fact", "source": "visit",
         "on": "2026-11-30"}
    ],
}  # fmt: skip
DETAIL = AuthorizationDetail(
    agreement_id=WITHOUT_AGREEMENT.id,
    agreement_version=0,
    agreement_digest="",
    purpose=PurposeCode("safeguarding"),
    kinds=frozenset({DISCLOSURE}),
)


def disclosure(**changes: Any) -> Message:
    ground = changes.get("ground", "cda1998-s115")
    issued = to_seconds(NOW)
    good = Message(
        iss=COUNCIL,
        aud=POLICE,
        iat=issued,
        exp=issued + 600,
        jti="m-1",
        kind=DISCLOSURE,
        version=1,
        agreement=WITHOUT_AGREEMENT,
        clause=ClauseId(""),
        purpose=PurposeCode("safeguarding"),
        basis=(ground,),
        from_service=ServiceSlug("social-care"),
        to_service=ServiceSlug("pvp"),
        practitioner=PseudonymousPractitioner(sub="x", role=RoleCode("key-worker"), org_unit="north"),
        persons=(ConcernedPerson(ref="p1", part=Part.VICTIM, subject=Subject(nhs_number="9691292211")),),
        body=dict(BODY),
        urgency=Urgency.RED,
        ground=ground,
    )
    return replace(good, **changes)


def facts(message: Message, *details: AuthorizationDetail) -> RequestFacts:
    return RequestFacts(
        sender=message.iss,
        caller=message.iss,
        message=message,
        token_details=details or (DETAIL,),
        services=ServiceKinds(sender="social-care", recipient="police"),
    )


def decide(message: Message, *details: AuthorizationDetail) -> Permit | Denial:
    return decide_request(facts(message, *details), agreement=None, local=LocalPolicy(), own=message.aud, now=NOW)


def test_a_ground_that_permits_it_grants_what_the_body_brings_and_no_onward_disclosure() -> None:
    permit = decide(disclosure())
    assert isinstance(permit, Permit)
    assert permit.fields == {"circumstances", "persons.victim"}
    assert (permit.onward, permit.clause.basis, permit.clause.location_recipients) == (
        "none",
        ("cda1998-s115",),
        frozenset(),
    )


@pytest.mark.parametrize("ground", ["ca2004-s16la", "6-1-e", "9-2-a", "ssaa1992-s123", "no-such", "daa2021-s49a"])
def test_the_recipient_refuses_a_ground_that_does_not_permit_it(ground: str) -> None:
    denial = decide(disclosure(ground=ground))
    assert isinstance(denial, Denial)
    assert denial.code == DenialCode.GROUND_NOT_PERMITTED


def test_the_token_must_be_one_for_messages_without_an_agreement_and_covers_no_other() -> None:
    other = replace(DETAIL, agreement_id=AgreementId("vale"), agreement_version=1, agreement_digest="A" * 43)
    refused = decide(disclosure(), other)
    assert isinstance(refused, Denial)
    assert refused.code == DenialCode.TOKEN_DOES_NOT_COVER
    for message in (
        disclosure(kind=KindName("alert")),
        disclosure(purpose=PurposeCode("early-help")),
        disclosure(agreement=replace(WITHOUT_AGREEMENT, version=1)),
    ):
        assert not covers(DETAIL, message)


def test_its_authorization_detail_has_a_type_of_its_own() -> None:
    (written,) = to_json([DETAIL])
    assert written == {"type": "information_disclosure", "purpose": "safeguarding", "kinds": ["disclosure"]}
    assert parse([written]) == (DETAIL,)


def test_the_decision_replays_from_its_inputs_and_traces_its_own_rules() -> None:
    for message in (disclosure(), disclosure(ground="ca2004-s16la")):
        case = RequestCase(facts=facts(message), agreement=None, local=LocalPolicy(), own=POLICE, now=NOW)
        replay = replay_of(decision_inputs(case), lambda _: None)
        assert outcome_to_json(replay.decide()) == outcome_to_json(case.decide())
        trace = trace_request(facts(message), agreement=None, local=LocalPolicy(), own=POLICE, now=NOW)
        assert [each.number for each in trace] == [each.number for each in GROUND_RULES][: len(trace)]


def test_on_the_wire_it_has_a_ground_and_no_agreement() -> None:
    signer = LocalSigner.generate(KeyUse.MESSAGE)
    raw = build_message(disclosure(), signer)
    claims = jose.peek(raw, typ=TYP, max_bytes=65_536).claims
    assert claims["ground"] == "cda1998-s115"
    assert not {"agreement", "clause", "basis"} & claims.keys()
    assert peek_message(raw) == disclosure()
    for changes in (
        {"agreement": {"id": "vale", "version": 1, "digest": "A" * 43}},
        {"clause": "alerts"},
        {"ground": None},
        {"kind": "alert", "body": {"topic": "safeguarding"}},
    ):
        changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        with pytest.raises(MalformedMessage):
            peek_message(jose.sign(changed, typ=TYP, signer=signer))


def test_a_field_that_is_not_named_is_a_fault() -> None:
    refused = decide(disclosure(body={**BODY, "fields": ["risk"]}))
    assert isinstance(refused, Denial)
    assert refused.code == DenialCode.MALFORMED_BODY
    assert parse_body(BODY).fields <= FORM.fields
    assert KINDS[DISCLOSURE].without_agreement


@pytest.mark.parametrize(
    ("code", "on", "nations", "reason"),
    [
        ("daa2021-s3", date(2022, 1, 30), {UkNation.ENGLAND}, "in force only from 2022-01-31"),
        ("csa1995-s21", date(2026, 12, 1), {UkNation.ENGLAND}, "applies in Scotland"),
        ("ca2004-s16la", date(2026, 12, 1), {UkNation.ENGLAND}, "no day is appointed"),
    ],
)
def test_a_ground_has_its_day_and_its_extent(code: str, on: date, nations: set[UkNation], reason: str) -> None:
    context = GroundContext(service_kind="social-care", nations=frozenset(nations), on=on)
    with pytest.raises(GroundRefused, match=reason):
        check_ground(code, context)


@pytest.mark.parametrize("code", ["ca1989-s47", "ca2004-s11", "cda1998-s115", "6-1-d", "9-2-c", "dpa2018-sch1-18"])
def test_grounds_of_urgent_safeguarding_permit_it(code: str) -> None:
    context = GroundContext(service_kind="social-care", nations=frozenset({UkNation.ENGLAND}), on=date(2026, 12, 1))
    assert check_sharing(code, context).code == code
