"""A client is not charged for the time in which every thread of the worker was busy."""

import socket
from collections.abc import Iterator

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import _DEFER, ThreadWorker

from gateway.server import worker
from gateway.server.worker import PoolWorker, _Connection, _Impatient
from tests.simulator.clocks import MonotonicClock

REQUEST = b"GET / HTTP/1.1\r\nHost: node.example\r\n\r\n"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MonotonicClock:
    clock = MonotonicClock()
    monkeypatch.setattr(worker, "monotonic", clock)
    monkeypatch.setattr(ThreadWorker, "handle", lambda _worker, _conn: "answered")
    return clock


@pytest.fixture
def pair() -> Iterator[tuple[_Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    with theirs, _Impatient(fileno=ours.detach()) as sock:
        yield _Connection(Config(), sock, ("192.0.2.1", 1), ("192.0.2.2", 443)), theirs


@pytest.fixture
def pool() -> PoolWorker:
    return PoolWorker.__new__(PoolWorker)


def test_a_connection_that_waited_for_a_thread_may_still_send(
    pool: PoolWorker, pair: tuple[_Connection, socket.socket], clock: MonotonicClock
) -> None:
    conn, client = pair
    clock.forward(60)
    assert pool.handle(conn) is _DEFER
    client.sendall(REQUEST)
    assert pool.handle(conn) == "answered"


def test_a_whole_request_that_waited_for_a_thread_is_answered(
    pool: PoolWorker, pair: tuple[_Connection, socket.socket], clock: MonotonicClock
) -> None:
    conn, client = pair
    client.sendall(REQUEST[:10])
    assert pool.handle(conn) is _DEFER
    client.sendall(REQUEST[10:])
    clock.forward(60)
    assert pool.handle(conn) == "answered"


@pytest.mark.holds("A65")
def test_a_request_that_is_not_whole_in_time_is_dropped(
    pool: PoolWorker, pair: tuple[_Connection, socket.socket], clock: MonotonicClock
) -> None:
    conn, client = pair
    client.sendall(REQUEST[:10])
    assert pool.handle(conn) is _DEFER
    clock.forward(60)
    client.sendall(REQUEST[10:20])
    assert pool.handle(conn) is False
