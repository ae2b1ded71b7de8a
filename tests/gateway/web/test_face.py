"""Rules of every face, for every request."""

import re

import pytest
from flask import Blueprint, Response
from flask.testing import FlaskClient

from gateway.ports import StoreBusy, StoreFull, StoreOutcomeUnknown
from gateway.web.face import build_face
from gateway.web.guards import open_to_all
from tests.simulator.faces import Node
from trust.errors import NoChain

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CANARY = "Daniel-Hartley-9990000018"


@pytest.fixture
def http(node: Node) -> FlaskClient:
    blueprint = Blueprint("things", __name__)
    anybody = open_to_all("a test")
    faults = {
        "crash": KeyError(CANARY),
        "busy": StoreBusy(),
        "full": StoreFull(),
        "unconfirmed": StoreOutcomeUnknown(),
        "untrusted": NoChain("Not vouched for."),
    }

    @blueprint.get("/things/<name>")
    @anybody
    def thing(name: str) -> Response:
        if name in faults:
            raise faults[name]
        return Response(name)

    @blueprint.post("/things")
    @anybody
    def add() -> Response:
        return Response("added")

    return build_face("peer", [blueprint], max_body=100, observer=node.watcher).test_client()


def test_answers_forbid_caching_sniffing_and_framing_and_carry_an_id(http: FlaskClient) -> None:
    for path in ("/things/one", "/nowhere", "/things/crash"):
        headers = http.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["Strict-Transport-Security"].startswith("max-age=")
        assert re.fullmatch(r"[0-9a-f]{16}", headers["X-Request-Id"])
        assert "Set-Cookie" not in headers


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/nowhere", "GET", 404, "not-found"),
        ("/things/one", "DELETE", 405, "method-not-allowed"),
        ("/things/one", "OPTIONS", 405, "method-not-allowed"),
        ("/things/one", "TRACE", 405, "method-not-allowed"),
        ("/things/crash", "GET", 500, "internal"),
        ("/things/busy", "GET", 503, "busy"),
        ("/things/full", "GET", 503, "busy"),
        ("/things/unconfirmed", "GET", 503, "outcome-unknown"),
        ("/things/untrusted", "GET", 403, "sender-not-trusted"),
    ],
)
def test_every_error_is_a_problem(http: FlaskClient, path: str, method: str, status: int, code: str) -> None:
    answer = http.open(path, method=method)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["code"] == code
    assert answer.get_json()["status"] == status
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.holds("A50")
def test_a_fault_of_our_own_says_nothing_to_the_caller(node: Node, http: FlaskClient) -> None:
    answer = http.get("/things/crash")
    assert CANARY not in answer.text
    assert "KeyError" not in answer.text
    assert "Traceback" not in answer.text
    [crash] = node.watcher.crashes
    assert isinstance(crash, KeyError)


@pytest.mark.holds("A50")
def test_nothing_that_was_sent_stands_in_an_error_or_an_observation(node: Node, http: FlaskClient) -> None:
    for path in (f"/{CANARY}", f"/things/{CANARY}/more", f"/things/%44{CANARY}"):
        answer = http.get(f"{path}?name={CANARY}", headers={"X-Name": CANARY})
        assert answer.status_code >= 400
        assert CANARY not in answer.text + str(answer.headers)
    http.get(f"/things/{CANARY}?name={CANARY}")
    assert CANARY not in repr(node.watcher.seen)
    assert {seen.route for seen in node.watcher.seen} == {"unmatched", "/things/<name>"}


@pytest.mark.holds("A64")
@pytest.mark.parametrize(
    "path",
    [
        "/things/a%2Fb",
        "/things/%2e%2e/x",
        "/things/..%2fthings",
        "/things/%6fne",
        "/things//one",
        "//things/one",
        "/things/one/",
        "/things/./one",
        "/things/../things/one",
        "/things/one;a=b",
        "/things/one%00",
        "/things/one%0d%0aX-Evil:1",
        "/things/a\\b",
        "/things/1'%20OR%201=1--",
        "/things/%C3%A9",
        "https://council.example/things/one",
        "*",
    ],
)
def test_a_path_that_is_not_in_its_one_plain_form_reaches_no_rule(node: Node, http: FlaskClient, path: str) -> None:
    # The target goes in as it would stand on the request line; a test client would tidy it up.
    decoded = path.replace("%2F", "/").replace("%2f", "/").replace("%2e", ".").replace("%6f", "o").partition("?")[0]
    answer = http.open("/", environ_overrides={"RAW_URI": path, "REQUEST_URI": path, "PATH_INFO": decoded})
    assert answer.status_code == 400
    assert answer.get_json()["code"] == "path-not-canonical"


def test_a_script_name_from_outside_is_refused(http: FlaskClient) -> None:
    answer = http.open("/things/one", environ_overrides={"SCRIPT_NAME": "/things", "PATH_INFO": "/one"})
    assert answer.status_code in {400, 404}


@pytest.mark.holds("A27")
def test_a_body_over_the_faces_cap_is_refused_before_it_is_read(http: FlaskClient) -> None:
    assert http.post("/things", data=b"x" * 100).status_code == 200
    answer = http.post("/things", data=b"x" * 101)
    assert answer.status_code == 413
    assert answer.get_json()["code"] == "too-large"
    assert answer.headers["Connection"] == "close"


def test_a_problem_names_its_request_as_the_header_and_the_observation_do(node: Node, http: FlaskClient) -> None:
    answer = http.get("/nowhere")
    [seen] = node.watcher.seen
    assert seen.request_id == answer.headers["X-Request-Id"]
    assert answer.get_json()["instance"] == f"https://hearthgate.example/requests/{seen.request_id}"


def test_no_client_chooses_the_id_of_a_request(node: Node, http: FlaskClient) -> None:
    answer = http.get("/things/one", headers={"X-Request-Id": "0123456789abcdef"})
    assert answer.headers["X-Request-Id"] != "0123456789abcdef"


def test_a_request_belongs_to_the_trace_that_its_caller_states_and_no_answer_tells_it(
    node: Node, http: FlaskClient
) -> None:
    answer = http.get("/things/one", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "tracestate": CANARY})
    assert [seen.trace for seen in node.watcher.seen] == [TRACE]
    assert not {"traceparent", "tracestate"} & {name.lower() for name in answer.headers.keys()}  # noqa: SIM118
    assert TRACE not in str(answer.headers)


def test_a_malformed_trace_is_replaced(node: Node, http: FlaskClient) -> None:
    for header in (CANARY, f"00-{CANARY}", f"00-{TRACE}-00f067aa0ba902b7-01,00-{TRACE}-00f067aa0ba902b7-01"):
        http.get("/things/one", headers={"traceparent": header})
    assert len({seen.trace for seen in node.watcher.seen}) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32}", seen.trace) for seen in node.watcher.seen)
    assert TRACE not in repr(node.watcher.seen)


def test_an_odd_method_is_observed_without_its_name(node: Node, http: FlaskClient) -> None:
    http.open("/things/one", method="PROPFIND-" + CANARY[:6].upper())
    assert [seen.method for seen in node.watcher.seen] == ["other"]
