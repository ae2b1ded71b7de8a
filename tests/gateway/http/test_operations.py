"""Health and metrics, to the machine itself only."""

import pytest
from flask.testing import FlaskClient

from gateway.http.operations.operations_api import OperationsFace, ReadyCheck
from tests.simulator.faces import Node


def operations(node: Node, *checks: ReadyCheck) -> FlaskClient:
    face = OperationsFace(checks=checks, metrics=lambda: ("text/plain; version=0.0.4", b"up 1\n"))
    return node.operations_app(face).test_client()


def test_a_live_process_says_so_with_any_other_fault(node: Node) -> None:
    http = operations(node, ReadyCheck(name="store", fault=lambda: "The store is not migrated."))
    assert http.get("/health/live").get_json() == {"state": "live"}


def test_ready_means_that_every_check_passes(node: Node) -> None:
    good = ReadyCheck(name="chain", fault=lambda: None)
    bad = ReadyCheck(name="store", fault=lambda: "The store is not migrated; run hearthgate upgrade.")
    assert operations(node, good).get("/health/ready").status_code == 200
    answer = operations(node, good, bad).get("/health/ready")
    assert answer.status_code == 503
    assert answer.get_json() == {
        "state": "not_ready",
        "checks": [
            {"name": "chain", "ok": True, "detail": ""},
            {"name": "store", "ok": False, "detail": "The store is not migrated; run hearthgate upgrade."},
        ],
    }


def test_metrics_are_passed_through(node: Node) -> None:
    answer = operations(node).get("/metrics")
    assert answer.data == b"up 1\n"
    assert answer.content_type == "text/plain; version=0.0.4"


@pytest.mark.parametrize("address", ["10.0.0.5", "192.0.2.1", "2001:db8::1", "", "::ffff:10.0.0.5"])
def test_another_machine_finds_nothing_here(node: Node, address: str) -> None:
    http = operations(node)
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert http.get(path, environ_overrides={"REMOTE_ADDR": address}).status_code == 404
    assert http.get("/health/live", environ_overrides={"REMOTE_ADDR": "::1"}).status_code == 200
