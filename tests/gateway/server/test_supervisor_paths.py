"""Raw request lines behind real workers, written as no client library would let one."""

import json

import pytest

from gateway.web import headers
from tests.gateway.server.conftest import running
from tests.gateway.server.served_node import Running
from tests.simulator.faces import FORM

__all__ = ["running"]

pytestmark = pytest.mark.e2e
GUARDED, OPEN = "/case/v1/lookups/x", "/case/v1/openapi.json"
_CASE = 1

# Each leads, once decoded, joined or folded, to the description that any client may read.
LEADING_TO_THE_OPEN_ROUTE = [
    "/case/v1%2fopenapi.json",
    "/case/v1%2Fopenapi.json",
    "/case%2fv1%2fopenapi.json",
    "/case/v1/%6fpenapi.json",
    "/case/v1/openapi%2ejson",
    "/case/v1/./openapi.json",
    "/case/v1/lookups/../openapi.json",
    "/case/v1/lookups/%2e%2e/openapi.json",
    "/case/v1/lookups/..%2fopenapi.json",
    "/case/v1/lookups/.%2e/openapi.json",
    "/case/v1/lookups/..;/openapi.json",
    "/case/v1//openapi.json",
    "//case/v1/openapi.json",
    "/case/v1/openapi.json/",
    "/case/v1/openapi.json//",
    "/case/v1/openapi.json/.",
    "/case/v1/openapi.json%00",
    "/case/v1/openapi.json%00.png",
    "/case/v1/openapi.json%20",
    "/case/v1/openapi.json%0d%0aX-Evil:%201",
    "/case/v1/openapi.json;v=1",
    "/case\\v1\\openapi.json",
    "/case/v1/%5copenapi.json",
    "/case/v1/%c0%afopenapi.json",
    "/case/v1/%c0%ae%c0%ae/openapi.json",
    "/case/v1/%e0%80%afopenapi.json",
    "/case/v1/%ef%bc%8fopenapi.json",
    "/case/v1/openapi%u002ejson",
    "/case/v1/%252fopenapi.json",
    "/case/v1/openapi.json%3f",
    "/case/v1/openapi.json%23",
    "http://council.example/case/v1/openapi.json",
    "http://council.example:80/case/v1/openapi.json",
    "case/v1/openapi.json",
]
# Other names than the one that is served are not found, in any case and with or without a final dot.
OTHER_NAMES = [
    "/Case/v1/openapi.json",
    "/CASE/V1/OPENAPI.JSON",
    "/case/v1/openapi.JSON",
    "/case/v1/openapi.json.",
    "/case/v1/openapi.json..",
    "/case/v1./openapi.json",
    "/case/v1/openapi.json~",
    "/case/v1/openapi",
]
INJECTIONS = [
    "/case/v1/lookups/1%27%20OR%20%271%27=%271",
    "/case/v1/lookups/1;DROP%20TABLE%20messages--",
    "/case/v1/lookups/%27%20UNION%20SELECT%20sealed%20FROM%20lookup_answers--",
    "/case/v1/lookups/..%2f..%2f..%2fetc%2fpasswd",
    "/case/v1/lookups/%2e%2e%2f%2e%2e%2fkeys%2fmessage.pem",
    "/case/v1/lookups/....//....//etc/passwd",
    "/case/v1/lookups/$(id)",
    "/case/v1/lookups/`id`",
    "/case/v1/lookups/{{7*7}}",
    "/case/v1/lookups/<script>",
]


def ask(running: Running, target: str, *, method: str = "GET", more: str = "") -> tuple[int, dict[str, str], bytes]:
    request = f"{method} {target} HTTP/1.1\r\nHost: node.council.example\r\n{more}Connection: close\r\n\r\n"
    answer = running.raw(request.encode("latin-1"), face=_CASE)
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return int(first.split(" ")[1]), {line.partition(":")[0].lower(): line.partition(": ")[2] for line in lines}, body


def test_the_plain_path_is_served(running: Running) -> None:
    status, _, body = ask(running, OPEN)
    assert status == 200
    assert json.loads(body)["openapi"] == "3.1.0"


@pytest.mark.holds("A64")
@pytest.mark.parametrize("target", LEADING_TO_THE_OPEN_ROUTE)
def test_a_path_in_another_form_is_refused_before_any_rule(running: Running, target: str) -> None:
    status, stated, body = ask(running, target)
    assert status == 400
    assert json.loads(body)["code"] in {"path-not-canonical", "bad-request"}
    assert "x-evil" not in stated


@pytest.mark.holds("A64")
@pytest.mark.parametrize("target", OTHER_NAMES)
def test_another_name_is_nothing_that_is_served(running: Running, target: str) -> None:
    status, _, body = ask(running, target)
    assert (status, json.loads(body)["code"]) == (404, "not-found")


@pytest.mark.holds("A64")
@pytest.mark.parametrize("target", INJECTIONS)
def test_what_would_be_run_elsewhere_is_refused_as_a_path_and_not_repeated(running: Running, target: str) -> None:
    status, _, body = ask(running, target)
    assert status == 400
    assert target.rpartition("/")[2].encode() not in body


@pytest.mark.holds("A64")
@pytest.mark.parametrize(
    "target", ["/case/v1/lookups/x", "/case/v1/lookups/x?a=/case/v1/openapi.json", "/case/v1/lookups/openapi.json"]
)
def test_the_guard_stands_before_a_guarded_route_in_its_one_form(running: Running, target: str) -> None:
    status, _, body = ask(running, target)
    assert (status, json.loads(body)["code"]) == (401, "token-required")


@pytest.mark.parametrize("header", ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-HTTP-Method-Override"])
def test_no_header_leads_a_request_elsewhere(running: Running, header: str) -> None:
    status, _, _ = ask(running, "/case/v1/lookups/x", more=f"{header}: /case/v1/openapi.json\r\n")
    assert status == 401


@pytest.mark.parametrize(
    "host", ["", "Host:\r\n", "Host: a b\r\n", "Host: a/../b\r\n", "Host: a@b\r\n", "Host: a, b\r\n"]
)
def test_a_request_of_http_1_1_names_one_host_and_that_in_form(running: Running, host: str) -> None:
    answer = running.raw(f"GET {OPEN} HTTP/1.1\r\n{host}Connection: close\r\n\r\n".encode(), face=_CASE)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["code"] == "bad-request"


@pytest.mark.parametrize("host", ["node.council.example:443", "192.0.2.1", "[2001:db8::1]:8443", "anybody.example"])
def test_which_host_is_named_decides_nothing(running: Running, host: str) -> None:
    answer = running.raw(f"GET {OPEN} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(), face=_CASE)
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_request_of_http_1_0_needs_no_host(running: Running) -> None:
    assert running.raw(f"GET {OPEN} HTTP/1.0\r\n\r\n".encode(), face=_CASE).startswith(b"HTTP/1.0 200 ")


@pytest.mark.parametrize(
    ("coding", "status"),
    [
        ("Content-Encoding: gzip\r\nContent-Length: 3", 415),
        ("Content-Encoding: identity, gzip\r\nContent-Length: 3", 415),
        ("Transfer-Encoding: gzip, chunked", 400),
    ],
)
def test_a_body_in_a_coding_that_is_not_undone_is_not_read(running: Running, coding: str, status: int) -> None:
    body = "a=b" if "Length" in coding else "3\r\na=b\r\n0\r\n\r\n"
    head = f"POST /oauth/v1/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{coding}\r\n"
    answer = running.raw(f"{head}Content-Type: {FORM}\r\n\r\n{body}".encode(), face=_CASE)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["code"] in {"unsupported-media-type", "bad-request"}
    assert (b"\r\nAccept-Encoding: identity\r\n" in answer) == (status == 415)


@pytest.mark.parametrize(
    ("target", "method", "more", "expected"),
    [
        (OPEN, "GET", "", 200),
        (OPEN, "HEAD", "", 200),
        (OPEN, "DELETE", "", 405),
        (OPEN, "OPTIONS", "", 405),
        (OPEN, "TRACE", "", 405),
        (GUARDED, "GET", "", 401),
        ("/nowhere", "GET", "", 404),
        ("//nowhere", "GET", "", 400),
        (OPEN, "get", "", 400),
        (OPEN, "GET", "Bad Name: x\r\n", 400),
        (OPEN, "GET", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
        ("/oauth/v1/token", "POST", "Content-Length: 9999999\r\n", 413),
        ("/" + "a" * 3_000, "GET", "", 413),
        (OPEN, "GET", "X-Long: " + "a" * 17_000 + "\r\n", 413),
    ],
    ids=lambda value: str(value)[:40],
)
def test_every_response_has_the_security_headers_from_any_writer(
    running: Running, target: str, method: str, more: str, expected: int
) -> None:
    status, stated, body = ask(running, target, method=method, more=more)
    assert status == expected
    for name, value in headers.SECURITY:
        assert stated[name.lower()] == value
    assert len(stated[headers.REQUEST_ID.lower()]) == 16
    assert "set-cookie" not in stated
    assert not [digit for digit in stated.get("server", "") if digit.isdigit()]
    if status >= 400:
        assert json.loads(body)["instance"].endswith(stated[headers.REQUEST_ID.lower()])
