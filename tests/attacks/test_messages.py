"""An attacker with a good token at a node's message endpoint."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import COUNCIL, HOUSING, TRUST
from tests.support import forge
from trust import jose
from trust.base64url import decode
from trust.keys import KeyUse, LocalSigner
from trust.strict_json import JsonObject

Change = Callable[[JsonObject], object]


@pytest.fixture
def hand(standing: Network) -> PeerHand:
    return PeerHand(network=standing, agreement=ref_of(standing))


def claims_of(hand: PeerHand) -> JsonObject:
    return dict(json.loads(decode(hand.signed().split(b".")[1], "payload")))


def own_key(hand: PeerHand) -> LocalSigner:
    signer = hand.signer(KeyUse.MESSAGE)
    assert isinstance(signer, LocalSigner)
    return signer


def header(hand: PeerHand, **more: Any) -> JsonObject:
    return {"alg": "ES256", "kid": own_key(hand).kid, "typ": "exchange-message+jwt", **more}


def refused(hand: PeerHand, raw: bytes) -> str:
    """Return the code of the refusal, and check that nothing was done."""
    before = hand.network.leaves(TRUST)
    asked = hand.network.count(TRUST, "mental-health")
    answer = hand.post(raw)
    assert 400 <= answer.status < 500
    assert answer.content_type == "application/problem+json"
    assert asked.finds == 0
    assert hand.network.leaves(TRUST) == before
    return str(json.loads(answer.body)["code"])


@pytest.mark.holds("A18")
@pytest.mark.parametrize(
    "aud",
    [
        HOUSING,
        [TRUST],
        [TRUST, HOUSING],
        TRUST + ".evil.example",
        "https://mental-health.exampl",
        TRUST + "/",
        TRUST + "/exchange/v1",
        TRUST.upper(),
        "",
        None,
        {"aud": TRUST},
    ],
    ids=repr,
)
def test_a_message_for_another_audience_is_refused(hand: PeerHand, aud: object) -> None:
    raw = forge.signed(header(hand), {**claims_of(hand), "aud": aud}, own_key(hand))
    assert refused(hand, raw) in {"message-misaddressed", "message-malformed"}


@pytest.mark.holds("A18")
@pytest.mark.parametrize("iss", [[COUNCIL], COUNCIL + "/", COUNCIL.upper(), "council.example", None, 7], ids=repr)
def test_a_message_of_no_proper_issuer_is_refused(hand: PeerHand, iss: object) -> None:
    raw = forge.signed(header(hand), {**claims_of(hand), "iss": iss}, own_key(hand))
    assert refused(hand, raw) == "message-malformed"


@pytest.mark.holds("A20")
@pytest.mark.parametrize(
    "typ",
    [
        "exchange-reply+jwt",
        "exchange-receipt+jwt",
        "entity-statement+jwt",
        "at+jwt",
        "dpop+jwt",
        "client-authentication+jwt",
        "agreement-signature+jwt",
        "JWT",
        "EXCHANGE-MESSAGE+JWT",
        "application/exchange-message+jwt",
        None,
    ],
)
def test_a_token_of_another_type_is_no_message(hand: PeerHand, typ: str | None) -> None:
    headers = {name: value for name, value in header(hand, typ=typ).items() if value is not None}
    code = refused(hand, forge.signed(headers, claims_of(hand), own_key(hand)))
    assert code in {"message-not-verified", "message-malformed"}


@pytest.mark.holds("A16")
def test_an_unsigned_message_is_refused(hand: PeerHand) -> None:
    assert refused(hand, forge.unsigned(header(hand), claims_of(hand))) in {
        "message-not-verified",
        "message-malformed",
    }


@pytest.mark.holds("A16")
def test_a_message_signed_with_what_everybody_knows_is_refused(hand: PeerHand) -> None:
    public = json.dumps(dict(own_key(hand).public.jwk)).encode()
    assert refused(hand, forge.hmac_signed(header(hand), claims_of(hand), public)) == "message-not-verified"


@pytest.mark.holds("A17")
@pytest.mark.parametrize(
    "more",
    [
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain"},
        {"x5c": ["MIIB"]},
        {"jwk": {"kty": "EC"}},
        {"b64": False, "crit": ["b64"]},
        {"crit": ["unknown"], "unknown": 1},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_header_that_would_bring_its_own_key_is_refused_without_a_fetch(hand: PeerHand, more: dict[str, Any]) -> None:
    hand.token()
    hand.network.wire.asked.clear()
    raw = forge.signed(header(hand, **more), claims_of(hand), own_key(hand))
    assert refused(hand, raw) in {"message-not-verified", "message-malformed"}
    assert not [url for url in hand.network.wire.asked if "evil" in url]


@pytest.mark.holds("A25")
@pytest.mark.parametrize(
    "more",
    [b',"iss":"https://council.example"}', b',"correlation":"a","correlation":"b"}', b',"x":NaN}', b',"x":1e999}'],
    ids=["duplicate issuer", "duplicate", "NaN", "Infinity"],
)
def test_json_that_parsers_read_differently_is_refused(hand: PeerHand, more: bytes) -> None:
    payload = json.dumps(claims_of(hand)).encode()[:-1] + more
    assert refused(hand, forge.signed(header(hand), payload, own_key(hand))) == "message-malformed"


@pytest.mark.holds("A26")
def test_the_other_signature_that_is_as_good_is_still_a_replay(pair: Network) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    raw = hand.signed()
    asked = pair.count(TRUST, "mental-health")
    first = hand.post(raw)
    twin = hand.post(forge.twin(raw))
    padded = hand.post(raw + b"=")
    assert first.status == 200
    assert (twin.status, padded.status) in {(409, 400), (400, 400)}
    assert asked.finds == 1


@pytest.mark.parametrize("change", [{"exp": 4_000_000_000}, {"exp": None}, {"iat": 4_000_000_000}], ids=repr)
def test_a_message_without_an_end_or_from_the_future_is_refused(hand: PeerHand, change: dict[str, Any]) -> None:
    raw = forge.signed(header(hand), {**claims_of(hand), **change}, own_key(hand))
    assert refused(hand, raw) in {"message-untimely", "message-malformed"}


def test_a_node_answers_no_reply_with_a_reply(hand: PeerHand) -> None:
    """An attacker who reflects answers must never make two nodes talk to each other."""
    reply = hand.post(hand.signed()).body
    assert refused(hand, reply) == "message-not-verified"


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/jose", ""])
def test_a_message_of_another_content_type_is_not_read(hand: PeerHand, content_type: str) -> None:
    answer = hand.post(hand.signed(), headers={"Content-Type": content_type})
    assert (answer.status, json.loads(answer.body)["code"]) == (415, "unsupported-media-type")


@pytest.mark.parametrize("size", [65_537, 1_000_000])
def test_a_giant_message_is_not_read(hand: PeerHand, size: int) -> None:
    answer = hand.post(b"a" * size)
    assert (answer.status, json.loads(answer.body)["code"]) == (413, "too-large")


def test_a_message_with_a_good_signature_and_odd_members_names_them_all(hand: PeerHand) -> None:
    claims = claims_of(hand) | {"v": "one", "clause": "", "practitioner": {"sub": "x"}, "subject": {"height": 180}}
    answer = hand.post(jose.sign(claims, typ="exchange-message+jwt", signer=own_key(hand)))
    assert answer.status == 400
    detail = json.dumps(json.loads(answer.body))
    for place in ("v", "clause", "practitioner.role", "practitioner.org_unit", "subject.height"):
        assert place in detail
    assert "180" not in detail
