"""The case face's token endpoint serves registered case systems, and no member of the federation."""

from dataclasses import replace

import pytest

from tests.gateway.oauth.requests import refused_as
from tests.simulator.callers import Caller, case_system
from tests.simulator.faces import CASE, CASE_TOKEN_URL, FORM, Node
from tests.simulator.town import COUNCIL, HOUSING
from tests.support import forge
from trust import claims
from trust.keys import Alg, KeySet, KeyUse, LocalSigner
from trust.oauth import access_token


def claimed(system: Caller, **changes: object) -> dict[str, object]:
    issued = claims.to_seconds(system.clock.now())
    good = {
        "iss": system.client_id,
        "sub": system.client_id,
        "aud": CASE,
        "jti": f"j-{len(changes)}",
        "iat": issued,
        "exp": issued + 60,
    }
    return {**good, **changes}


def test_a_case_system_gets_a_bearer_token_for_ten_minutes(node: Node, system: Caller) -> None:
    answer = system.post_form(system.form())
    assert answer.status_code == 200
    assert answer.get_json()["token_type"] == "Bearer"
    assert answer.get_json()["expires_in"] == 600
    token = access_token.verify(
        answer.get_json()["access_token"].encode(),
        issuer=CASE,
        audience=CASE + "/case/v1",
        keys=KeySet.of(KeyUse.OAUTH, [node.signer.public]),
        now=node.clock.now(),
        max_life=access_token.CASE_MAX_LIFE,
    )
    assert token.client_id == system.client_id
    assert token.jkt is None


def test_with_a_proof_the_token_is_bound_to_its_key(system: Caller) -> None:
    answer = system.post_form(system.form(), DPoP=system.proof(CASE_TOKEN_URL))
    assert answer.get_json()["token_type"] == "DPoP"
    refused_as(
        system.post_form(system.form(), DPoP=system.proof(COUNCIL + "/oauth/v1/token")), "invalid_dpop_proof", 400
    )


@pytest.mark.parametrize("alg", [Alg.ES256, Alg.ED25519, Alg.PS256])
def test_each_algorithm_of_the_profile_is_accepted(node: Node, alg: Alg) -> None:
    system = case_system(node, node.case_app().test_client(), alg=alg)
    assert system.post_form(system.form()).status_code == 200


@pytest.mark.holds("A20")
def test_the_typ_may_be_absent_but_never_another(system: Caller) -> None:
    header = {"alg": "ES256", "kid": system.oauth.kid}
    absent = forge.signed(header, claimed(system), system.oauth)
    assert system.post_form(system.form(client_assertion=absent.decode())).status_code == 200
    for typ in ("JWT", "at+jwt", "exchange-message+jwt", ""):
        raw = forge.signed({**header, "typ": typ}, claimed(system, jti=f"t{typ}"), system.oauth)
        refused_as(system.post_form(system.form(client_assertion=raw.decode())), "invalid_client", 401)


@pytest.mark.holds("A18", "A19")
@pytest.mark.parametrize("audience", [COUNCIL, CASE_TOKEN_URL, [CASE], CASE + "/case/v1"])
def test_an_assertion_for_another_audience_is_refused(system: Caller, audience: object) -> None:
    header = {"alg": "ES256", "kid": system.oauth.kid, "typ": "client-authentication+jwt"}
    raw = forge.signed(header, claimed(system, aud=audience), system.oauth)
    refused_as(system.post_form(system.form(client_assertion=raw.decode())), "invalid_client", 401)


@pytest.mark.parametrize("charset", [";charset=UTF-8", "; charset=utf-8", '; charset="utf-8"'])
def test_naming_the_charset_that_it_has_anyway_is_harmless(system: Caller, charset: str) -> None:
    answer = system.http.post("/oauth/v1/token", data=system.encoded(system.form()), content_type=FORM + charset)
    assert answer.status_code == 200


def test_unknown_and_revoked_clients_get_the_same_answer_as_a_wrong_signature(node: Node, system: Caller) -> None:
    unknown = replace(system, client_id="nobody")
    forger = replace(system, oauth=LocalSigner.generate(KeyUse.OAUTH))
    said = {refused_as(each.post_form(each.form()), "invalid_client", 401) for each in (unknown, forger)}
    node.revoke(system.client_id)
    said.add(refused_as(system.post_form(system.form()), "invalid_client", 401))
    assert len(said) == 1


def test_a_member_of_the_federation_is_no_local_client(node: Node, system: Caller) -> None:
    member = replace(system, client_id=HOUSING)
    node.members.admit(HOUSING, member.oauth, node.clock.now())
    refused_as(member.post_form(member.form()), "invalid_client", 401)


def test_an_assertion_works_once(system: Caller) -> None:
    form = system.form()
    assert system.post_form(form).status_code == 200
    assert "used before" in refused_as(system.post_form(form), "invalid_client", 401)
