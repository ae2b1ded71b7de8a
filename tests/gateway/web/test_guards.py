"""No route without a guard."""

import pytest
from flask import Blueprint, Flask, Response

from gateway.http.operations.operations_api import OperationsFace
from gateway.web.face import build_face
from gateway.web.guards import declared_guard, open_to_all
from tests.simulator.faces import Node


def guards_of(app: Flask) -> dict[str, str]:
    found = {}
    for rule in app.url_map.iter_rules():
        declared = declared_guard(app.view_functions[rule.endpoint])
        assert declared is not None, rule.rule
        assert declared.reason or declared.guard != "none", rule.rule
        found[rule.rule] = declared.guard
    return found


def test_every_route_of_every_face_declares_its_guard(node: Node) -> None:
    assert guards_of(node.peer_app()) == {
        "/.well-known/oauth-authorization-server": "none",
        "/.well-known/oauth-protected-resource/exchange/v1": "none",
        "/exchange/v1/messages": "peer",
        "/exchange/v1/batches": "peer",
        "/oauth/v1/revoke": "none",
        "/oauth/v1/token": "none",
    }
    assert guards_of(node.case_app()) == {
        "/.well-known/oauth-authorization-server": "none",
        "/.well-known/oauth-protected-resource/case/v1": "none",
        "/case/v1/eligibility": "case",
        "/case/v1/options": "case",
        "/case/v1/lookups": "case",
        "/case/v1/lookups/<lookup_id>": "case",
        "/case/v1/openapi.json": "none",
        "/oauth/v1/revoke": "none",
        "/oauth/v1/token": "none",
    }
    operations = node.operations_app(OperationsFace(checks=[], metrics=lambda: ("text/plain", b"")))
    assert set(guards_of(operations).values()) == {"none"}


def test_a_face_with_an_unguarded_route_cannot_be_built(node: Node) -> None:
    blueprint = Blueprint("forgetful", __name__)

    @blueprint.get("/forgotten")
    def forgotten() -> Response:
        return Response("anybody may read this")

    with pytest.raises(RuntimeError, match="/forgotten"):
        build_face("case", [blueprint], max_body=0, observer=node.watcher)


def test_a_guarded_view_is_not_reached_without_a_caller(node: Node) -> None:
    http = node.case_app().test_client()
    for path in ("/case/v1/lookups", "/case/v1/eligibility"):
        assert http.post(path, json={}).status_code == 401
    assert http.get("/case/v1/lookups/anything").status_code == 401
    assert node.lookups.requests == []


def test_an_open_view_says_why() -> None:
    @open_to_all("it is a test")
    def view() -> Response:
        return Response()

    declared = declared_guard(view)
    assert declared is not None
    assert (declared.guard, declared.reason) == ("none", "it is a test")
