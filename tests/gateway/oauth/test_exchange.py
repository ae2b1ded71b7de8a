"""A practitioner's own sign-in becomes a case face token that is theirs, and nothing else does (RFC 8693)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.lookups.case_api import EXAMPLE_LOOKUP
from gateway.oauth.exchange import ACCESS_TOKEN, GRANT_TYPE
from gateway.oauth.sign_in_keys import PinnedKeys
from tests.gateway.oauth.requests import ID_TOKEN, exchange, refused_as
from tests.simulator.callers import Caller, case_system
from tests.simulator.faces import CASE, CASE_TOKEN_URL, Node
from tests.support import forge
from tests.support.positions import positions
from tests.support.sign_in import ISSUER, RESOURCE, WEB_CLIENT, SignInService, rsa_key
from trust import jwk
from trust.keys import Alg, KeySet, KeyUse, LocalSigner
from trust.oauth import access_token, provider_keys
from trust.oauth.access_token import AccessToken


@pytest.fixture
def service(node: Node) -> SignInService:
    return SignInService(clock=node.clock)


@pytest.fixture
def http(node: Node, service: SignInService) -> FlaskClient:
    node.providers = (service.provider(),)
    return node.case_app().test_client()


@pytest.fixture
def system(node: Node, http: FlaskClient) -> Caller:
    return case_system(node, http)


def opened(node: Node, answer: TestResponse) -> AccessToken:
    assert answer.status_code == 200, answer.text
    return access_token.verify(
        answer.get_json()["access_token"].encode(),
        issuer=CASE,
        audience=RESOURCE,
        keys=KeySet.of(KeyUse.OAUTH, [node.signer.public]),
        now=node.clock.now(),
        max_life=access_token.CASE_MAX_LIFE,
    )


def refused(answer: TestResponse, said: str) -> None:
    assert said in refused_as(answer, "invalid_request", 400)


def test_an_id_token_becomes_ten_minutes_of_a_token_for_that_practitioner(
    node: Node, service: SignInService, system: Caller
) -> None:
    answer = exchange(system, service.token())
    assert answer.get_json()["issued_token_type"] == ACCESS_TOKEN
    assert answer.get_json()["token_type"] == "Bearer"
    assert answer.get_json()["expires_in"] == 600
    token = opened(node, answer)
    assert token.sub == f"{ISSUER}#u-17"
    assert token.client_id == "case-system"
    assert token.signed_in is not None
    assert token.signed_in.name == "u-17"
    assert token.signed_in.positions == positions(["connecting-families"], ["key-worker"], ["north-team"])


def test_an_access_token_for_the_case_face_becomes_one_too(node: Node, service: SignInService, system: Caller) -> None:
    for kind in (ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt"):
        answer = exchange(system, service.access_token(jti=kind), subject_token_type=kind)
        assert opened(node, answer).signed_in is not None


def test_with_a_proof_the_token_is_bound_to_its_key(node: Node, service: SignInService, system: Caller) -> None:
    form = system.form(grant_type=GRANT_TYPE, subject_token=service.token(), subject_token_type=ID_TOKEN)
    answer = system.post_form(form, DPoP=system.proof(CASE_TOKEN_URL))
    assert answer.get_json()["token_type"] == "DPoP"
    assert opened(node, answer).jkt == system.dpop.kid


def test_no_token_outlives_the_sign_in(node: Node, service: SignInService, system: Caller) -> None:
    almost = service.claims()["iat"] - 12 * 3600 + 90
    answer = exchange(system, service.token(auth_time=almost))
    assert answer.get_json()["expires_in"] == 90
    assert opened(node, answer).exp == node.clock.now() + timedelta(seconds=90)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subject_token": None}, "subject_token"),
        ({"subject_token_type": None}, "subject_token_type"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "subject_token_type"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "subject_token_type"),
        ({"actor_token": "a.b.c"}, "actor"),
        ({"requested_token_type": ID_TOKEN}, "access_token"),
    ],
)
def test_the_parameters_are_those_of_the_standard(
    service: SignInService, system: Caller, changes: dict[str, Any], said: str
) -> None:
    form = {"subject_token": service.token(), **changes}
    refused(exchange(system, form.pop("subject_token"), **form), said)


@pytest.mark.parametrize("name", ["resource", "audience"])
def test_a_token_for_another_target_is_not_issued(service: SignInService, system: Caller, name: str) -> None:
    assert exchange(system, service.token(), **{name: RESOURCE}).status_code == 200
    refused_as(
        exchange(system, service.token(), **{name: "https://council.example/exchange/v1"}), "invalid_target", 400
    )


def test_parameters_come_from_the_body_once(service: SignInService, system: Caller) -> None:
    form = system.form(grant_type=GRANT_TYPE, subject_token=service.token(), subject_token_type=ID_TOKEN)
    twice = system.encoded(form) + b"&subject_token=" + service.token(sub="u-1").encode()
    refused(system.post_form(twice), "more than once")
    answer = system.http.post(f"/oauth/v1/token?subject_token={service.token()}", data=system.encoded(form))
    assert answer.status_code == 400
    refused_as(exchange(system, service.token(), scope="openid"), "invalid_scope", 400)


def test_the_client_authenticates_before_any_token_is_looked_at(service: SignInService, system: Caller) -> None:
    thief = replace(system, oauth=LocalSigner.generate(KeyUse.OAUTH))
    refused_as(exchange(thief, service.token()), "invalid_client", 401)
    refused_as(exchange(thief, "nonsense"), "invalid_client", 401)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iss": "https://login.elsewhere.example"}, "not from a sign-in service"),
        ({"aud": "somebody-else"}, "another application"),
        ({"amr": ["pwd"]}, "second factor"),
        ({"exp": 1}, "'exp'"),
        ({"auth_time": 1}, "too long ago"),
        ({"groups": ["Social Club"]}, "no position of this agency"),
        ({"groups": ["Director"]}, "no position that this case system"),
        ({"team": "south"}, "no position that this case system"),
    ],
)
def test_each_rule_about_the_subject_token_refuses(
    service: SignInService, system: Caller, changes: dict[str, Any], said: str
) -> None:
    refused(exchange(system, service.token(**changes)), said)


def test_refusals_say_nothing_of_the_practitioner(service: SignInService, system: Caller) -> None:
    for changes in ({"iss": "Canary"}, {"aud": "Canary"}, {"amr": ["Canary"]}, {"groups": ["Canary"]}, {"sub": 5}):
        answer = exchange(system, service.token(**changes))
        assert answer.status_code == 400
        assert "Canary" not in answer.text
        assert "u-17" not in answer.text


def test_one_application_cannot_show_anothers_token(node: Node, service: SignInService, http: FlaskClient) -> None:
    other = case_system(node, http, "another-system")
    refused(exchange(other, service.token()), "another application")
    assert exchange(other, service.token(aud="housing-web")).status_code == 200


def test_a_token_is_exchanged_a_few_times_only(service: SignInService, system: Caller) -> None:
    token = service.token()
    assert [exchange(system, token).status_code for _ in range(4)] == [200, 200, 200, 400]
    refused(exchange(system, token), "as often as one may be")
    assert exchange(system, service.token(sid="another")).status_code == 200


@pytest.mark.holds("A26")
def test_the_other_signature_over_the_same_token_is_no_other_token(node: Node, service: SignInService) -> None:
    curve = LocalSigner.generate(KeyUse.OAUTH)
    jwks = {"keys": [{**jwk.write(curve.public.key), "kid": "curve"}]}
    made = service.provider(keys=PinnedKeys(pinned=provider_keys.parse(jwks, Alg.ES256)), exchanges=1)
    node.providers = (replace(made, expected=replace(made.expected, algorithm=Alg.ES256)),)
    system = case_system(node, node.case_app().test_client())
    token = service.signed({"alg": "ES256", "kid": "curve"}, service.claims(), curve.sign)
    assert exchange(system, token).status_code == 200
    refused(exchange(system, forge.twin(token.encode()).decode()), "as often as one may be")


def test_without_a_provider_nothing_is_exchanged(node: Node, service: SignInService) -> None:
    node.providers = ()
    system = case_system(node, node.case_app().test_client())
    refused_as(exchange(system, service.token()), "unsupported_grant_type", 400)


def test_the_metadata_names_the_grant_where_there_is_one(system: Caller) -> None:
    document = system.http.get("/.well-known/oauth-authorization-server").get_json()
    assert document["grant_types_supported"] == ["client_credentials", GRANT_TYPE]


def test_a_peer_exchanges_nothing(node: Node, service: SignInService, peer: Caller) -> None:
    form = peer.full_form(grant_type=GRANT_TYPE, subject_token=service.token(), subject_token_type=ID_TOKEN)
    refused_as(peer.post_form(form, DPoP=peer.proof(peer.token_url)), "unsupported_grant_type", 400)


class Signed:
    """A case system with the token of a practitioner who signed in."""

    def __init__(self, node: Node, service: SignInService, system: Caller, **changes: Any) -> None:
        self.node = node
        self.http = system.http
        answer = exchange(system, service.token(**changes))
        assert answer.status_code == 200, answer.text
        self.headers = {"Authorization": f"Bearer {answer.get_json()['access_token']}", "Idempotency-Key": "key-000001"}

    def ask(self, practitioner: dict[str, Any] | None, **changes: Any) -> TestResponse:
        body = {name: value for name, value in EXAMPLE_LOOKUP.items() if name != "practitioner"} | changes
        if practitioner is not None:
            body["practitioner"] = practitioner
        return self.http.post("/case/v1/lookups", json=body, headers=self.headers)


def test_the_practitioner_of_the_token_is_who_asks(node: Node, service: SignInService, system: Caller) -> None:
    signed = Signed(node, service, system)
    for stated in (
        None,
        {},
        {"call_back": "01632 960117"},
        {"id": "u-17", "role": "key-worker", "second_factor": True},
    ):
        assert signed.ask(stated).status_code == 201
        asked = node.lookups.requests[-1].practitioner
        assert (asked.id, asked.role, asked.org_unit) == (f"{ISSUER}#u-17", "key-worker", "north-team")


@pytest.mark.parametrize(
    "stated",
    [
        {"id": "u-18"},
        {"role": "director"},
        {"org_unit": "south-team"},
        {"second_factor": False},
        {"id": ISSUER + "#u-17"},
    ],
)
def test_a_request_that_disagrees_with_the_sign_in_is_refused(
    node: Node, service: SignInService, system: Caller, stated: dict[str, Any]
) -> None:
    both = {"roles": ("director", "key-worker"), "units": ("north-team", "south-team")}
    node.register("case-system", system.oauth, **both)
    answer = Signed(node, service, system).ask(stated)
    assert answer.status_code == 403
    assert answer.get_json()["code"] == "outside-registration"
    assert answer.get_json()["remedy"].startswith("Leave out what the sign-in says")
    assert node.lookups.requests == []


def test_a_user_with_several_roles_states_one(node: Node, service: SignInService, system: Caller) -> None:
    node.register("case-system", system.oauth, roles=("director", "key-worker"), vouches=False)
    signed = Signed(node, service, system, groups=["Director", "Family Support Worker"])
    assert "practitioner.role" in signed.ask(None).get_json()["detail"]
    assert signed.ask({"role": "director"}).status_code == 201


def test_the_sign_in_decides_the_service(node: Node, service: SignInService, system: Caller) -> None:
    """The registration has the role and the unit for two services, and the provider's values stand for one."""
    services = ("connecting-families", "youth-justice")
    node.register("case-system", system.oauth, services=services, vouches=False)
    signed = Signed(node, service, system)
    assert signed.ask(None).status_code == 201
    assert node.lookups.requests[-1].from_service == "connecting-families"
    assert signed.ask(None, from_service="youth-justice").status_code == 403


def test_a_registration_that_was_narrowed_since_counts(node: Node, service: SignInService, system: Caller) -> None:
    signed = Signed(node, service, system)
    node.register("case-system", system.oauth, roles=("duty-officer",))
    assert signed.ask(None).get_json()["code"] == "outside-registration"


def test_a_key_of_another_provider_verifies_nothing_here(node: Node, service: SignInService, system: Caller) -> None:
    other = SignInService(clock=node.clock, key=rsa_key())
    refused_as(exchange(system, other.token()), "invalid_request", 400)
    assert WEB_CLIENT in service.claims().values()
