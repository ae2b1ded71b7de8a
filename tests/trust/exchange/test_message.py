"""A message is verified before it is read, and read whole."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.trust.exchange.examples import COUNCIL, MESSAGE, NOW, POLICE, TRUST, keys, message, signer
from tests.trust.exchange.strategies import changed
from trust import jose
from trust.claims import digest
from trust.errors import (
    BadSignature,
    Expired,
    KeyPurposeMismatch,
    LivesTooLong,
    NotYetValid,
    TrustError,
    UnknownKey,
    WrongAudience,
    WrongType,
)
from trust.exchange.errors import MalformedMessage
from trust.exchange.message import (
    TYP,
    Handling,
    OpenedMessage,
    Urgency,
    build_message,
    open_message,
    peek_issuer,
)
from trust.exchange.reply import TYP as REPLY_TYP
from trust.keys import KeyUse

RAW = build_message(MESSAGE, signer("council"))
CLAIMS = jose.open_signed(RAW, typ=TYP, keys=keys("council")).claims


def opened(raw: bytes, **changes: Any) -> OpenedMessage:
    return open_message(raw, **{"sender_keys": keys("council"), "own_id": TRUST, "now": NOW, **changes})


def signed(claims: dict[str, Any], typ: str = TYP) -> bytes:
    return jose.sign(claims, typ=typ, signer=signer("council"))


def test_a_message_is_read_back_as_it_was_written() -> None:
    full = message(
        correlation="c-1",
        supersedes="m-0000",
        urgency=Urgency.AMBER,
        deadline=MESSAGE.exp,
        handling=Handling(onward="none", withhold_from_subject=True),
    )
    assert opened(build_message(full, signer("council"))).message == full
    assert opened(RAW).message == MESSAGE


def test_the_digest_is_of_the_bytes_received() -> None:
    result = opened(RAW)
    assert (result.raw, result.digest) == (RAW, digest(RAW))
    assert (result.ref.jti, result.ref.digest) == (MESSAGE.jti, digest(RAW))


def test_asker_and_holder_are_services_of_issuer_and_audience() -> None:
    assert str(MESSAGE.asker) == f"{COUNCIL}#connecting-families"
    assert str(MESSAGE.holder) == f"{TRUST}#community-team"


def test_the_issuer_can_be_read_before_the_key_is_known() -> None:
    assert peek_issuer(RAW) == COUNCIL
    with pytest.raises(MalformedMessage):
        peek_issuer(signed({**CLAIMS, "iss": [COUNCIL]}))


def test_a_tampered_message_is_refused() -> None:
    head, payload, signature = RAW.split(b".")
    _, other_payload, other_signature = build_message(message(purpose="other"), signer("council")).split(b".")
    for forged in ((head, other_payload, signature), (head, payload, other_signature)):
        with pytest.raises(BadSignature):
            opened(b".".join(forged))


def test_a_message_signed_with_another_key_is_refused() -> None:
    with pytest.raises(UnknownKey):
        opened(build_message(MESSAGE, signer("police")))


def test_a_key_for_tokens_opens_no_message() -> None:
    with pytest.raises(KeyPurposeMismatch):
        opened(build_message(MESSAGE, signer("council", KeyUse.OAUTH)), sender_keys=keys("council", KeyUse.OAUTH))


@pytest.mark.parametrize("typ", [REPLY_TYP, "exchange-receipt+jwt", "entity-statement+jwt", "at+jwt", "JWT"])
def test_a_jwt_of_another_type_is_no_message(typ: str) -> None:
    with pytest.raises(WrongType):
        opened(signed(CLAIMS, typ))


@pytest.mark.holds("A18")
@pytest.mark.parametrize("own_id", [POLICE, "https://mental-health.example.org", "https://mental-health.exampl"])
def test_a_message_for_another_node_is_refused(own_id: str) -> None:
    with pytest.raises(WrongAudience):
        opened(RAW, own_id=own_id)


@pytest.mark.holds("A18")
@pytest.mark.parametrize("name", ["iss", "aud"])
@pytest.mark.parametrize("wrap", [lambda one: [one], lambda one: [one, POLICE], lambda one: {"0": one}])
def test_an_issuer_or_audience_is_one_string(name: str, wrap: Callable[[str], Any]) -> None:
    with pytest.raises(MalformedMessage, match=name):
        opened(signed({**CLAIMS, name: wrap(CLAIMS[name])}))


def test_a_query_lives_five_minutes_at_most() -> None:
    with pytest.raises(LivesTooLong):
        opened(build_message(message(exp=MESSAGE.iat + 301), signer("council")))


def test_an_old_or_future_message_is_refused() -> None:
    with pytest.raises(Expired):
        opened(RAW, now=NOW + timedelta(minutes=5))
    with pytest.raises(NotYetValid):
        opened(RAW, now=NOW - timedelta(seconds=11))


def test_every_fault_of_an_envelope_is_named_at_once() -> None:
    wrong = {**CLAIMS, "jti": "../../etc", "v": "1", "basis": [], "practitioner": None, "urgency": "mauve"}
    wrong["subject"] = {"nhs_number": "1"}
    wrong["agreement"] = {"id": "vale", "version": 1, "digest": "short"}
    with pytest.raises(MalformedMessage) as refused:
        opened(signed(wrong))
    assert {fault.path for fault in refused.value.faults} == {
        "jti",
        "v",
        "basis",
        "practitioner",
        "urgency",
        "subject.nhs_number",
        "agreement.digest",
    }


@pytest.mark.parametrize("name", ["practitioner", "subject", "body", "agreement", "clause", "purpose", "basis"])
def test_a_message_states_asker_subject_and_grounds(name: str) -> None:
    with pytest.raises(MalformedMessage, match=name):
        opened(signed({key: value for key, value in CLAIMS.items() if key != name}))


@pytest.mark.parametrize("text", ["ask for Maud", "01632 960 111 Maud", "m@x.example", "+44 (0)1632", "0" * 21, "999"])
def test_a_call_back_is_only_a_telephone_number(text: str) -> None:
    with pytest.raises(MalformedMessage, match="call_back"):
        opened(signed({**CLAIMS, "practitioner": {**CLAIMS["practitioner"], "call_back": text}}))


@given(claims=changed(CLAIMS))
def test_any_signed_claims_give_a_message_or_a_refusal(claims: dict[str, Any]) -> None:
    try:
        opened(signed(claims))
    except TrustError:
        return
