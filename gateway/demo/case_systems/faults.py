"""Delays and faults of an invented case system, to show their effect on the asking side.

They are for tests and the demo only: the server's command line selects each mode.
"""

import socket
import time
from collections.abc import Iterable, Iterator
from enum import StrEnum
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HANG_S: Final = 60.0
DRIP_EVERY_S: Final = 0.1
DRIP_BYTES: Final = 10_000


class FaultMode(StrEnum):
    """A fault of a case system. Each system implements ``wrong-schema``; the others work for all.

    ``lost-answer`` does what a request asks, and closes the connection instead of answering.
    """

    HANG = "hang"
    DRIP = "drip"
    NONSENSE = "nonsense"
    WRONG_SCHEMA = "wrong-schema"
    LOST_ANSWER = "lost-answer"


class DelayMiddleware:
    """Delay each response by ``least_ms`` to ``most_ms``, drawn from a seeded sequence."""

    def __init__(self, app: "WSGIApplication", *, least_ms: int, most_ms: int, seed: int) -> None:
        self._app = app
        self._least_ms = least_ms
        self._most_ms = most_ms
        self._random = Random(seed)  # noqa: S311 - a repeatable pause, not a secret
        self._lock = Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Pause, then answer."""
        time.sleep(self.next_pause_ms() / 1000)
        return self._app(environ, start_response)

    def next_pause_ms(self) -> float:
        """Draw the next pause."""
        with self._lock:
            return self._random.uniform(self._least_ms, self._most_ms)


class LostAnswerMiddleware:
    """Process each request, then close the connection without an answer."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Let the application answer, and lose what it says."""
        for _ in self._app(environ, start_response):
            pass
        environ["gunicorn.socket"].shutdown(socket.SHUT_RDWR)
        return []


def faulty_app(mode: FaultMode, *, content_type: str) -> "WSGIApplication":
    """Return an application that fails every request in the way of ``mode``."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Read the whole request, then fail."""
        environ["wsgi.input"].read()
        if mode is FaultMode.HANG:
            time.sleep(HANG_S)
        start_response("200 OK", [("Content-Type", content_type)])
        return _drops() if mode is FaultMode.DRIP else [b"\x89\x00 this is no document at all <<<"]

    return app


def _drops() -> Iterator[bytes]:
    """Yield single bytes, each in time for a client that limits only the pause between two reads."""
    for _ in range(DRIP_BYTES):
        yield b" "
        time.sleep(DRIP_EVERY_S)
