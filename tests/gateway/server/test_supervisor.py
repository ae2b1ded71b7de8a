"""A node as it runs: one parent, a gunicorn for each face, and nothing left of them afterwards."""

import json
import os
import signal
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest

from gateway.server.request_intake import RECEIVED_WITHIN_S
from gateway.server.supervisor import Hooks, serve
from tests.gateway.server.served_node import (
    END_WITHIN_S,
    HALF,
    Running,
    _received,
    child_ids,
    lives,
    served,
    until_the_end,
    wait_until,
)
from tests.simulator.callers import Caller
from tests.simulator.faces import DETAIL, FORM, MESSAGES_URL, PEER_TOKEN_URL
from trust.oauth import authorization_details

pytestmark = pytest.mark.e2e


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Running]:
    """Serve a node that the test may break."""
    with served(tmp_path) as running:
        yield running


def test_a_node_is_ready_once_and_stops_when_told(own: Running) -> None:
    family = own.family()
    assert len(family) == 3 + 4 + 1  # an arbiter for each face, their workers, and the companion
    assert b'"state":"ready"' in own.raw(b"GET /health/ready HTTP/1.0\r\nHost: x\r\n\r\n", face=2)
    own.process.send_signal(signal.SIGTERM)
    assert own.process.wait(END_WITHIN_S) == 0
    assert (own.folder / "ready").read_text() == "x"
    assert (own.folder / "stopped").read_text() == "xxxxx"
    assert (own.folder / "beside").read_text() == "x"
    assert not [pid for pid in family if lives(pid)]


def test_when_one_pool_ends_the_whole_node_ends_and_says_so(own: Running) -> None:
    family = own.family()
    os.kill(child_ids(own.process.pid)[0], signal.SIGKILL)
    assert own.process.wait(END_WITHIN_S) == 1
    wait_until(lambda: not any(lives(pid) for pid in family), END_WITHIN_S)


def test_a_companion_that_ends_is_started_again_and_the_node_goes_on(own: Running) -> None:
    family = own.family()
    [companion] = [pid for pid in child_ids(own.process.pid) if not child_ids(pid)]
    os.kill(companion, signal.SIGKILL)
    wait_until(lambda: (own.folder / "beside").read_text() == "xx", END_WITHIN_S)
    assert len(own.family()) == len(family)
    assert companion not in own.family()
    assert b'"state":"ready"' in own.raw(b"GET /health/ready HTTP/1.0\r\nHost: x\r\n\r\n", face=2)
    own.process.send_signal(signal.SIGTERM)
    assert own.process.wait(END_WITHIN_S) == 0


def test_a_companion_that_ends_each_time_ends_the_node_at_last(tmp_path: Path) -> None:
    (tmp_path / "brittle").touch()
    with served(tmp_path, started="beside") as running:
        assert running.process.wait(END_WITHIN_S) == 1
        assert (tmp_path / "beside").read_text() == "xxx"


def test_when_the_parent_is_killed_nothing_is_left_behind(own: Running) -> None:
    family = own.family()
    own.process.kill()
    own.process.wait()
    wait_until(lambda: not any(lives(pid) for pid in family), END_WITHIN_S)


def test_a_worker_that_dies_is_replaced(own: Running) -> None:
    [worker] = child_ids(child_ids(own.process.pid)[2])
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: worker not in own.family() and len(own.family()) == 8, END_WITHIN_S)
    assert b'"state":"live"' in own.raw(b"GET /health/live HTTP/1.0\r\nHost: x\r\n\r\n", face=2)


@pytest.mark.holds("A22")
def test_one_proof_sent_to_several_workers_at_once_succeeds_once(running: Running) -> None:
    member = running.member()
    token = _token(running, member)
    proof = member.proof(MESSAGES_URL, token=token)
    headers = {"Authorization": f"DPoP {token.decode()}", "DPoP": proof, "Content-Type": "application/jwt"}
    statuses: Counter[int] = Counter()
    start = threading.Barrier(8, timeout=20)

    def send() -> None:
        connection = running.connection()
        connection.connect()
        start.wait()
        connection.request("POST", "/exchange/v1/messages", body=b"a.signed.message", headers=headers)
        statuses[connection.getresponse().status] += 1
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == {200: 1, 401: 7}


@pytest.mark.holds("A62")
@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        b"Content-Length: 6\r\nContent-Length: 5\r\n",
        b"Content-Length: +6\r\n",
        b"Content-Length: 0x6\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"X: y\r\n Transfer-Encoding: chunked\r\n",
        b"Transfer_Encoding: chunked\r\n",
    ],
    ids=repr,
)
def test_a_request_whose_end_can_be_read_in_two_ways_is_refused_and_the_connection_closed(
    running: Running, head: bytes
) -> None:
    smuggled = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = running.raw(b"POST /oauth/v1/token HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n" + smuggled)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in answer


def test_a_broken_chunk_is_the_clients_fault_and_ends_the_connection(running: Running) -> None:
    head = b"POST /oauth/v1/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    head += b"Content-Type: " + FORM.encode() + b"\r\n\r\n"
    answer = running.raw(head + b"zz\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.holds("A27")
@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"\r\n",
    ],
    ids=["line", "header", "headers"],
)
def test_a_giant_head_is_refused(running: Running, head: bytes) -> None:
    answer = running.raw(head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["code"] == "too-large"


@pytest.mark.holds("A50")
def test_what_cannot_be_parsed_is_neither_echoed_nor_logged(own: Running) -> None:
    for request in (b"CANARY-9990000018\r\n\r\n", b"GET / HTTP/1.1\r\nCANARY 9990000018: x\r\n\r\n"):
        answer = own.raw(request)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"CANARY" not in answer
    own.process.terminate()
    _, said = own.process.communicate(timeout=END_WITHIN_S)
    assert b"CANARY" not in said


def test_no_client_sets_the_script_name(running: Running) -> None:
    answer = running.raw(
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /health\r\nConnection: close\r\n\r\n", face=2
    )
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_old_tls_is_refused(running: Running) -> None:
    old = ssl.create_default_context(cafile=str(running.folder / "ca.crt"))
    old.check_hostname = False
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("AES128-GCM-SHA256:AES256-SHA")
    with (
        socket.create_connection(("127.0.0.1", running.ports[0]), timeout=5) as plain,
        pytest.raises(ssl.SSLError),
    ):
        old.wrap_socket(plain)


@pytest.mark.holds("A65")
def test_connected_clients_that_say_nothing_leave_the_threads_to_others(running: Running) -> None:
    silent = [running.connection() for _ in range(40)]
    for connection in silent:
        connection.connect()
    assert b" 404 " in running.raw(b"GET /nowhere HTTP/1.0\r\nHost: x\r\n\r\n")[:20]
    for connection in silent:
        connection.sock.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):  # not one of them was dropped to make room
            connection.sock.recv(1)
        connection.close()


@pytest.mark.holds("A65")
def test_clients_that_stall_in_the_middle_hold_no_thread_and_are_dropped(running: Running) -> None:
    stalled = []
    for _ in range(8):
        plain = socket.create_connection(("127.0.0.1", running.ports[0]), timeout=10)
        connection = running.tls.wrap_socket(plain, server_hostname="council.example")
        connection.sendall(HALF)
        stalled.append(connection)
    assert b" 404 " in running.raw(b"GET /nowhere HTTP/1.0\r\nHost: x\r\n\r\n")[:20]
    for connection in stalled:
        connection.settimeout(2 * RECEIVED_WITHIN_S)
        assert _received(connection) == b""
        connection.close()


@pytest.mark.holds("A61")
@pytest.mark.parametrize("part", ["handshake", "head", "body"])
def test_clients_that_drip_leave_every_thread_to_others_without_a_proxy(running: Running, part: str) -> None:
    """Far more drips than threads, each with a byte more while others are answered."""
    dripping = []
    for _ in range(64):
        plain = socket.create_connection(("127.0.0.1", running.ports[0]), timeout=10)
        dripping.append(
            plain if part == "handshake" else running.tls.wrap_socket(plain, server_hostname="council.example")
        )
    sent = {"handshake": b"\x16\x03\x01\x02\x00\x01", "head": HALF[:40], "body": HALF}[part]
    for at in range(len(sent) if part == "handshake" else 4):
        for connection in dripping:
            connection.sendall(sent[at : at + 1] if part == "handshake" or at else sent)
        assert b" 404 " in running.raw(b"GET /nowhere HTTP/1.0\r\nHost: x\r\n\r\n")[:20]
    for connection in dripping:
        connection.close()


def test_a_request_that_comes_in_pieces_and_one_behind_another_are_answered(running: Running) -> None:
    plain = socket.create_connection(("127.0.0.1", running.ports[0]), timeout=10)
    connection = running.tls.wrap_socket(plain, server_hostname="council.example")
    one = b"GET /nowhere HTTP/1.1\r\nHost: council.example\r\n\r\n"
    for byte in one:
        connection.sendall(bytes([byte]))
    connection.sendall(one + one[:10])
    connection.sendall(one[10:-2] + b"Connection: close\r\n\r\n")
    assert until_the_end(connection).count(b"HTTP/1.1 404 ") == 3
    connection.close()


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(running: Running) -> None:
    plain = socket.create_connection(("127.0.0.1", running.ports[0]), timeout=10)
    connection = running.tls.wrap_socket(plain, server_hostname="council.example")
    head = b"POST /oauth/v1/token HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n"
    connection.sendall(head + b"Content-Length: 3\r\n\r\n")
    assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b"a=b")
    assert b"HTTP/1.1 4" in until_the_end(connection)
    connection.close()


def test_a_thread_before_the_fork_is_refused() -> None:
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match="before the fork"):
            serve([], Hooks(ready=lambda: None, worker_stops=lambda: None, worker_ended=lambda _pid: None))
    finally:
        ended.set()
        thread.join()


def _token(running: Running, member: Caller) -> bytes:
    details = json.dumps(authorization_details.to_json([DETAIL]))
    headers = {"Content-Type": FORM, "DPoP": member.proof(PEER_TOKEN_URL)}
    connection = running.connection()
    body = member.encoded(member.form(authorization_details=details))
    connection.request("POST", "/oauth/v1/token", body=body, headers=headers)
    answer: HTTPResponse = connection.getresponse()
    token = json.loads(answer.read())["access_token"].encode()
    connection.close()
    return bytes(token)
