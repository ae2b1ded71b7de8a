"""Clients that drip what no collector counts on, that never close their end, or that only stay: others are answered."""

import socket
import ssl
from contextlib import suppress

import pytest

from tests.gateway.server.conftest import running
from tests.gateway.server.served_node import HALF, Running, until_the_end
from tests.simulator.faces import FORM

__all__ = ["running"]

pytestmark = pytest.mark.e2e

DRIPPED_BODIES = [
    b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\n",
    b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n000000005\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n5;" + b"a" * 300,
    b"Content-Length: 9999999\r\n\r\n",
    b"Content-Length: 99999999999999999999\r\n\r\n",
]


@pytest.mark.holds("A61")
@pytest.mark.parametrize("body", DRIPPED_BODIES, ids=lambda body: body[:60])
def test_no_framing_that_the_parser_takes_makes_a_thread_wait_for_the_rest(running: Running, body: bytes) -> None:
    """Each goes to a case where the collector and the parser could differ about the end of the request."""
    head = b"POST /oauth/v1/token HTTP/1.1\r\nHost: x\r\nContent-Type: " + FORM.encode() + b"\r\n"
    dripping = [_sending(running, head + body) for _ in range(48)]
    for _ in range(3):
        for connection in dripping:
            with suppress(OSError):
                connection.sendall(b"a")
        assert b" 404 " in running.raw(b"GET /nowhere HTTP/1.0\r\nHost: x\r\n\r\n")[:20]
    for connection in dripping:
        connection.close()


@pytest.mark.holds("A61")
@pytest.mark.parametrize("request_bytes", [b"GET /nowhere HTTP/1.0\r\nHost: x\r\n\r\n", b"nonsense\r\n\r\n"])
def test_clients_that_never_close_their_end_hold_nothing_up(running: Running, request_bytes: bytes) -> None:
    kept_open = [_sending(running, request_bytes) for _ in range(64)]
    assert b" 404 " in running.raw(b"GET /nowhere HTTP/1.0\r\nHost: x\r\n\r\n")[:20]
    for connection in kept_open:
        assert b" 40" in until_the_end(connection)[:20]
        connection.close()


@pytest.mark.holds("A61")
def test_idle_connections_make_room_where_no_more_fit(running: Running) -> None:
    idle = [_sending(running, b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", face=1) for _ in range(256)]
    half = [_sending(running, HALF, face=1) for _ in range(3)]
    late = [_sending(running, HALF, face=1) for _ in range(40)]
    assert b" 404 " in running.raw(b"GET /nowhere HTTP/1.0\r\nHost: x\r\n\r\n", face=1)[:20]
    for connection in half:
        connection.sendall(HALF[-1:] * 8)
        assert b"HTTP/1.1 4" in connection.recv(100)
    for connection in [*idle, *half, *late]:
        connection.close()


def _sending(running: Running, request_bytes: bytes, face: int = 0) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", running.ports[face]), timeout=10)
    connection = running.tls.wrap_socket(plain, server_hostname="council.example")
    connection.sendall(request_bytes)
    return connection
