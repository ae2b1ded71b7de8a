"""The load generator: requests made beforehand, sent as they are over kept TLS connections.

Making a request costs as much as answering it, so none is made while the clock runs.
"""

import json
import socket
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier, Thread
from time import perf_counter
from typing import Any

TIMEOUT_S = 30.0
_STEP = 65_536
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where a face listens, and the name that its certificate proves."""

    host: str
    port: int
    tls: ssl.SSLContext

    def connect(self) -> "Line":
        """Open a connection."""
        return Line(self)


class Line:
    """One kept connection, used by one thread at a time."""

    def __init__(self, door: Door) -> None:
        plain = socket.create_connection(("127.0.0.1", door.port), timeout=TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = door.tls.wrap_socket(plain, server_hostname=door.host)

    def ask(self, request: bytes) -> Answer:
        """Send one request and read its whole answer, which says how long it is."""
        self._socket.sendall(request)
        received = self._more(b"")
        while (end := received.find(b"\r\n\r\n")) < 0:
            received = self._more(received)
        head, body = received[:end], received[end + 4 :]
        length = _content_length(head)
        while len(body) < length:
            body = self._more(body)
        return Answer(status=int(head[9:12]), body=body)

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()

    def _more(self, received: bytes) -> bytes:
        came = self._socket.recv(_STEP)
        if not came:
            raise ConnectionResetError("the server closed the connection in the middle of an answer")
        return received + came


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """What came of a round: its answers in no order, its wall time, and each answer's own time, in seconds."""

    answers: list[Answer]
    elapsed_s: float
    each_s: list[float]


def client_tls(ca: Path) -> ssl.SSLContext:
    """Return a context that trusts one CA."""
    return ssl.create_default_context(cafile=str(ca))


def post(door: Door, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Write one request down."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {door.host}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("ascii") + body


def drive(requests: Sequence[bytes], lines: Sequence[Line], *, status: int = _OK) -> Drive:
    """Send every request once, each connection taking the next as soon as it has its answer.

    Raises ``RuntimeError`` unless every one was answered with ``status``.
    """
    waiting = deque(requests)
    answers: list[Answer] = []
    each_s: list[float] = []
    start = Barrier(len(lines) + 1)

    def work(line: Line) -> None:
        start.wait()
        while True:
            try:
                request = waiting.popleft()
            except IndexError:
                return
            began = perf_counter()
            answers.append(line.ask(request))
            each_s.append(perf_counter() - began)

    threads = [Thread(target=work, args=(line,), daemon=True) for line in lines]
    for thread in threads:
        thread.start()
    start.wait()
    began = perf_counter()
    for thread in threads:
        thread.join()
    elapsed_s = perf_counter() - began
    refused = [answer for answer in answers if answer.status != status]
    if refused or len(answers) != len(requests):
        said = refused[0].body.decode(errors="replace") if refused else "a connection broke off"
        raise RuntimeError(f"{len(requests) - len(answers) + len(refused)} of {len(requests)} failed: {said}")
    return Drive(answers=answers, elapsed_s=elapsed_s, each_s=each_s)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("the answer does not say how long it is")
