"""An alert, referral or notice is a typed request, or every fault of it by its member's path and never by its value."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerts.request import EXAMPLE_ALERT, AlertRequest
from gateway.notices.case_api import EXAMPLE_NOTICE, NoticeRequest
from gateway.referrals.request import EXAMPLE_REFERRAL, ReferralRequest
from gateway.web import problem
from gateway.web.problem import Problem
from gateway.web.submission_request import MessageParts, SubmissionBody, read_message
from trust.exchange.alert import ALERT_KIND
from trust.exchange.kind import ExchangeKind
from trust.exchange.notice import NOTICE_KIND
from trust.exchange.referral import REFERRAL_KIND

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
CANARY = "Hartley-canary"
KINDS: list[tuple[type[SubmissionBody], ExchangeKind, dict[str, Any]]] = [
    (AlertRequest, ALERT_KIND, EXAMPLE_ALERT),
    (ReferralRequest, REFERRAL_KIND, EXAMPLE_REFERRAL),
    (NoticeRequest, NOTICE_KIND, EXAMPLE_NOTICE),
]
VICTIM = EXAMPLE_ALERT["persons"][0]


def read(
    body: dict[str, Any], model: type[SubmissionBody] = AlertRequest, kind: ExchangeKind = ALERT_KIND
) -> MessageParts:
    return read_message(model, json.dumps(body).encode(), kind=kind, now=NOW)[1]


def faults_of(
    body: dict[str, Any], model: type[SubmissionBody] = AlertRequest, kind: ExchangeKind = ALERT_KIND
) -> dict[str, str]:
    with pytest.raises(Problem) as refused:
        read(body, model, kind)
    return {fault.path: fault.problem for fault in refused.value.faults} or {"": refused.value.kind.code}


def changed(**changes: Any) -> dict[str, Any]:
    body = {**EXAMPLE_ALERT, **changes}
    return {name: value for name, value in body.items() if value != "absent"}


@pytest.mark.parametrize(("model", "kind", "example"), KINDS, ids=[kind.name for _, kind, _ in KINDS])
def test_the_examples_are_read_as_recipients_read_them(
    model: type[SubmissionBody], kind: ExchangeKind, example: dict[str, Any]
) -> None:
    parts = read(example, model, kind)
    assert [person.ref for person in parts.persons] == ["p1"]
    assert kind.parsers[1](parts.body.to_body()) == parts.body


def test_every_fault_is_named_at_once() -> None:
    body = changed(
        recipients=["https://police.example#pvp", "https://police.example#pvp"],
        urgency="scarlet",
        topic="absent",
        colour="red",
        deadline="tomorrow",
        practitioner={**EXAMPLE_ALERT["practitioner"], "name": None, "call_back": "ring me"},
        persons=[
            {**VICTIM, "subject": {"nhs_number": "9691292212"}, "views": {"sought": False}},
            {"ref": "p2", "part": "hero", "subject": {"nickname": "x"}},
        ],
    )
    assert faults_of(body).keys() == {
        "urgency",
        "topic",
        "colour",
        "deadline",
        "practitioner.name",
        "practitioner.call_back",
        "persons[0].subject.nhs_number",
        "persons[0].views.why",
        "persons[1].part",
        "persons[1].subject.nickname",
    }


@pytest.mark.parametrize(
    ("changes", "member", "sentence"),
    [
        ({"recipients": []}, "recipients", "must have at least 1 item"),
        ({"recipients": "absent"}, "recipients", "is missing"),
        ({"recipients": ["police"]}, "recipients[0]", "must be a service in full"),
        ({"recipients": EXAMPLE_ALERT["recipients"] * 2}, "recipients", "must not name a service twice"),
        ({"topic": "gossip"}, "topic", "must be one of"),
        ({"statements": []}, "statements", "must have one whose field is circumstances"),
        ({"details": {"shoe_size": 7}}, "details.shoe_size", "is not a member of this object"),
        ({"details": {"dash_score": 99}}, "details.dash_score", "must be a whole number"),
        ({"deadline": "2026-11-30T08:59:59Z"}, "deadline", "must lie in the future"),
        ({"deadline": "2027-12-30T08:59:59Z"}, "deadline", "must lie in the future"),
        ({"deadline": "2026-12-01T09:00:00"}, "deadline", "must be a time with its zone"),
        ({"supersedes": "the last one"}, "supersedes", "must be an id that this node gave out"),
        ({"practitioner": "absent"}, "practitioner", "is missing"),
        ({"persons": []}, "persons", "must have at least 1 item"),
        ({"persons": "absent"}, "persons", "is missing"),
        ({"persons": [VICTIM, VICTIM]}, "persons", "has two persons of one ref"),
        ({"persons": [{**VICTIM, "ref": "p7"}]}, "statements", "are about p1"),
        ({"persons": [{**VICTIM, "told": None}]}, "persons[0].told", "is missing: say whether"),
        ({"persons": [{**VICTIM, "views": None}]}, "persons[0].views", "is missing: say whether"),
        ({"persons": [{**VICTIM, "safe_contact": None}]}, "persons[0].safe_contact", "is missing"),
    ],
)
def test_each_fault_has_a_plain_sentence(changes: dict[str, Any], member: str, sentence: str) -> None:
    assert faults_of(changed(**changes))[member].startswith(sentence)


def test_a_person_at_no_risk_need_not_be_told() -> None:
    unknown = {"ref": "p2", "part": "alleged_perpetrator", "subject": {}}
    assert len(read(changed(persons=[VICTIM, unknown])).persons) == 2


def test_what_tells_no_person_apart_is_left_out_and_said() -> None:
    subject = {**VICTIM["subject"], "address": {"postcode": "ZZ99 3VZ"}}
    parts = read(changed(persons=[{**VICTIM, "subject": subject}]))
    assert [each.member for each in parts.left_out] == ["persons[0].subject.address.postcode"]
    assert parts.persons[0].subject.address is None


@pytest.mark.holds("A50")
def test_no_value_is_repeated() -> None:
    body = changed(
        recipients=[f"{CANARY} x"],
        topic=CANARY,
        urgency=CANARY,
        reason=[CANARY],
        supersedes=f"{CANARY} x",
        deadline=CANARY,
        details={f"{CANARY} who": CANARY, "dash_score": CANARY},
        persons=[{**VICTIM, "ref": CANARY, "part": CANARY, "subject": {"family_name": [CANARY]}, "told": CANARY}],
        statements=[{"field": CANARY, "text": [CANARY], "about": [CANARY], "standing": CANARY, "on": CANARY}],
    )
    with pytest.raises(Problem) as refused:
        read(body)
    assert len(refused.value.faults) > 8
    assert CANARY not in problem.to_bytes(refused.value, request_id="0123456789abcdef").decode()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*EXAMPLE_ALERT, "deadline", "x"]), _json))
def test_any_json_is_read_or_refused(changes: dict[str, Any]) -> None:
    outcome = None
    try:
        read({**EXAMPLE_ALERT, **changes})
    except Problem as refused:
        outcome = refused.kind
    assert outcome in {None, problem.INVALID_FIELDS, problem.NOT_JSON}
