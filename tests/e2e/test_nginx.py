"""Real nodes behind the real nginx, configured by ``hearthgate nginx`` alone."""

import json
import re
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from gateway.oauth.forms import MAX_BODY
from gateway.web import headers
from tests.e2e.nginx import Behind, program_path, said, slow_headers
from tests.simulator.town import ANCHOR, COUNCIL, TRUST
from trust.federation.entity_statement import parse_entity_configuration
from trust.identifiers import EntityId

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(program_path() is None, reason="nginx is not installed (on Debian: apt-get install nginx)"),
]
CONFIGURATION = "/.well-known/openid-federation"
SLOW = 200
OTHERS = 200
MEMBERS = (
    "ts",
    "face",
    "method",
    "status",
    "request_id",
    "seconds",
    "node_seconds",
    "bytes_in",
    "bytes_out",
    "tls",
)


@pytest.mark.parametrize("entity", [ANCHOR, COUNCIL, TRUST])
def test_what_an_entity_says_of_itself_comes_through_as_it_was_signed(behind: Behind, entity: EntityId) -> None:
    answer = behind.answer(f"GET {CONFIGURATION} HTTP/1.1\nHost: HOST\nConnection: close\n\n", entity)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    lines = head.lower().split(b"\r\n")
    assert b"content-type: application/entity-statement+jwt" in lines
    assert [line for line in lines if line.startswith(b"strict-transport-security:")] == [
        b"strict-transport-security: max-age=63072000"
    ]
    assert b"server: nginx" in lines
    content = body if b"content-length:" in head.lower() else body.split(b"\r\n")[1]
    assert parse_entity_configuration(content, now=datetime.now(UTC)).entity_id == entity


@pytest.mark.parametrize(
    ("request_line", "more", "status"),
    [
        (f"GET {CONFIGURATION}", "Host: HOST\n", b"200"),
        ("GET /nowhere", "Host: HOST\n", b"404"),
        ("DELETE /oauth/v1/token", "Host: HOST\n", b"405"),
        ("POST /oauth/v1/token", f"Host: HOST\nContent-Length: {MAX_BODY + 1}\n", b"413"),
        ("POST /oauth/v1/token", "Host: HOST\nContent-Length: +6\n", b"400"),
        (f"GET {CONFIGURATION}", "Host: police.example\n", b"421"),
    ],
    ids=["node", "node's 404", "node's 405", "nginx's 413", "nginx's 400", "nginx's 421"],
)
def test_every_response_has_each_security_header_once_from_any_writer(
    behind: Behind, request_line: str, more: str, status: bytes
) -> None:
    answer = behind.answer(f"{request_line} HTTP/1.1\n{more}Connection: close\n\n")
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
    assert head.split(" ")[1].encode() == status
    stated = [line.lower() for line in head.split("\r\n")[1:]]
    for name, value in headers.SECURITY:
        if name != "Cache-Control":  # which the node varies, and nginx's own answers need not say
            assert [line for line in stated if line.startswith(name.lower() + ":")] == [f"{name}: {value}".lower()]


def test_a_message_without_a_token_is_refused_by_the_node_itself(behind: Behind) -> None:
    request = "POST /exchange/v1/messages HTTP/1.1\nHost: HOST\nContent-Type: application/jwt\nContent-Length: 5\n"
    answer = behind.answer(f"{request}Connection: close\n\na.b.c")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nwww-authenticate: dpop" in head.lower()
    assert b"token-required" in body


def test_tokens_proofs_and_messages_pass_from_the_case_system_to_the_peer_and_back(behind: Behind) -> None:
    view = behind.federation.look_up(behind.client)
    assert view["summary"] == "4 of 4 services answered"


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 6\nTransfer-Encoding: chunked\n",
        "Transfer-Encoding: chunked\nContent-Length: 6\n",
        "Content-Length: 6\nContent-Length: 5\n",
        "Content-Length: +6\n",
        "Transfer-Encoding : chunked\n",
        "X: y\n Transfer-Encoding: chunked\n",
    ],
    ids=["CL.TE", "TE.CL", "CL.CL", "plus", "space", "fold"],
)
def test_a_request_whose_end_can_be_read_in_two_ways_goes_no_further(behind: Behind, head: str) -> None:
    smuggled = f"0\n\nGET {CONFIGURATION} HTTP/1.1\nHost: HOST\n\n"
    answer = behind.answer(f"POST /oauth/v1/token HTTP/1.1\nHost: HOST\n{head}\n{smuggled}")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.holds("A61")
def test_slow_headers_wait_in_nginx_and_are_cut_there(behind: Behind) -> None:
    host, port = TRUST.removeprefix("https://"), int(behind.federation.faces[TRUST].peer.rpartition(":")[2])

    def ask(_: int) -> None:
        answer = behind.answer(f"GET {CONFIGURATION} HTTP/1.1\nHost: HOST\nConnection: close\n\n")
        assert answer.startswith(b"HTTP/1.1 200 ")

    with slow_headers(SLOW, port, host, behind.federation.authority.certificate) as slow:
        with ThreadPoolExecutor(2) as pool:
            assert len(list(pool.map(ask, range(OTHERS)))) == OTHERS
        assert {said(sock) for sock in slow} == {b""}


def test_only_its_own_name_is_answered(behind: Behind) -> None:
    with pytest.raises(ssl.SSLError):
        behind.open(name="police.example")
    request = f"GET {CONFIGURATION} HTTP/1.1\nHost: police.example\nConnection: close\n\n"
    assert behind.answer(request).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize(
    "path", ["/a/../.well-known/openid-federation", "/%2e%2e/x", "//x", "/.well-known%2fopenid-federation"]
)
def test_a_path_reaches_the_node_as_it_was_sent_which_refuses_another_form(behind: Behind, path: str) -> None:
    answer = behind.answer(f"GET {path} HTTP/1.1\nHost: HOST\nConnection: close\n\n")
    assert answer.split(b" ")[1] in {b"400", b"404"}


def test_a_body_over_the_cap_is_refused_before_the_node_hears_of_it(behind: Behind) -> None:
    host = TRUST.removeprefix("https://")
    with behind.open() as sock:
        sock.sendall(
            f"POST /oauth/v1/token HTTP/1.1\r\nHost: {host}\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n".encode()
        )
        assert sock.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_nothing_of_a_query_a_path_or_an_address_is_logged(behind: Behind) -> None:
    behind.answer(
        "GET /canary-path?sub=canary-query HTTP/1.1\nHost: HOST\nUser-Agent: canary-agent\nConnection: close\n\n"
    )
    behind.answer("GET /canary path HTTP/1.1\nHost: HOST\nConnection: close\n\n")
    logs = [path for path in behind.logs.glob("*.log") if path.read_text()]
    assert sorted(path.name for path in logs) == [
        "hearthgate-authority-anchor.example.log",
        "hearthgate-case-node.council.example.log",
        "hearthgate-peer-council.example.log",
        "hearthgate-peer-mental-health.example.log",
    ]
    for path in logs:
        text = path.read_text()
        assert not re.search(r"canary|127\.0\.0\.1|/oauth|/case|sub=", text)
        lines = [json.loads(line) for line in text.splitlines()]
        assert {tuple(line) for line in lines} == {MEMBERS}
        assert any(re.fullmatch(r"[0-9a-f]{16}", line["request_id"]) for line in lines)
