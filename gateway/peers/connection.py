"""One connection of the HTTP library, which connects only to addresses that were checked, under one deadline."""

import socket
import ssl
from time import monotonic
from typing import Any

from urllib3.connection import HTTPSConnection

from gateway.peers.errors import DeadlineExceeded, Unreachable, remaining
from gateway.peers.response import StrictResponse
from gateway.peers.routing import FindRoutes, Route
from gateway.peers.ssrf import HostAddress
from gateway.peers.tls_socket import DeadlineSocket
from gateway.peers.tunnel import open_tunnel
from gateway.ports import TransportError

MAX_IDLE_S = 15.0
MAX_AGE_S = 300.0
"""Age at which a connection is replaced: moved names and renewed certificates take effect."""
_LEAST_ATTEMPT_S = 1.0


def open_tcp(place: HostAddress, timeout_s: float) -> socket.socket:
    """Connect to a numeric address. Raises :class:`OSError`."""
    return socket.create_connection((place.address, place.port), timeout_s)


class GuardedConnection(HTTPSConnection):
    """A connection by one of the ``routes`` to its host, whose certificate proves the host's name.

    Its ``timeout`` is a total: setting it starts the clock, reading it gives what is left.
    """

    response_class = StrictResponse

    def __init__(self, *args: Any, routes: FindRoutes, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._routes = routes
        self._route = Route(target=HostAddress(address="", port=0))
        self._attempt_ends = 0.0
        self._opened_at = 0.0

    @property
    def timeout(self) -> float:
        """The seconds left of the exchange. Raises :class:`DeadlineExceeded` when there are none."""
        return remaining(self._deadline)

    @timeout.setter
    def timeout(self, total_s: float | None) -> None:
        self._deadline = monotonic() + total_s if total_s is not None else 0.0

    @property
    def is_connected(self) -> bool:
        """Whether the connection is young and nothing has arrived since the last answer, not even its end."""
        sock, now = self.sock, monotonic()
        return (
            isinstance(sock, DeadlineSocket)
            and now - sock.read_at < MAX_IDLE_S
            and now - self._opened_at < MAX_AGE_S
            and sock.drained
            and super().is_connected
        )

    def connect(self) -> None:
        """Open TCP and TLS by the first route that leads there; each gets its share of the time that is left.

        Raises :class:`TransportError`.
        """
        routes = self._routes(self.host, self.port, self._deadline)
        failure: TransportError = Unreachable("no connection came about")
        for position, route in enumerate(routes):
            share = max(_LEAST_ATTEMPT_S, remaining(self._deadline) / (len(routes) - position))
            self._route, self._attempt_ends = route, min(self._deadline, monotonic() + share)
            try:
                return self._attempt()
            except (Unreachable, DeadlineExceeded) as failed:
                failure = failed
        raise failure

    def _attempt(self) -> None:
        try:
            super().connect()
        except TimeoutError as failed:
            self.close()
            raise DeadlineExceeded("no connection came about within the time") from failed
        except ssl.SSLCertVerificationError as failed:
            self.close()
            raise Unreachable(f"its certificate was refused ({failed.verify_message})") from failed
        except OSError as failed:
            self.close()
            raise Unreachable("no connection came about") from failed
        except TransportError:
            self.close()
            raise
        self._opened_at = monotonic()

    def _new_conn(self) -> socket.socket:
        """Connect to the checked address, through the proxy on the way where there is one.

        The name is left to the handshake, which takes the socket's timeout as a total.
        """
        target, proxy = self._route.target, self._route.proxy
        sock = open_tcp(target if proxy is None else proxy.place, remaining(self._attempt_ends))
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if proxy is not None:
                open_tunnel(sock, target, proxy, deadline=self._attempt_ends)
            sock.settimeout(remaining(self._attempt_ends))
        except (OSError, TransportError):
            sock.close()
            raise
        return sock

    def request(self, *args: Any, **keywords: Any) -> None:
        """Send a request. Raises :class:`TransportError`."""
        if not isinstance(self.sock, DeadlineSocket):
            raise TypeError("the TLS context makes sockets without a deadline")
        self.sock.begin(self._deadline)
        super().request(*args, **keywords)
