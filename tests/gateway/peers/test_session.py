"""Requests on connections: which connection carries which request, and when one is used again."""

import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from time import sleep

import pytest

from gateway.peers.errors import ConnectionLost
from gateway.peers.ssrf import HostAddress
from gateway.peers.transport import HttpTransport, client_tls
from tests.gateway.peers.exchanges import GET, HOST, OK, POST, Start
from tests.support.hostile import Visit, answer
from tests.support.tls import Authority


def test_the_connection_is_used_again(start: Start) -> None:
    server, transport = start(lambda visit: visit.say(OK))
    for _ in range(3):
        transport.send(GET)
    assert (server.connections, len(server.requests)) == (1, 3)


def test_bytes_after_the_answer_end_the_connection(start: Start) -> None:
    server, transport = start(lambda visit: visit.say(OK + b"HTTP/1.1 200 OK\r\n"))
    transport.send(GET)
    transport.send(GET)
    assert server.connections == 2


def test_bytes_that_come_between_exchanges_end_the_connection(start: Start) -> None:
    def late(visit: Visit) -> None:
        visit.say(OK)
        sleep(0.05)
        visit.say(answer(b"planted"))

    server, transport = start(late)
    transport.send(GET)
    sleep(0.2)
    assert transport.send(GET).body == b"reply"
    assert server.connections == 2


def _closes_on_second(visit: Visit) -> None:
    visit.say(OK)
    visit.again()
    visit.sock.close()


def test_a_get_is_repeated_when_the_kept_connection_had_ended(start: Start) -> None:
    server, transport = start(_closes_on_second)
    transport.send(GET)
    assert transport.send(GET).body == b"reply"
    assert server.connections == 2


def test_a_post_is_never_repeated_by_the_transport(start: Start) -> None:
    server, transport = start(_closes_on_second)
    transport.send(POST)
    with pytest.raises(ConnectionLost):
        transport.send(POST)
    assert server.connections == 1


def test_after_a_loss_a_new_connection_is_made_before_another_kept_one_is_tried(start: Start) -> None:
    both = Barrier(2)

    def once_only(visit: Visit) -> None:
        if server.connections <= 2:
            both.wait(5)
        visit.say(OK)
        visit.again()
        visit.sock.close()

    server, transport = start(once_only)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(transport.send, [POST, POST]))
    with pytest.raises(ConnectionLost):
        transport.send(POST)
    assert transport.send(POST).body == b"reply"
    assert server.connections == 3


@pytest.mark.parametrize("bound", ["MAX_IDLE_S", "MAX_AGE_S"])
def test_a_connection_is_not_kept_for_long(start: Start, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(f"gateway.peers.connection.{bound}", 0.0)
    server, transport = start(lambda visit: visit.say(OK))
    transport.send(GET)
    transport.send(GET)
    assert server.connections == 2


def test_many_threads_share_what_is_kept(start: Start) -> None:
    server, transport = start(lambda visit: visit.say(answer(visit.body)))
    bodies = [str(number).encode() for number in range(200)]
    with ThreadPoolExecutor(16) as threads:
        got = threads.map(lambda body: transport.send(replace(POST, body=body)).body, bodies)
        assert list(got) == bodies
    assert server.connections <= 16


def test_another_process_opens_connections_of_its_own(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server, transport = start(lambda visit: visit.say(OK))
    transport.send(GET)
    with monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: -1)
        transport.send(GET)
        transport.close()
    transport.send(GET)
    assert server.connections == 2


# ---- what is sent


def test_a_request_says_what_it_must_and_no_more(start: Start) -> None:
    server, transport = start(lambda visit: visit.say(OK))
    transport.send(replace(POST, url=f"https://{HOST}/a/../b/%7e?x=%2e", headers={"DPoP": "a.b.c"}, body=b"hi"))
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b"hi"
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /a/../b/%7E?x=%2E HTTP/1.1"
    assert lines[1:] == [
        b"Host: council.example",
        b"Accept: application/jwt",
        b"Accept-Encoding: identity",
        b"DPoP: a.b.c",
        b"Content-Length: 2",
    ]


@pytest.mark.parametrize(
    "header", [("X", "a\r\nY: b"), ("X\r\n", "a"), ("Host", "other.example"), ("X", "\u00e9"), ("TE", "trailers")]
)
def test_a_header_cannot_carry_another(start: Start, header: tuple[str, str]) -> None:
    server, transport = start(lambda visit: visit.say(OK))
    with pytest.raises(ValueError, match="header"):
        transport.send(replace(GET, headers=dict([header])))
    assert server.connections == 0


def test_only_a_post_has_a_body(start: Start) -> None:
    _, transport = start(lambda visit: visit.say(OK))
    for request in (replace(GET, body=b"x"), replace(POST, method="PUT")):
        with pytest.raises(ValueError, match="GET"):
            transport.send(request)


def test_a_cookie_is_not_taken(start: Start) -> None:
    server, transport = start(lambda visit: visit.say(answer(b"", extra="Set-Cookie: a=b; Path=/\r\n")))
    assert "set-cookie" not in transport.send(GET).headers
    transport.send(GET)
    assert b"cookie" not in server.requests[1].lower()


# ---- what it trusts


def test_the_given_authority_stays_the_only_one(start: Start, authority: Authority) -> None:
    server, _ = start(lambda visit: visit.say(OK))
    tls = client_tls(authority.certificate)
    transport = HttpTransport(tls=tls, hosts={HOST: HostAddress(address="127.0.0.1", port=server.port)})
    transport.send(GET)
    transport.close()
    assert tls.cert_store_stats() == {"x509": 1, "crl": 0, "x509_ca": 1}


def test_a_context_whose_sockets_have_no_deadline_is_not_used(start: Start, authority: Authority) -> None:
    server, _ = start(lambda visit: visit.say(OK))
    tls = ssl.create_default_context(cafile=authority.certificate)
    transport = HttpTransport(tls=tls, hosts={HOST: HostAddress(address="127.0.0.1", port=server.port)})
    with pytest.raises(TypeError, match="deadline"):
        transport.send(GET)
    assert server.requests == []
