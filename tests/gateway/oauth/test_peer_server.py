"""The peer face's token endpoint gives a narrow, bound, short-lived token to a trusted member only."""

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.gateway.oauth.requests import refused_as
from tests.simulator.callers import Caller
from tests.simulator.faces import DETAIL, FORM, PEER_TOKEN_URL, Node
from tests.simulator.town import COUNCIL, HOUSING
from tests.support import forge
from trust import claims
from trust.keys import Alg, KeySet, KeyUse, LocalSigner
from trust.oauth import access_token, authorization_details

pytestmark = pytest.mark.usefixtures("node")


def assertion_claims(peer: Caller, **changes: Any) -> dict[str, Any]:
    issued = claims.to_seconds(peer.clock.now())
    good = {"iss": HOUSING, "sub": HOUSING, "aud": COUNCIL, "jti": "j-1", "iat": issued, "exp": issued + 60}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def assertion_header(peer: Caller, **changes: Any) -> dict[str, Any]:
    good = {"alg": "ES256", "typ": "client-authentication+jwt", "kid": peer.oauth.kid}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def test_a_member_gets_a_short_token_bound_to_its_key_and_to_what_it_asked_for(node: Node, peer: Caller) -> None:
    answer = peer.ask_peer_token()
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["token_type"] == "DPoP"
    assert body["expires_in"] == 300
    assert body["authorization_details"] == authorization_details.to_json([DETAIL])
    token = access_token.verify(
        body["access_token"].encode(),
        issuer=COUNCIL,
        audience=COUNCIL + "/exchange/v1",
        keys=KeySet.of(KeyUse.OAUTH, [node.signer.public]),
        now=node.clock.now(),
        max_life=timedelta(seconds=300),
    )
    assert token.client_id == token.sub == HOUSING
    assert token.jkt == peer.dpop.kid
    assert token.details == (DETAIL,)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("alg", [Alg.ES256, Alg.ED25519, Alg.PS256])
def test_each_algorithm_of_the_profile_is_accepted(node: Node, peer: Caller, alg: Alg) -> None:
    peer.oauth = LocalSigner.generate(KeyUse.OAUTH, alg)
    peer.dpop = LocalSigner.generate(KeyUse.DPOP, alg)
    node.members.admit(HOUSING, peer.oauth, node.clock.now())
    assert peer.ask_peer_token().status_code == 200


@pytest.mark.holds("A18", "A19")
@pytest.mark.parametrize(
    "audience",
    [
        [COUNCIL],
        [COUNCIL, "https://elsewhere.example"],
        PEER_TOKEN_URL,
        COUNCIL + "/",
        COUNCIL[:-1],
        "https://council.example.elsewhere.example",
        "https://elsewhere.example",
        None,
    ],
)
def test_an_assertion_for_anything_but_the_issuer_as_one_string_is_refused(peer: Caller, audience: object) -> None:
    raw = forge.signed(assertion_header(peer), assertion_claims(peer, aud=audience), peer.oauth)
    refused_as(peer.ask_peer_token(client_assertion=raw.decode()), "invalid_client", 401)


@pytest.mark.holds("A18")
@pytest.mark.parametrize("member", ["iss", "sub"])
@pytest.mark.parametrize("value", ["https://police.example", [HOUSING], HOUSING[:-1], None])
def test_an_assertion_by_or_about_another_is_refused(peer: Caller, member: str, value: object) -> None:
    raw = forge.signed(assertion_header(peer), assertion_claims(peer, **{member: value}), peer.oauth)
    refused_as(peer.ask_peer_token(client_assertion=raw.decode()), "invalid_client", 401)


@pytest.mark.holds("A20")
@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "dpop+jwt", "entity-statement+jwt", "exchange-receipt+jwt", None])
def test_another_kind_of_jwt_is_not_an_assertion(peer: Caller, typ: str | None) -> None:
    raw = forge.signed(assertion_header(peer, typ=typ), assertion_claims(peer), peer.oauth)
    refused_as(peer.ask_peer_token(client_assertion=raw.decode()), "invalid_client", 401)


@pytest.mark.holds("A21")
@pytest.mark.parametrize(
    "times",
    [
        {"exp": None},
        {"iat": None},
        {"exp_in": 61},
        {"exp_in": 315_360_000},
        {"exp_in": -1, "iat_in": -60},
        {"iat_in": 11, "exp_in": 60},
    ],
    ids=str,
)
def test_an_assertion_without_an_end_or_with_a_far_one_is_refused(peer: Caller, times: dict[str, Any]) -> None:
    issued = claims.to_seconds(peer.clock.now())
    changes = {
        name.removesuffix("_in"): issued + value if name.endswith("_in") else value for name, value in times.items()
    }
    raw = forge.signed(assertion_header(peer), assertion_claims(peer, **changes), peer.oauth)
    refused_as(peer.ask_peer_token(client_assertion=raw.decode()), "invalid_client", 401)


def test_none_hmac_and_rs256_are_refused(node: Node, peer: Caller) -> None:
    rsa_key = LocalSigner.generate(KeyUse.OAUTH, Alg.PS256)
    node.members.admit(HOUSING, rsa_key, node.clock.now())
    header, body = assertion_header(peer, kid=rsa_key.kid), assertion_claims(peer)
    private = rsa_key._private
    assert isinstance(private, rsa.RSAPrivateKey)
    for raw in (
        forge.unsigned(header, body),
        forge.hmac_signed(header, body, json.dumps(rsa_key.public.jwk).encode()),
        forge.rs256_signed(header, body, private),
    ):
        refused_as(peer.ask_peer_token(client_assertion=raw.decode()), "invalid_client", 401)


@pytest.mark.holds("A17")
@pytest.mark.parametrize("parameter", ["jku", "x5u", "x5c", "jwk", "b64"])
def test_a_key_or_an_address_in_the_header_is_refused(peer: Caller, parameter: str) -> None:
    attacker = LocalSigner.generate(KeyUse.OAUTH)
    value = {"jwk": dict(attacker.public.jwk), "x5c": ["MIIB"], "b64": False}.get(parameter, "https://evil.example/k")
    for signer in (attacker, peer.oauth):
        header = assertion_header(peer, **{parameter: value, "kid": signer.kid})
        raw = forge.signed(header, assertion_claims(peer), signer)
        refused_as(peer.ask_peer_token(client_assertion=raw.decode()), "invalid_client", 401)


def test_a_jti_is_needed_and_is_128_characters_at_most(peer: Caller) -> None:
    for jti in (None, "", "j" * 129, 7):
        raw = forge.signed(assertion_header(peer), assertion_claims(peer, jti=jti), peer.oauth)
        refused_as(peer.ask_peer_token(client_assertion=raw.decode()), "invalid_client", 401)


@pytest.mark.holds("A26")
def test_an_assertion_works_once_and_so_does_its_twin(peer: Caller) -> None:
    raw = peer.assertion()
    assert peer.ask_peer_token(client_assertion=raw.decode()).status_code == 200
    for again in (raw, forge.twin(raw), raw + b"=", raw + b"=="):
        said = refused_as(peer.ask_peer_token(client_assertion=again.decode()), "invalid_client", 401)
        assert "used before" in said or "base64url" in said


def test_strangers_suspended_members_and_wrong_keys_get_one_answer(node: Node, peer: Caller) -> None:
    stranger = forge.signed(
        assertion_header(peer),
        assertion_claims(peer, iss="https://stranger.example", sub="https://stranger.example"),
        peer.oauth,
    )
    other = LocalSigner.generate(KeyUse.OAUTH)
    wrong_key = forge.signed(assertion_header(peer, kid=other.kid), assertion_claims(peer), other)
    wrong_signature = forge.signed(assertion_header(peer), assertion_claims(peer), other)
    said = {
        refused_as(peer.ask_peer_token(client_assertion=raw.decode()), "invalid_client", 401)
        for raw in (stranger, wrong_key, wrong_signature)
    }
    del node.members.entities[HOUSING]
    said.add(refused_as(peer.ask_peer_token(), "invalid_client", 401))
    assert len(said) == 1
    assert [(each.problem, each.reason) for each in node.watcher.seen] == [
        ("invalid_client", "no_chain"),
        ("invalid_client", "unknown_key"),
        ("invalid_client", "bad_signature"),
        ("invalid_client", "no_chain"),
    ]


def test_the_log_names_the_error_and_the_rule_and_quotes_nothing(node: Node, peer: Caller) -> None:
    quoting = forge.signed(assertion_header(peer, kid="Jayden Marsh"), assertion_claims(peer), peer.oauth)
    refused_as(peer.ask_peer_token(client_assertion=quoting.decode()), "invalid_client", 401)
    refused_as(peer.ask_peer_token(scope="all"), "invalid_scope", 400)
    told = [(each.problem, each.reason) for each in node.watcher.seen]
    assert told == [
        ("invalid_client", "unknown_key"),
        ("invalid_scope", "No scopes are granted here; leave the parameter out."),
    ]


def test_a_client_id_that_contradicts_the_assertion_is_refused(peer: Caller) -> None:
    assert peer.ask_peer_token(client_id=HOUSING).status_code == 200
    refused_as(peer.ask_peer_token(client_id="https://police.example"), "invalid_client", 401)


@pytest.mark.parametrize(
    "form",
    [
        {"client_assertion": None},
        {"client_assertion_type": None},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion": None, "client_assertion_type": None, "client_id": HOUSING, "client_secret": "guess"},
        {"client_assertion": None, "client_assertion_type": None, "client_id": HOUSING},
    ],
    ids=str,
)
def test_there_is_no_other_way_to_authenticate(peer: Caller, form: dict[str, str | None]) -> None:
    refused_as(peer.ask_peer_token(**form), "invalid_client", 401)


def test_an_authorization_header_authenticates_no_client(peer: Caller) -> None:
    basic = "Basic aG91c2luZzpndWVzcw=="
    without = peer.full_form(client_assertion=None, client_assertion_type=None)
    refused_as(peer.post_form(without, Authorization=basic), "invalid_client", 401)


def test_parameters_come_from_the_body_only(peer: Caller) -> None:
    for query in ("grant_type=client_credentials", "scope=all", "anything=1"):
        answer = peer.http.post(
            f"/oauth/v1/token?{query}",
            data=peer.encoded(peer.full_form()),
            content_type=FORM,
            headers={"DPoP": peer.proof(PEER_TOKEN_URL)},
        )
        assert "query" in refused_as(answer, "invalid_request", 400)
    without = {name: value for name, value in peer.full_form().items() if name != "grant_type"}
    answer = peer.http.post(
        "/oauth/v1/token?grant_type=client_credentials",
        data=peer.encoded(without),
        content_type=FORM,
        headers={"DPoP": peer.proof(PEER_TOKEN_URL)},
    )
    refused_as(answer, "invalid_request", 400)


@pytest.mark.parametrize("name", ["grant_type", "client_assertion", "authorization_details", "unheard_of"])
def test_no_parameter_may_come_twice(peer: Caller, name: str) -> None:
    form = {**peer.full_form(), "unheard_of": "1"}
    again = peer.encoded(form) + b"&" + peer.encoded({name: form[name]})
    answer = peer.post_form(again, DPoP=peer.proof(PEER_TOKEN_URL))
    assert "more than once" in refused_as(answer, "invalid_request", 400)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "multipart/form-data; boundary=x",
        FORM + "; charset=latin-1",
        FORM + "; boundary=x",
        "text/plain",
        "",
    ],
)
def test_another_content_type_is_refused(peer: Caller, content_type: str) -> None:
    answer = peer.http.post("/oauth/v1/token", data=b"grant_type=client_credentials", content_type=content_type)
    refused_as(answer, "invalid_request", 400)


@pytest.mark.parametrize("grant", ["authorization_code", "password", "refresh_token", "<script>alert(1)</script>"])
def test_no_other_grant_is_known_and_its_name_is_not_repeated(peer: Caller, grant: str) -> None:
    assert grant not in refused_as(peer.ask_peer_token(grant_type=grant), "unsupported_grant_type", 400)


def test_a_scope_is_refused(peer: Caller) -> None:
    refused_as(peer.ask_peer_token(scope="everything"), "invalid_scope", 400)


def test_a_token_request_without_a_proof_is_refused_as_the_standard_writes_it(peer: Caller) -> None:
    details = json.dumps(authorization_details.to_json([DETAIL]))
    refused_as(peer.post_form(peer.form(authorization_details=details)), "invalid_dpop_proof", 400)


@pytest.mark.holds("A24")
def test_a_proof_for_another_method_or_address_is_refused(peer: Caller) -> None:
    details = json.dumps(authorization_details.to_json([DETAIL]))
    for proof in (
        peer.proof(PEER_TOKEN_URL, method="GET"),
        peer.proof("https://elsewhere.example/oauth/v1/token"),
        peer.proof(COUNCIL + "/exchange/v1/messages"),
        "not a proof",
        f"{peer.proof(PEER_TOKEN_URL)},{peer.proof(PEER_TOKEN_URL)}",
    ):
        answer = peer.post_form(peer.form(authorization_details=details), DPoP=proof)
        refused_as(answer, "invalid_dpop_proof", 400)


@pytest.mark.holds("A24")
def test_the_host_header_does_not_change_what_a_proof_must_name(peer: Caller) -> None:
    details = json.dumps(authorization_details.to_json([DETAIL]))
    proof = peer.proof("https://evil.example/oauth/v1/token")
    answer = peer.post_form(peer.form(authorization_details=details), DPoP=proof, Host="evil.example")
    refused_as(answer, "invalid_dpop_proof", 400)


@pytest.mark.parametrize("age_s", [-11, 61])
def test_a_proof_from_the_future_or_an_old_one_is_refused(peer: Caller, age_s: int) -> None:
    details = json.dumps(authorization_details.to_json([DETAIL]))
    peer.clock.forward(seconds=-age_s)
    proof = peer.proof(PEER_TOKEN_URL)
    peer.clock.forward(seconds=age_s)
    refused_as(peer.post_form(peer.form(authorization_details=details), DPoP=proof), "invalid_dpop_proof", 400)


def test_a_proof_works_once_at_the_token_endpoint(peer: Caller) -> None:
    details = json.dumps(authorization_details.to_json([DETAIL]))
    proof = peer.proof(PEER_TOKEN_URL)
    assert peer.post_form(peer.form(authorization_details=details), DPoP=proof).status_code == 200
    refused_as(peer.post_form(peer.form(authorization_details=details), DPoP=proof), "invalid_dpop_proof", 400)


@pytest.mark.parametrize(
    "details",
    [
        None,
        "",
        "[]",
        "{}",
        "not json",
        '[{"type":"payment_initiation"}]',
        '[{"type":"information_exchange"}]',
        '[{"type":"information_exchange","type":"information_exchange"}]',
        "[" * 40_000,
    ],
    ids=lambda details: str(details)[:30],
)
def test_details_are_required_and_must_be_ours(peer: Caller, details: str | None) -> None:
    refused_as(peer.ask_peer_token(authorization_details=details), "invalid_authorization_details", 400)


def test_details_beyond_the_agreements_are_refused_or_cut(peer: Caller) -> None:
    [asked] = authorization_details.to_json([DETAIL])
    foreign = {**asked, "agreement": {**asked["agreement"], "id": "another"}}
    answer = peer.ask_peer_token(authorization_details=json.dumps([foreign]))
    assert "agreement" in refused_as(answer, "invalid_authorization_details", 400)
    wider = {**asked, "kinds": ["eligibility.query", "involvement.query"]}
    granted = peer.ask_peer_token(authorization_details=json.dumps([wider])).get_json()["authorization_details"]
    assert granted == [asked]


def test_a_body_over_its_cap_is_refused_unread(peer: Caller) -> None:
    answer = peer.post_form(b"grant_type=" + b"a" * 200_000)
    assert answer.status_code == 413
    assert answer.get_json()["code"] == "too-large"


def test_only_post_is_taken(peer: Caller) -> None:
    answer = peer.http.get("/oauth/v1/token?grant_type=client_credentials")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
