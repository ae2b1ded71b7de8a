"""Names to numeric addresses, within a time.

``getaddrinfo`` knows no timeout, so it runs in a small pool of threads that is made at first use, after the fork. A
name that is being resolved already is joined, so that one slow name occupies one thread however often it is asked for.
"""

import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Protocol

from gateway.peers.errors import DeadlineExceeded, Unreachable, remaining

MAX_ADDRESSES = 4
_THREADS = 4

LookUp = Callable[[str, int], Sequence[str]]


class Resolver(Protocol):
    """Find the addresses of a name."""

    def addresses(self, host: str, port: int, *, deadline: float) -> Sequence[str]:
        """Return one to four numeric addresses, best first. Raises :class:`TransportError`."""
        ...


def look_up(host: str, port: int) -> Sequence[str]:
    """Ask the system for the addresses of a name. Raises :class:`OSError`."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))


class SystemResolver:
    """A :class:`Resolver` that asks the system, or the ``look_up`` that it is given."""

    def __init__(self, ask: LookUp = look_up) -> None:
        self._ask = ask
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._lookups: dict[str, Future[Sequence[str]]] = {}

    def addresses(self, host: str, port: int, *, deadline: float) -> Sequence[str]:
        """Return one to four numeric addresses, best first. Raises :class:`TransportError`."""
        try:
            addresses = self._join(host, port).result(timeout=remaining(deadline))
        except TimeoutError as failed:
            raise DeadlineExceeded("its name was not resolved within the time") from failed
        except (OSError, UnicodeError) as failed:
            raise Unreachable("its name cannot be resolved") from failed
        if not addresses:
            raise Unreachable("its name has no address")
        return addresses[:MAX_ADDRESSES]

    def _join(self, host: str, port: int) -> Future[Sequence[str]]:
        with self._lock:
            future = self._lookups.get(host)
            if future is not None:
                return future
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")
            future = self._lookups[host] = self._pool.submit(self._ask, host, port)
        future.add_done_callback(lambda _future: self._forget(host))
        return future

    def _forget(self, host: str) -> None:
        with self._lock:
            self._lookups.pop(host, None)
