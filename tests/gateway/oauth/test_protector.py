"""Only a good token, used by its holder for this request, by a caller in good standing, lets a request in."""

import json

import pytest

from tests.gateway.oauth.requests import ask, challenged_as
from tests.simulator.callers import Caller, token_claims
from tests.simulator.faces import CASE, LOOKUPS_URL, MESSAGES_URL, PEER_TOKEN_URL, Node
from tests.simulator.town import COUNCIL, HOUSING
from tests.support import forge
from trust import jose
from trust.keys import KeyUse, LocalSigner
from trust.oauth import access_token


def test_a_member_with_its_token_and_a_proof_is_let_in(node: Node, peer: Caller) -> None:
    assert peer.send(peer.peer_token()).status_code == 200
    [(raw, caller)] = node.handled
    assert raw == b"a.signed.message"
    assert caller.party.entity_id == HOUSING


def test_without_a_token_the_challenge_names_the_scheme_and_no_error(peer: Caller) -> None:
    answer = peer.http.post("/exchange/v1/messages", data=b"x", content_type="application/jwt")
    challenged_as(answer, None)
    assert answer.headers["WWW-Authenticate"] == 'DPoP algs="ES256 Ed25519 PS256"'


@pytest.mark.holds("A23")
def test_a_stolen_token_is_useless_without_its_key(peer: Caller) -> None:
    token = peer.peer_token()
    thief = LocalSigner.generate(KeyUse.DPOP)
    challenged_as(peer.send(token, proof=peer.proof(MESSAGES_URL, token=token, signer=thief)), "invalid_token")
    challenged_as(peer.send(token, proof=""), "invalid_dpop_proof")


@pytest.mark.holds("A23")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bound_token_as_bearer_is_refused(peer: Caller, scheme: str) -> None:
    token = peer.peer_token()
    challenged_as(peer.send(token, scheme=scheme), "invalid_token")
    challenged_as(peer.send(token, scheme=scheme, proof=""), "invalid_token")


@pytest.mark.holds("A23")
def test_a_bound_case_token_as_bearer_is_refused_and_a_free_one_as_bound(node: Node, system: Caller) -> None:
    answer = system.post_form(system.form(), DPoP=system.proof(CASE + "/oauth/v1/token"))
    bound = answer.get_json()["access_token"].encode()
    url = LOOKUPS_URL + "/some-lookup-id"
    challenged_as(ask(system, bound), "invalid_token")
    assert ask(system, bound, "DPoP", system.proof(url, method="GET", token=bound)).status_code == 404
    free = system.case_token()
    assert ask(system, free).status_code == 404
    challenged_as(ask(system, free, "DPoP", system.proof(url, method="GET", token=free)), "invalid_token")


@pytest.mark.holds("A23")
def test_an_unbound_token_is_not_enough_on_the_peer_face(node: Node, peer: Caller) -> None:
    unbound = access_token.build(token_claims(node, jkt=None), node.signer)
    challenged_as(peer.send(unbound), "invalid_token")
    challenged_as(peer.send(unbound, scheme="Bearer"), "invalid_token")


@pytest.mark.holds("A24")
def test_a_proof_for_another_method_address_or_token_is_refused(peer: Caller) -> None:
    token = peer.peer_token()
    other_token = peer.peer_token()
    for proof in (
        peer.proof(MESSAGES_URL, method="GET", token=token),
        peer.proof(PEER_TOKEN_URL, token=token),
        peer.proof(MESSAGES_URL + "/", token=token),
        peer.proof("https://elsewhere.example/exchange/v1/messages", token=token),
        peer.proof("https://council.example:8443/exchange/v1/messages", token=token),
        peer.proof(MESSAGES_URL, token=other_token),
        peer.proof(MESSAGES_URL, token=None),
    ):
        challenged_as(peer.send(token, proof=proof), "invalid_dpop_proof")


@pytest.mark.holds("A24")
def test_a_proof_is_compared_with_the_configured_address_and_not_with_host(peer: Caller) -> None:
    token = peer.peer_token()
    for host, url, status in (
        ("evil.example", "https://evil.example/exchange/v1/messages", 401),
        ("evil.example", MESSAGES_URL, 200),
    ):
        answer = peer.http.post(
            "/exchange/v1/messages",
            data=b"a.signed.message",
            content_type="application/jwt",
            headers={
                "Authorization": f"DPoP {token.decode()}",
                "DPoP": peer.proof(url, token=token),
                "Host": host,
                "X-Forwarded-Host": host,
            },
        )
        assert answer.status_code == status


@pytest.mark.holds("A26")
def test_a_proof_works_once_and_so_does_its_twin(peer: Caller) -> None:
    token = peer.peer_token()
    proof = peer.proof(MESSAGES_URL, token=token)
    assert peer.send(token, proof=proof).status_code == 200
    for again in (proof, forge.twin(proof.encode()).decode(), proof + "="):
        challenged_as(peer.send(token, proof=again), "invalid_dpop_proof")


def test_a_refused_request_uses_no_proof_up(node: Node, peer: Caller) -> None:
    token = peer.peer_token()
    proof = peer.proof(MESSAGES_URL, token=token)
    party = node.members.entities.pop(HOUSING)
    challenged_as(peer.send(token, proof=proof), "invalid_token")
    node.members.entities[HOUSING] = party
    assert peer.send(token, proof=proof).status_code == 200


@pytest.mark.holds("A18")
@pytest.mark.parametrize("member", ["iss", "aud"])
@pytest.mark.parametrize("spelling", ["list", "prefix", "longer", "other", "missing"])
def test_a_token_by_another_issuer_or_for_another_resource_is_refused(
    node: Node, peer: Caller, member: str, spelling: str
) -> None:
    right = {"iss": COUNCIL, "aud": COUNCIL + "/exchange/v1"}[member]
    wrong = {"list": [right], "prefix": right[:-1], "longer": right + "/", "other": "https://police.example"}
    good = json_claims(node, peer)
    claimed = {name: value for name, value in good.items() if name != member}
    if spelling != "missing":
        claimed[member] = wrong[spelling]
    raw = jose.sign(claimed, typ="at+jwt", signer=node.signer)
    challenged_as(peer.send(raw), "invalid_token")


def json_claims(node: Node, peer: Caller) -> dict[str, object]:
    raw = access_token.build(token_claims(node, jkt=peer.dpop.kid), node.signer)
    return dict(jose.peek(raw, typ="at+jwt", max_bytes=9999).claims)


@pytest.mark.holds("A20")
@pytest.mark.parametrize(
    "typ", ["JWT", "dpop+jwt", "client-authentication+jwt", "entity-statement+jwt", "exchange-receipt+jwt"]
)
def test_another_kind_of_jwt_is_not_an_access_token(node: Node, peer: Caller, typ: str) -> None:
    raw = jose.sign(json_claims(node, peer), typ=typ, signer=node.signer)
    challenged_as(peer.send(raw), "invalid_token")


@pytest.mark.holds("A20")
def test_a_token_without_typ_is_refused(node: Node, peer: Caller) -> None:
    raw = forge.signed({"alg": "ES256", "kid": node.signer.kid}, json_claims(node, peer), node.signer)
    challenged_as(peer.send(raw), "invalid_token")


def test_none_and_hmac_are_refused(node: Node, peer: Caller) -> None:
    header = {"kid": node.signer.kid, "typ": "at+jwt"}
    challenged_as(peer.send(forge.unsigned(header, json_claims(node, peer))), "invalid_token")
    public = json.dumps(node.signer.public.jwk).encode()
    challenged_as(peer.send(forge.hmac_signed(header, json_claims(node, peer), public)), "invalid_token")


@pytest.mark.holds("A17")
@pytest.mark.parametrize("parameter", ["jku", "x5u", "jwk"])
def test_a_key_in_the_tokens_header_is_refused(node: Node, peer: Caller, parameter: str) -> None:
    attacker = LocalSigner.generate(KeyUse.OAUTH)
    value = dict(attacker.public.jwk) if parameter == "jwk" else "https://evil.example/keys"
    for signer in (attacker, node.signer):
        header = {"alg": "ES256", "typ": "at+jwt", "kid": signer.kid, parameter: value}
        challenged_as(peer.send(forge.signed(header, json_claims(node, peer), signer)), "invalid_token")


@pytest.mark.holds("A21")
@pytest.mark.parametrize("exp", [None, 0, 301, 315_360_000, -1])
def test_a_token_without_an_end_or_with_a_far_one_is_refused(node: Node, peer: Caller, exp: int | None) -> None:
    good = json_claims(node, peer)
    issued = good["iat"]
    assert isinstance(issued, int)
    claimed = {name: value for name, value in good.items() if name != "exp"}
    if exp is not None:
        claimed["exp"] = issued + exp
    challenged_as(peer.send(jose.sign(claimed, typ="at+jwt", signer=node.signer)), "invalid_token")


@pytest.mark.holds("A25")
def test_a_token_with_a_member_twice_is_refused(node: Node, peer: Caller) -> None:
    written = json.dumps(json_claims(node, peer))
    payload = (written[:-1] + f',"client_id":"{HOUSING}"' + "}").encode()
    header = {"alg": "ES256", "typ": "at+jwt", "kid": node.signer.kid}
    challenged_as(peer.send(forge.signed(header, payload, node.signer)), "invalid_token")
    challenged_as(peer.send(forge.signed({**header, "crit": ["exp"]}, written.encode(), node.signer)), "invalid_token")


def test_a_remembered_signature_does_not_outlive_the_token(node: Node, peer: Caller) -> None:
    token = peer.peer_token()
    assert peer.send(token).status_code == 200
    node.clock.forward(seconds=299)
    assert peer.send(token).status_code == 200
    node.clock.forward(seconds=1)
    challenged_as(peer.send(token), "invalid_token")


def test_a_remembered_signature_does_not_outlive_the_callers_standing(node: Node, peer: Caller) -> None:
    token = peer.peer_token()
    assert peer.send(token).status_code == 200
    del node.members.entities[HOUSING]
    challenged_as(peer.send(token), "invalid_token")


def test_a_remembered_signature_is_of_exact_bytes_only(peer: Caller) -> None:
    token = peer.peer_token()
    assert peer.send(token).status_code == 200
    challenged_as(peer.send(token + b"="), "invalid_token")
    challenged_as(peer.send(token[:-1] + (b"A" if token[-1:] != b"A" else b"B")), "invalid_token")


def test_a_revoked_registration_ends_its_tokens(node: Node, system: Caller) -> None:
    token = system.case_token()
    assert ask(system, token).status_code == 404
    node.revoke(system.client_id)
    challenged_as(ask(system, token), "invalid_token")


def test_a_peers_token_is_no_case_token_and_the_other_way_round(node: Node, peer: Caller, system: Caller) -> None:
    node.register(HOUSING, LocalSigner.generate(KeyUse.OAUTH))
    peer_token, case_token = peer.peer_token(), system.case_token()
    for scheme in ("Bearer", "DPoP"):
        url = LOOKUPS_URL + "/some-lookup-id"
        proof = peer.proof(url, method="GET", token=peer_token)
        challenged_as(ask(system, peer_token, scheme, proof), "invalid_token")
        challenged_as(peer.send(case_token, scheme=scheme), "invalid_token")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("DPoP", None),
        ("DPoP ", None),
        ("Bearer", None),
        ("Basic aG91c2luZzpndWVzcw==", None),
        ("\u00e9 x", None),
        ("Bearer a", "invalid_token"),
        ("DPoP a b", "invalid_token"),
        ("DPoP ..", "invalid_token"),
        ("DPoP " + "a" * 9000, "invalid_token"),
    ],
)
def test_an_authorization_header_of_any_shape_is_only_refused(peer: Caller, header: str, code: str | None) -> None:
    answer = peer.http.post(
        "/exchange/v1/messages",
        data=b"x",
        content_type="application/jwt",
        headers={"Authorization": header, "DPoP": peer.proof(MESSAGES_URL)},
    )
    challenged_as(answer, code)


def test_each_challenge_has_a_parameter_and_names_only_errors_of_its_own_scheme(system: Caller) -> None:
    token = system.case_token()
    asked = {None: {}, "invalid_token": {"Authorization": "Bearer x"}}
    asked["invalid_dpop_proof"] = {"Authorization": f"DPoP {token.decode()}"}
    for code, headers in asked.items():
        answer = system.http.get("/case/v1/lookups/some-lookup-id", headers=headers)
        bearer, dpop = answer.headers.getlist("WWW-Authenticate")
        assert bearer.startswith('Bearer realm="case"')
        assert dpop.startswith('DPoP algs="ES256 Ed25519 PS256"')
        assert ("error=" in bearer) == (code == "invalid_token")
        assert ("error=" in dpop) == (code is not None)


def test_a_token_of_a_name_that_is_no_member_is_refused(node: Node, peer: Caller) -> None:
    odd = token_claims(node, client_id="not an entity", sub="not an entity", jkt=peer.dpop.kid)
    challenged_as(peer.send(access_token.build(odd, node.signer)), "invalid_token")
