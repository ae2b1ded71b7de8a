"""A receipt says what became of a message, and binds to its very bytes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.examples import COUNCIL, MESSAGE, NOW, POLICE, TRUST, keys, signer
from tests.trust.exchange.strategies import changed
from trust import jose
from trust.errors import NotYetValid, TrustError, UnknownKey, WrongIssuer, WrongType
from trust.exchange.envelope import RequestRef
from trust.exchange.errors import MalformedMessage, ReplyMismatch
from trust.exchange.message import TYP as MESSAGE_TYP
from trust.exchange.receipt import TYP, ArrivalProof, Receipt, ReceiptState, build_receipt, open_receipt, peek_request
from trust.exchange.refusal import Refusal
from trust.identifiers import EntityId, RoleCode

SENT = RequestRef(jti=MESSAGE.jti, digest="D" * 43)
STORED = Receipt(
    iss=TRUST,
    aud=COUNCIL,
    iat=MESSAGE.iat,
    exp=MESSAGE.exp,
    jti="k-1",
    from_service=MESSAGE.from_service,
    to_service=MESSAGE.to_service,
    request=SENT,
    state=ReceiptState.STORED,
    at=MESSAGE.iat - 5,
    seq=1,
    evidence={"leaf": "E" * 43},
    suspensions={EntityId("https://anchor.example"): 7},
)
RECEIPTS = (
    STORED,
    replace(STORED, state=ReceiptState.IN_CASE_SYSTEM, seq=2, proof=ArrivalProof.HELD),
    replace(STORED, state=ReceiptState.READ, seq=3, read_by=RoleCode("duty-officer")),
    replace(
        STORED,
        state=ReceiptState.FAILED,
        seq=4,
        reason=Refusal(code="no_agreement", reason="No agreement.", remedy="Sign one."),
    ),
    replace(STORED, state=ReceiptState.ANSWERED, seq=5, answer={"closed": "useful"}),
)


def claims_of(receipt: Receipt) -> dict[str, Any]:
    return jose.open_signed(build_receipt(receipt, signer("trust")), typ=TYP, keys=keys("trust")).claims


CLAIMS = [claims_of(receipt) for receipt in RECEIPTS]


def opened(raw: bytes) -> Receipt:
    return open_receipt(raw, receiver_keys=keys("trust"), own_id=COUNCIL, sent=SENT, message=MESSAGE, now=NOW)


def signed(claims: dict[str, Any], typ: str = TYP) -> bytes:
    return jose.sign(claims, typ=typ, signer=signer("trust"))


@pytest.mark.parametrize("receipt", RECEIPTS, ids=lambda each: each.state)
def test_a_receipt_is_read_back_as_it_was_written(receipt: Receipt) -> None:
    assert opened(build_receipt(receipt, signer("trust"))) == receipt


def test_the_message_of_a_receipt_can_be_found_before_it_is_verified() -> None:
    assert peek_request(build_receipt(STORED, signer("trust"))) == (TRUST, SENT)
    with pytest.raises(MalformedMessage):
        peek_request(signed({**CLAIMS[0], "request": {"jti": "../x", "digest": SENT.digest}}))
    with pytest.raises(WrongType):
        peek_request(signed(CLAIMS[0], MESSAGE_TYP))


@pytest.mark.parametrize(
    "change", [{"request": replace(SENT, digest="F" * 43)}, {"from_service": "other"}, {"to_service": "other"}]
)
def test_a_receipt_for_another_message_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(ReplyMismatch):
        opened(build_receipt(replace(STORED, **change), signer("trust")))


def test_a_receipt_by_another_agency_is_none() -> None:
    with pytest.raises(WrongIssuer):
        opened(build_receipt(replace(STORED, iss=POLICE), signer("trust")))
    with pytest.raises(UnknownKey):
        opened(build_receipt(STORED, signer("police")))


@pytest.mark.parametrize("claims", CLAIMS, ids=lambda each: each["state"])
def test_each_state_has_its_own_member_and_no_other(claims: dict[str, Any]) -> None:
    others = {name: value for each in CLAIMS for name, value in each.items() if name not in claims}
    for name, value in others.items():
        with pytest.raises(MalformedMessage, match=f"{name}: belongs only"):
            opened(signed({**claims, name: value}))
    for name in claims.keys() - {"evidence", "suspensions"}:
        with pytest.raises(MalformedMessage, match=name):
            opened(signed({member: value for member, value in claims.items() if member != name}))


@pytest.mark.parametrize("state", ["accepted", "delivered", "closed", "STORED"])
def test_a_state_that_is_none_is_refused(state: str) -> None:
    with pytest.raises(MalformedMessage, match="state"):
        opened(signed({**CLAIMS[0], "state": state}))


def test_a_state_does_not_come_about_after_its_receipt() -> None:
    with pytest.raises(NotYetValid):
        opened(signed({**CLAIMS[0], "at": CLAIMS[0]["iat"] + 1}))


@given(data=st.data())
def test_any_signed_claims_give_the_receipt_or_a_refusal(data: st.DataObject) -> None:
    claims = data.draw(st.one_of([changed(each) for each in CLAIMS]))
    try:
        assert opened(signed(claims)).request == SENT
    except TrustError:
        return
