"""Stolen, borrowed and mistaken tokens, at whole nodes."""

import json
from secrets import token_urlsafe

import pytest

from gateway.ports import PeerResponse
from tests.simulator.agreements import ref_of
from tests.simulator.case_client import ASSERTION_TYPE
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, new_key
from tests.simulator.town import COUNCIL, TRUST
from tests.support.forge import b64, signed
from trust.claims import digest
from trust.keys import KeyUse
from trust.oauth import dpop_proof


@pytest.fixture
def hand(standing: Network) -> PeerHand:
    return PeerHand(network=standing, agreement=ref_of(standing))


def refused(hand: PeerHand, answer: PeerResponse) -> str:
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("DPoP")
    return str(json.loads(answer.body)["code"])


@pytest.mark.holds("A23")
def test_a_stolen_token_is_worth_nothing_with_another_key(hand: PeerHand) -> None:
    token = hand.token()
    answer = hand.post(hand.signed(), token=token, headers={"DPoP": hand.proof(token, signer=new_key(KeyUse.DPOP))})
    assert refused(hand, answer) == "token-refused"


@pytest.mark.holds("A23")
def test_a_bound_token_is_worth_nothing_as_a_bearer_token(hand: PeerHand) -> None:
    token = hand.token()
    answer = hand.post(hand.signed(), token=token, headers={"Authorization": f"Bearer {token.decode()}"})
    assert refused(hand, answer) == "token-refused"


@pytest.mark.holds("A22")
def test_a_proof_is_good_once(hand: PeerHand) -> None:
    token = hand.token()
    proof = hand.proof(token)
    first = hand.post(hand.signed(), token=token, headers={"DPoP": proof})
    again = hand.post(hand.signed(), token=token, headers={"DPoP": proof})
    assert first.status == 200
    assert refused(hand, again) == "proof-refused"


@pytest.mark.holds("A24")
@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", TRUST + "/exchange/v1/messages"),
        ("POST", TRUST + "/oauth/v1/token"),
        ("POST", COUNCIL + "/exchange/v1/messages"),
    ],
    ids=["method", "path", "host"],
)
def test_a_proof_for_another_request_is_refused(hand: PeerHand, method: str, url: str) -> None:
    token = hand.token()
    proof = dpop_proof.build(
        signer=hand.signer(KeyUse.DPOP),
        method=method,
        url=url,
        now=hand.network.clock.now(),
        jti=token_urlsafe(16),
        access_token=token,
    )
    assert refused(hand, hand.post(hand.signed(), token=token, headers={"DPoP": proof.decode()})) == "proof-refused"


def test_what_is_no_access_token_is_none(hand: PeerHand) -> None:
    network = hand.network
    statement = network.wire.deliver_text(TRUST + "/.well-known/openid-federation")
    token = hand.token()
    for mistaken in (statement, hand.proof(token).encode(), hand.post(hand.signed(), token=token).body):
        answer = hand.post(hand.signed(), token=mistaken, headers={"DPoP": hand.proof(mistaken)})
        assert refused(hand, answer) == "token-refused"


def test_a_case_systems_token_opens_no_peer_face_nor_the_other_way_round(hand: PeerHand) -> None:
    network = hand.network
    client = network.case_client(TRUST)
    case_token = client.ask_token().get_json()["access_token"].encode()
    assert refused(hand, hand.post(hand.signed(), token=case_token)) == "token-refused"
    borrowed = client.http.get(
        "/case/v1/lookups/any",
        base_url=client.base_url,
        headers={"Authorization": f"Bearer {hand.token().decode()}"},
    )
    assert borrowed.status_code == 401


@pytest.mark.parametrize("face", ["peer", "case"])
@pytest.mark.parametrize("member", ["kid", "sub", "trust_chain"])
def test_half_a_character_in_a_strangers_assertion_is_a_refusal_and_no_fault_of_ours(
    hand: PeerHand, face: str, member: str
) -> None:
    node = hand.network.nodes[TRUST]
    http = {"peer": node.peer_app, "case": node.case_app}[face].test_client()
    header = {"alg": "ES256", "typ": "client-authentication+jwt", "kid": "a-key", "trust_chain": ["a"]}
    if face == "case":
        del header["trust_chain"]
    values = header | {"iss": COUNCIL, "sub": COUNCIL}
    values[member] = ["\udc00"] if member == "trust_chain" else "\udc00"  # json.dumps writes it in lower case
    segments = ({name: values[name] for name in header}, {"iss": COUNCIL, "sub": values["sub"]})
    assertion = b".".join([*(b64(json.dumps(each).encode()) for each in segments), b64(bytes(64))])
    form = {"grant_type": "client_credentials", "client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE}
    answer = http.post("/oauth/v1/token", data=form)
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


def test_half_a_character_in_the_id_of_a_proof_is_a_refusal_and_no_fault_of_ours(hand: PeerHand) -> None:
    token, signer = hand.token(), hand.signer(KeyUse.DPOP)
    body = {
        "jti": "\udc00",
        "htm": "POST",
        "htu": TRUST + "/exchange/v1/messages",
        "iat": int(hand.network.clock.now().timestamp()),
        "ath": digest(token),
    }
    key = {name: signer.public.jwk[name] for name in ("kty", "crv", "x", "y")}
    proof = signed({"alg": "ES256", "typ": "dpop+jwt", "jwk": key}, body, signer)
    answer = hand.post(hand.signed(), token=token, headers={"DPoP": proof.decode()})
    assert refused(hand, answer) == "proof-refused"


def test_one_nodes_token_is_nothing_to_another(pair: Network) -> None:
    at_trust = PeerHand(network=pair, agreement=ref_of(pair))
    back = PeerHand(network=pair, agreement=at_trust.agreement, own=TRUST, target=COUNCIL, to_service="money-advice")
    answer = back.post(back.signed(), token=at_trust.token())
    assert refused(back, answer) == "token-refused"
