"""A reply binds to the very bytes it answers; anything else is no reply."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.trust.exchange.examples import COUNCIL, MESSAGE, NOW, POLICE, TRUST, keys, signer
from tests.trust.exchange.strategies import changed
from trust import jose
from trust.errors import KeyPurposeMismatch, TrustError, UnknownKey, WrongAudience, WrongIssuer, WrongType
from trust.exchange.errors import MalformedMessage, ReplyMismatch
from trust.exchange.message import RequestRef, build_message, open_message
from trust.exchange.receipt import ReceiptState
from trust.exchange.reply import TYP, Reply, ReplyState, answer, build_reply, open_reply
from trust.identifiers import EntityId
from trust.keys import KeyUse

RAW_MESSAGE = build_message(MESSAGE, signer("council"))
OPENED = open_message(RAW_MESSAGE, sender_keys=keys("council"), own_id=TRUST, now=NOW)
REPLY = answer(
    OPENED,
    body={"status": "not_known"},
    jti="r-1",
    now=NOW,
    evidence={"leaf": "B" * 43},
    suspensions={EntityId("https://anchor.example"): 7},
)
CLAIMS = jose.open_signed(build_reply(REPLY, signer("trust")), typ=TYP, keys=keys("trust")).claims


def opened(raw: bytes, **changes: Any) -> Reply:
    given_to = {"holder_keys": keys("trust"), "own_id": COUNCIL, "sent": OPENED.ref, "message": MESSAGE, "now": NOW}
    return open_reply(raw, **{**given_to, **changes})


def test_a_reply_is_read_back_as_it_was_written() -> None:
    assert opened(build_reply(REPLY, signer("trust"))) == REPLY
    assert REPLY.state is ReplyState.ACCEPTED
    assert (REPLY.iss, REPLY.aud) == (TRUST, COUNCIL)


@pytest.mark.parametrize(
    "change",
    [
        {"request": RequestRef(jti=MESSAGE.jti, digest="C" * 43)},
        {"request": RequestRef(jti="m-0002", digest=OPENED.digest)},
        {"kind": "eligibility.query"},
        {"version": 2},
        {"agreement": replace(MESSAGE.agreement, version=4)},
        {"clause": "anyone"},
        {"purpose": "marketing"},
        {"basis": ("6-1-e",)},
        {"from_service": "money-advice"},
        {"to_service": "crisis-team"},
    ],
)
def test_a_reply_that_echoes_anything_else_is_no_reply(change: dict[str, Any]) -> None:
    with pytest.raises(ReplyMismatch, match=next(iter(change))):
        opened(build_reply(replace(REPLY, **change), signer("trust")))


@pytest.mark.holds("A18")
def test_a_reply_from_or_for_another_node_is_no_reply() -> None:
    with pytest.raises(WrongIssuer):
        opened(build_reply(replace(REPLY, iss=POLICE), signer("trust")))
    with pytest.raises(WrongAudience):
        opened(build_reply(replace(REPLY, aud=POLICE), signer("trust")))


def test_a_reply_signed_by_another_key_is_no_reply() -> None:
    with pytest.raises(UnknownKey):
        opened(build_reply(REPLY, signer("police")))
    with pytest.raises(KeyPurposeMismatch):
        opened(build_reply(REPLY, signer("trust", KeyUse.OAUTH)), holder_keys=keys("trust", KeyUse.OAUTH))


def test_a_message_is_not_its_own_reply() -> None:
    with pytest.raises(WrongType):
        opened(RAW_MESSAGE)


def test_an_old_reply_is_no_reply() -> None:
    with pytest.raises(TrustError):
        opened(build_reply(REPLY, signer("trust")), now=NOW + timedelta(minutes=5))
    with pytest.raises(TrustError):
        opened(build_reply(replace(REPLY, exp=REPLY.exp + 1), signer("trust")))


def test_every_fault_of_a_reply_is_named_at_once() -> None:
    raw = jose.sign({**CLAIMS, "state": "lost", "request": {"jti": 1}, "body": []}, typ=TYP, signer=signer("trust"))
    with pytest.raises(MalformedMessage) as refused:
        opened(raw)
    assert {fault.path for fault in refused.value.faults} == {"state", "body", "request.jti", "request.digest"}


@pytest.mark.parametrize("state", [*ReceiptState, "delivered"])
def test_a_reply_says_nothing_of_what_came_later(state: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        opened(build_reply(replace(REPLY, state=state), signer("trust")))  # type: ignore[arg-type]  # what is tested
    assert [fault.path for fault in refused.value.faults] == ["state"]


def test_a_reply_need_not_tell_of_suspensions() -> None:
    silent = build_reply(replace(REPLY, suspensions={}), signer("trust"))
    assert "suspensions" not in jose.open_signed(silent, typ=TYP, keys=keys("trust")).claims
    assert opened(silent).suspensions == {}


def test_a_reply_tells_of_32_issuers_at_most() -> None:
    many = {EntityId(f"https://a{number}.example"): number for number in range(1, 34)}
    raw = build_reply(replace(REPLY, suspensions=many), signer("trust"))
    assert set(opened(raw).suspensions.values()) == set(range(1, 33))


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ([], "suspensions"),
        ({"anchor": 1}, "suspensions.(issuer 1)"),
        ({"https://anchor.example": 0}, "suspensions.https://anchor.example"),
        ({"https://anchor.example": 2**53 - 1, "https://b.example": "1"}, "suspensions.https://b.example"),
        ({f"https://a{number}.example": 1 for number in range(33)}, "suspensions"),
    ],
)
def test_what_is_told_of_suspensions_in_another_form_is_a_fault(told: object, path: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        opened(jose.sign({**CLAIMS, "suspensions": told}, typ=TYP, signer=signer("trust")))
    assert {fault.path for fault in refused.value.faults} == {path}


@given(claims=changed(CLAIMS))
def test_any_signed_claims_give_the_reply_or_a_refusal(claims: dict[str, Any]) -> None:
    try:
        reply = opened(jose.sign(claims, typ=TYP, signer=signer("trust")))
    except TrustError:
        return
    assert reply.request == OPENED.ref
