"""A receipt says how far a message came, and binds to its very bytes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.trust.exchange.examples import COUNCIL, MESSAGE, NOW, POLICE, TRUST, keys, signer
from tests.trust.exchange.strategies import changed
from trust import jose
from trust.errors import TrustError, UnknownKey, WrongIssuer
from trust.exchange.envelope import Progress, RequestRef
from trust.exchange.errors import ReplyMismatch
from trust.exchange.receipt import TYP, Receipt, build_receipt, open_receipt
from trust.identifiers import EntityId

SENT = RequestRef(jti=MESSAGE.jti, digest="D" * 43)
RECEIPT = Receipt(
    iss=TRUST,
    aud=COUNCIL,
    iat=MESSAGE.iat,
    exp=MESSAGE.exp,
    jti="k-1",
    from_service=MESSAGE.from_service,
    to_service=MESSAGE.to_service,
    request=SENT,
    state=Progress.READ,
    evidence={"leaf": "E" * 43},
    suspensions={EntityId("https://anchor.example"): 7},
)
CLAIMS = jose.open_signed(build_receipt(RECEIPT, signer("trust")), typ=TYP, keys=keys("trust")).claims


def opened(raw: bytes) -> Receipt:
    return open_receipt(raw, receiver_keys=keys("trust"), own_id=COUNCIL, sent=SENT, message=MESSAGE, now=NOW)


def test_a_receipt_is_read_back_as_it_was_written() -> None:
    assert opened(build_receipt(RECEIPT, signer("trust"))) == RECEIPT


@pytest.mark.parametrize(
    "change", [{"request": replace(SENT, digest="F" * 43)}, {"from_service": "other"}, {"to_service": "other"}]
)
def test_a_receipt_for_another_message_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(ReplyMismatch):
        opened(build_receipt(replace(RECEIPT, **change), signer("trust")))


def test_a_receipt_by_another_agency_is_none() -> None:
    with pytest.raises(WrongIssuer):
        opened(build_receipt(replace(RECEIPT, iss=POLICE), signer("trust")))
    with pytest.raises(UnknownKey):
        opened(build_receipt(RECEIPT, signer("police")))


@given(claims=changed(CLAIMS))
def test_any_signed_claims_give_the_receipt_or_a_refusal(claims: dict[str, Any]) -> None:
    try:
        assert opened(jose.sign(claims, typ=TYP, signer=signer("trust"))).request == SENT
    except TrustError:
        return
