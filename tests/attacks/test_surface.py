"""Every route of every application as it really runs: its guard, its headers, what it says to those with no right."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response

from gateway.app.authority import AnchorParts
from gateway.web import headers
from gateway.web.guards import declared_guard, require_guards
from tests.simulator.network import Network
from tests.simulator.town import BY_ENTITY, COUNCIL, TRUST

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
PUBLIC = {
    "peer": {
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource/exchange/v1",
        "/.well-known/openid-federation",
        "/oauth/v1/revoke",
        "/oauth/v1/token",
        "/federation/v1/historical-keys",
        "/federation/v1/suspensions",
        "/federation/v1/key-revocations",
    },
    "case": {
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource/case/v1",
        "/case/v1/openapi.json",
        "/oauth/v1/revoke",
        "/oauth/v1/token",
    },
}
"""What anybody may reach at a node's two outer faces: a new one is a decision, and has to be written down here."""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    made = Network(Path(tmp_path_factory.mktemp("surface")), [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    made.agree()
    yield made
    made.close()


def apps_of(network: Network) -> Mapping[str, Flask]:
    node, anchor = network.nodes[COUNCIL], network.anchor
    assert isinstance(anchor, AnchorParts)
    return {
        "peer": node.peer_app,
        "case": node.case_app,
        "operations": node.operations_app,
        "authority": anchor.peer_app,
        "authority-operations": anchor.operations_app,
    }


def undeclared(app: Flask) -> list[str]:
    """Return the routes that declare no guard, or none and no reason."""
    declared = {rule.rule: declared_guard(app.view_functions[rule.endpoint]) for rule in app.url_map.iter_rules()}
    return [rule for rule, guard in declared.items() if guard is None or (guard.guard == "none" and not guard.reason)]


def filled(rule: str) -> str:
    return re.sub(r"<[a-z_]+>", lambda name: "A" * (43 if name[0] == "<digest>" else 22), rule)


@pytest.mark.parametrize("face", ["peer", "case", "operations", "authority", "authority-operations"])
def test_every_route_declares_its_guard(network: Network, face: str) -> None:
    app = apps_of(network)[face]
    assert list(app.url_map.iter_rules())
    assert undeclared(app) == []
    require_guards(app)


def test_the_walk_finds_a_route_that_declares_none(network: Network) -> None:
    app = Flask("forgetful", static_folder=None)
    app.add_url_rule("/forgotten", view_func=lambda: Response("anybody may read this"), endpoint="forgotten")
    assert undeclared(app) == ["/forgotten"]
    with pytest.raises(RuntimeError, match="/forgotten"):
        require_guards(app)


@pytest.mark.parametrize("face", ["peer", "case"])
def test_what_anybody_may_reach_is_written_down(network: Network, face: str) -> None:
    app = apps_of(network)[face]
    open_routes = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if (guard := declared_guard(app.view_functions[rule.endpoint])) and guard.guard == "none"
    }
    proved_inside = {
        "/agreements/v1/<digest>",
        "/agreements/v1/<digest>/signatures",
        "/misuse/v1/queries",
        "/exchange/v1/receipts",
        "/exchange/v1/reconciliations",
    }
    assert open_routes - PUBLIC[face] <= proved_inside
    assert open_routes >= PUBLIC[face]


@pytest.mark.parametrize("face", ["peer", "case", "operations", "authority", "authority-operations"])
def test_every_answer_carries_the_security_headers_and_no_cookie(network: Network, face: str) -> None:
    app = apps_of(network)[face]
    http = app.test_client()
    asked: list[dict[str, Any]] = [
        {"path": filled(rule.rule), "method": method} for rule in app.url_map.iter_rules() for method in _METHODS
    ]
    asked += [
        {"path": "/nowhere", "method": "GET"},
        {"path": "/%2e%2e/metrics", "method": "GET", "environ_overrides": {"RAW_URI": "/%2e%2e/metrics"}},
        {"path": "/oauth/v1/token", "method": "POST", "data": b"x" * 300_000},
    ]
    statuses = set()
    for request in asked:
        answer = http.open(**request)
        statuses.add(answer.status_code)
        for name, value in headers.SECURITY:
            assert len(answer.headers.getlist(name)) == 1, (request, name)
            assert answer.headers[name] == value or name == "Cache-Control", (request, name)
        assert len(answer.headers.getlist(headers.REQUEST_ID)) == 1
        assert "Set-Cookie" not in answer.headers
        assert answer.status_code < 500 or answer.status_code == 503, request
    assert statuses >= {400, 404, 405, 413}


@pytest.mark.parametrize("face", ["peer", "case", "operations", "authority"])
def test_no_public_cache_is_let_in_but_for_what_is_signed(network: Network, face: str) -> None:
    for rule in apps_of(network)[face].url_map.iter_rules():
        answer = apps_of(network)[face].test_client().get(filled(rule.rule))
        if answer.headers["Cache-Control"] != "no-store":
            assert (answer.mimetype or "").endswith("+jwt")


@pytest.mark.parametrize("face", ["peer", "case"])
def test_a_guarded_route_tells_a_stranger_nothing_but_how_to_come_back(network: Network, face: str) -> None:
    app = apps_of(network)[face]
    guarded = [
        rule
        for rule in app.url_map.iter_rules()
        if (guard := declared_guard(app.view_functions[rule.endpoint])) and guard.guard == face
    ]
    assert guarded
    for rule in guarded:
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            for presented in ({}, {"Authorization": "Bearer x"}, {"Authorization": "DPoP x", "DPoP": "x"}):
                answer = app.test_client().open(filled(rule.rule), method=method, headers=presented)
                assert answer.status_code == 401
                assert answer.headers["WWW-Authenticate"]
                assert answer.get_json()["code"] in {"token-required", "token-refused", "proof-refused"}


@pytest.mark.holds("A49")
def test_what_another_asked_is_not_found_like_an_unknown_id(network: Network) -> None:
    one, other = network.case_client(), network.case_client()
    theirs = one.look_up()["id"]
    assert one.get_lookup(theirs).status_code == 200
    said, stated = [], []
    for lookup_id in (theirs, "A" * len(theirs)):
        answer = other.get_lookup(lookup_id)
        assert answer.status_code == 404
        said.append(answer.get_json() | {"instance": ""})
        stated.append([(name, value) for name, value in answer.headers.items() if name != headers.REQUEST_ID])
    assert said[0] == said[1]
    assert stated[0] == stated[1]


@pytest.mark.holds("A49")
def test_at_the_peer_face_nothing_is_found_by_the_id_of_a_message(network: Network) -> None:
    for rule in apps_of(network)["peer"].url_map.iter_rules():
        assert rule.arguments <= {"digest"}, rule.rule  # of an agreement, which is no message


def test_a_peers_token_opens_no_route_of_the_case_face_nor_the_other_way_round(network: Network) -> None:
    case_token = network.case_client().headers()["Authorization"]
    peer = apps_of(network)["peer"].test_client()
    answer = peer.post(
        "/exchange/v1/messages", data=b"a.b.c", headers={"Authorization": case_token}, content_type="application/jwt"
    )
    assert answer.status_code == 401
