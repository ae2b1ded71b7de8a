"""A token that its client revoked is of no use (RFC 7009), and only that client can revoke it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.oauth.revocation import PATH
from gateway.store.engine.claims_sqlite import SqliteClaims
from tests.gateway.oauth.requests import ask, challenged_as, revoke
from tests.simulator.callers import Caller, case_system, token_claims
from tests.simulator.faces import CASE_TOKEN_URL, FORM, Node
from tests.simulator.town import COUNCIL
from tests.support.positions import positions
from trust.keys import KeyUse, LocalSigner
from trust.oauth import access_token
from trust.oauth.access_token import SignedIn


def test_a_revoked_peer_token_is_refused_with_its_own_key_and_the_next_one_is_not(peer: Caller) -> None:
    ended, other = peer.peer_token(), peer.peer_token()
    assert peer.send(ended).status_code == 200
    answer = revoke(peer, ended)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    challenged_as(peer.send(ended), "invalid_token")
    assert peer.send(other).status_code == 200
    assert revoke(peer, ended).status_code == 200


def test_a_revoked_case_token_is_refused_as_bearer(system: Caller) -> None:
    ended, other = system.case_token(), system.case_token()
    assert ask(system, ended).status_code == 404
    assert revoke(system, ended).status_code == 200
    challenged_as(ask(system, ended), "invalid_token")
    assert ask(system, other).status_code == 404


def test_a_revoked_practitioners_token_is_refused(node: Node, system: Caller) -> None:
    signed_in = SignedIn(
        issuer="https://idp.example", name="u-1", positions=positions(["families"], ["key-worker"], ["north"])
    )
    claims = token_claims(node, iss=system.issuer, sub=signed_in.sub, client_id=system.client_id, details=())
    raw = access_token.build(replace(claims, aud=system.issuer + "/case/v1", signed_in=signed_in), node.signer)
    assert ask(system, raw).status_code == 404
    assert revoke(system, raw).status_code == 200
    challenged_as(ask(system, raw), "invalid_token")


def test_revocation_holds_for_every_worker_and_survives_a_restart(node: Node, peer: Caller) -> None:
    token = peer.peer_token()
    assert revoke(peer, token).status_code == 200
    another = SqliteClaims(node.claims_files, started_at=node.clock.now())
    node.claims, first = another, node.claims
    worker = housing_again(node, peer)
    challenged_as(worker.send(token), "invalid_token")
    first.close()


def housing_again(node: Node, peer: Caller) -> Caller:
    worker = Caller(
        client_id=peer.client_id,
        issuer=peer.issuer,
        token_url=peer.token_url,
        http=node.peer_app().test_client(),
        clock=peer.clock,
        oauth=peer.oauth,
        dpop=peer.dpop,
    )
    assert worker.send(worker.peer_token()).status_code == 200
    return worker


def test_no_client_ends_anothers_token(node: Node, system: Caller) -> None:
    token = system.case_token()
    rival = case_system(node, system.http, "another-system")
    answer = revoke(rival, token)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_grant")
    assert ask(system, token).status_code == 404


@pytest.mark.parametrize("form", ["nobody", "wrong key", "replayed"])
def test_only_an_authenticated_client_ends_a_token(node: Node, system: Caller, form: str) -> None:
    token = system.case_token()
    match form:
        case "nobody":
            answer = revoke(system, token, client_assertion=None, client_assertion_type=None)
            assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")
        case "wrong key":
            thief = Caller(
                client_id=system.client_id,
                issuer=system.issuer,
                token_url=CASE_TOKEN_URL,
                http=system.http,
                clock=node.clock,
                oauth=LocalSigner.generate(KeyUse.OAUTH),
            )
            assert revoke(thief, token).status_code == 401
        case _:
            used = system.assertion().decode()
            assert system.post_form(system.form(client_assertion=used)).status_code == 200
            assert revoke(system, token, client_assertion=used).status_code == 401
    assert ask(system, token).status_code == 404


def test_what_is_no_token_of_ours_counts_as_ended(node: Node, peer: Caller) -> None:
    stranger = LocalSigner.generate(KeyUse.OAUTH)
    old = node.clock.now() - timedelta(minutes=10)
    for token in (
        b"no-token",
        access_token.build(token_claims(node), stranger),
        access_token.build(token_claims(node, aud=COUNCIL), node.signer),
        access_token.build(token_claims(node, iat=old, exp=old + timedelta(minutes=5)), node.signer),
    ):
        answer = revoke(peer, token)
        assert answer.status_code == 200, answer.text
    assert peer.send(peer.peer_token()).status_code == 200


def test_a_hint_about_the_kind_of_token_changes_nothing(peer: Caller) -> None:
    for hint in ("access_token", "refresh_token", "something-else"):
        token = peer.peer_token()
        assert revoke(peer, token, token_type_hint=hint).status_code == 200
        challenged_as(peer.send(token), "invalid_token")


@pytest.mark.parametrize("where", ["query", "missing", "twice"])
def test_the_token_comes_in_the_body_and_once(peer: Caller, where: str) -> None:
    token = peer.peer_token().decode()
    form = peer.encoded(peer.form(grant_type=None))
    path, body = {
        "query": (f"{PATH}?token={token}", form),
        "missing": (PATH, form),
        "twice": (PATH, form + f"&token={token}&token={token}".encode()),
    }[where]
    answer = peer.http.post(path, data=body, content_type=FORM)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")
    assert peer.send(token.encode()).status_code == 200


def test_a_token_of_one_face_is_not_ended_at_the_other(peer: Caller, system: Caller) -> None:
    token = system.case_token()
    assert revoke(peer, token).status_code == 200  # nothing to end there
    assert ask(system, token).status_code == 404


def test_both_servers_say_where_tokens_are_ended(peer: Caller, system: Caller) -> None:
    for caller in (peer, system):
        document = caller.http.get("/.well-known/oauth-authorization-server").get_json()
        assert document["revocation_endpoint"] == caller.issuer + PATH
        assert document["revocation_endpoint_auth_methods_supported"] == ["private_key_jwt"]
