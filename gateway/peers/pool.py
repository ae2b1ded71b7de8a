"""Connections kept between exchanges: few, young, and only while the peer is silent."""

from collections import OrderedDict
from threading import Lock
from time import monotonic

from gateway.peers.connection import Connection

MAX_IDLE = 64
"""Idle connections a process keeps, over all origins; the one unused longest makes room."""
MAX_IDLE_PER_ORIGIN = 8
MAX_IDLE_S = 15.0
MAX_AGE_S = 300.0
"""After this a connection is made anew, so that moved names and renewed certificates take effect."""


class Pool:
    """Idle connections by origin; safe for several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: OrderedDict[str, list[Connection]] = OrderedDict()
        self._count = 0

    def take(self, origin: str) -> Connection | None:
        """Return the most recently used connection that still looks usable, and close those that do not."""
        while (connection := self._pop(origin)) is not None:
            now = monotonic()
            young = now - connection.idle_since < MAX_IDLE_S and now - connection.opened_at < MAX_AGE_S
            if young and connection.quiet():
                return connection
            connection.close()
        return None

    def give(self, origin: str, connection: Connection) -> None:
        """Keep a connection, or close it, or another that nobody used for longest, where there is no room."""
        surplus: list[Connection] = []
        with self._lock:
            held = self._idle.setdefault(origin, [])
            self._idle.move_to_end(origin)
            held.append(connection)
            self._count += 1
            if len(held) > MAX_IDLE_PER_ORIGIN:
                surplus.append(held.pop(0))
            elif self._count > MAX_IDLE:
                oldest = next(iter(self._idle))
                surplus.append(self._idle[oldest].pop(0))
                if not self._idle[oldest]:
                    del self._idle[oldest]
            self._count -= len(surplus)
        for unwanted in surplus:
            unwanted.close()

    def drop(self, origin: str) -> None:
        """Close every idle connection to an origin."""
        while (connection := self._pop(origin)) is not None:
            connection.close()

    def close(self) -> None:
        """Close every idle connection."""
        for origin in list(self._idle):
            self.drop(origin)

    def _pop(self, origin: str) -> Connection | None:
        with self._lock:
            held = self._idle.get(origin)
            if not held:
                return None
            self._count -= 1
            connection = held.pop()
            if not held:
                del self._idle[origin]
            return connection
