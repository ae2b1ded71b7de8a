"""Answers of recipients: an alert closed, a referral's status, and the outcome of a notice."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.strategies import changed
from trust.exchange.alert import AlertAnswer, AlertOutcome
from trust.exchange.alert import parse_answer as parse_alert_answer
from trust.exchange.errors import MalformedBody
from trust.exchange.kind import MessageAnswer
from trust.exchange.kinds import KINDS
from trust.exchange.notice import NoticeAnswer, NoticeOutcome
from trust.exchange.notice import parse_answer as parse_notice_answer
from trust.exchange.referral import Alternative, ReferralAnswer, ReferralStatus, StatusNotPermitted, next_status
from trust.exchange.referral import parse_answer as parse_referral_answer
from trust.identifiers import KindName

DECLINED = {
    "status": "declined",
    "reason": "Outside our area.",
    "declined_by": "duty-manager",
    "alternative": {"service_type": "advocacy", "service": "https://charity.example#advocates"},
}
ANSWERS: list[tuple[str, dict[str, Any]]] = [
    ("alert", {"closed": "useful"}),
    ("referral", DECLINED),
    ("referral", {"status": "completed", "outcome": "fridge-delivered", "note": "Delivered on Friday."}),
    ("referral", {"status": "accepted"}),
    ("notice", {"answer": "kept", "ground": "A court ordered it."}),
    ("notice", {"answer": "not-held"}),
]


def read(kind: str, body: dict[str, Any]) -> MessageAnswer:
    parse = KINDS[KindName(kind)].parse_answer
    assert parse is not None
    return parse(body)


@pytest.mark.parametrize(("kind", "body"), ANSWERS)
def test_an_answer_is_read_back_as_it_was_written(kind: str, body: dict[str, Any]) -> None:
    assert read(kind, body).to_body() == body


def test_answers_as_values() -> None:
    assert parse_alert_answer({"closed": "wrong-person"}) == AlertAnswer(outcome=AlertOutcome.WRONG_PERSON)
    assert parse_referral_answer(DECLINED) == ReferralAnswer(
        status=ReferralStatus.DECLINED,
        reason="Outside our area.",
        declined_by="duty-manager",
        alternative=Alternative(service_type="advocacy", service="https://charity.example#advocates"),
    )
    assert parse_notice_answer({"answer": "done"}) == NoticeAnswer(answer=NoticeOutcome.DONE)


def test_only_the_wrong_person_or_service_is_a_possible_breach() -> None:
    assert {each for each in AlertOutcome if each.is_possible_breach} == {
        AlertOutcome.WRONG_PERSON,
        AlertOutcome.WRONG_SERVICE,
    }


@pytest.mark.parametrize("name", ["reason", "declined_by"])
def test_a_declined_referral_says_why_and_who_declined(name: str) -> None:
    with pytest.raises(MalformedBody, match=name):
        read("referral", {member: value for member, value in DECLINED.items() if member != name})


@pytest.mark.parametrize(
    ("kind", "body", "path"),
    [
        ("alert", {"closed": "later"}, "closed"),
        ("alert", {}, "closed"),
        ("referral", {"status": "completed"}, "outcome"),
        ("referral", {"status": "lost"}, "status"),
        ("referral", {**DECLINED, "declined_by": "Imogen Farrow"}, "declined_by"),
        ("referral", {**DECLINED, "reason": "\u200b"}, "reason"),
        ("referral", {**DECLINED, "alternative": {}}, "alternative"),
        ("notice", {"answer": "kept"}, "ground"),
        ("notice", {"answer": "ignored"}, "answer"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_none(kind: str, body: dict[str, Any], path: str) -> None:
    with pytest.raises(MalformedBody) as refused:
        read(kind, body)
    assert [fault.path for fault in refused.value.faults] == [f"answer.{path}"]


@given(data=st.data())
def test_any_answer_is_read_or_refused(data: st.DataObject) -> None:
    kind, body = data.draw(st.sampled_from(ANSWERS))
    try:
        answer = read(kind, data.draw(changed(body)))
    except MalformedBody:
        return
    assert read(kind, answer.to_body()) == answer


LIFE = ["received", "accepted", "in_progress", "interim", "interim", "completed", "reopened", "declined", "reopened"]


def test_a_referral_goes_through_its_life() -> None:
    previous = None
    for word in LIFE:
        previous = next_status(previous, ReferralStatus(word))


@pytest.mark.parametrize(
    ("previous", "new"),
    [
        (None, "completed"),
        ("received", "received"),
        ("received", "in_progress"),
        ("accepted", "declined"),
        ("in_progress", "accepted"),
        ("completed", "accepted"),
        ("declined", "accepted"),
        ("cancelled", "completed"),
        ("reopened", "reopened"),
    ],
)
def test_a_referral_takes_no_other_way(previous: str | None, new: str) -> None:
    before = None if previous is None else ReferralStatus(previous)
    with pytest.raises(StatusNotPermitted, match="may become"):
        next_status(before, ReferralStatus(new))


def test_every_status_can_be_reached_and_left() -> None:
    reached = set()
    for previous in (None, *ReferralStatus):
        after = set()
        for new in ReferralStatus:
            try:
                after.add(next_status(previous, new))
            except StatusNotPermitted:
                continue
        assert after
        reached |= after
    assert reached == set(ReferralStatus)
