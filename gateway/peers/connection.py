"""One TLS connection, whose every operation is bounded by the time that is left of its exchange.

The socket's timeout is set anew before each operation to what remains until one deadline, so a peer that sends a byte
at a time, in the handshake, a header or the body, gains nothing by it.
"""

import socket
import ssl
from dataclasses import dataclass
from select import POLLIN, poll
from time import monotonic

from gateway.peers.http1 import OverCap, Received, read_answer
from gateway.ports import TransportError

_STEP = 16_384


class OverTime(TransportError):
    """The exchange was not complete within its time."""


class ConnectionLost(TransportError):
    """A connection kept from an earlier exchange ended before the first byte of the answer.

    The peer may have seen the request, so only what is harmless twice may be sent again.
    """


class Unreachable(TransportError):
    """No connection with a proven name came about, or it broke off."""


def remaining(deadline: float) -> float:
    """Return the seconds until ``deadline`` on the monotonic clock. Raises :class:`OverTime` when none are left."""
    left = deadline - monotonic()
    if left <= 0:
        raise OverTime("there was no complete answer within the time")
    return left


class _SocketStream:
    """Read a socket until one deadline; see :class:`gateway.peers.http1.Stream`."""

    def __init__(self, sock: ssl.SSLSocket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self._buffer = bytearray()
        self.received = 0

    @property
    def drained(self) -> bool:
        """Whether everything that came was read."""
        return not self._buffer

    def line(self, most: int) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\r\n", max(0, searched - 1))) < 0:
            searched = len(self._buffer)
            if searched > most:
                raise OverCap("the answer's headers or chunk sizes are larger than their cap")
            self._fill()
        if end > most:
            raise OverCap("the answer's headers or chunk sizes are larger than their cap")
        return self._take(end, skip=2)

    def exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        return self._take(count)

    def _take(self, count: int, *, skip: int = 0) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[: count + skip]
        return taken

    def _fill(self) -> None:
        self._sock.settimeout(remaining(self._deadline))
        came = self._sock.recv(_STEP)
        if not came:
            raise ConnectionResetError
        self.received += len(came)
        self._buffer += came


@dataclass(slots=True, kw_only=True)
class Connection:
    """An open connection, used by one thread at a time. Its moments are on the monotonic clock."""

    sock: ssl.SSLSocket
    opened_at: float
    idle_since: float
    used: bool = False

    def exchange(self, data: bytes, *, max_bytes: int, deadline: float) -> Received:
        """Send one request and read its whole answer; ``persistent`` says whether the connection may be kept.

        Raises :class:`TransportError`; the connection is of no further use then.
        """
        stream = _SocketStream(self.sock, deadline)
        try:
            self._send(data, deadline)
            received = read_answer(stream, max_bytes=max_bytes)
        except TimeoutError as failed:
            raise OverTime("there was no complete answer within the time") from failed
        except (OSError, ValueError) as failed:
            if self.used and not stream.received:
                raise ConnectionLost("the connection ended between two exchanges") from failed
            raise Unreachable("the connection broke off before the answer was complete") from failed
        self.used = True
        self.idle_since = monotonic()
        return Received(answer=received.answer, persistent=received.persistent and stream.drained)

    def _send(self, data: bytes, deadline: float) -> None:
        for start in range(0, len(data), _STEP):
            self.sock.settimeout(remaining(deadline))
            self.sock.sendall(data[start : start + _STEP])

    def quiet(self) -> bool:
        """Return whether nothing has arrived since the last answer, neither bytes nor the end of the stream."""
        waiting = poll()
        waiting.register(self.sock.fileno(), POLLIN)
        return not waiting.poll(0) and not self.sock.pending()

    def close(self) -> None:
        """Let go of the socket at once, without waiting for the peer's farewell."""
        self.sock.close()


def connect(address: str, port: int, *, host: str, tls: ssl.SSLContext, deadline: float) -> Connection:
    """Open TCP and TLS to a numeric address whose certificate proves ``host``. Raises :class:`TransportError`."""
    raw = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        raw.settimeout(remaining(deadline))
        raw.connect((address, port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.settimeout(remaining(deadline))
        sock = tls.wrap_socket(raw, server_hostname=host, suppress_ragged_eofs=False)
    except TimeoutError as failed:
        raw.close()
        raise OverTime("no connection came about within the time") from failed
    except ssl.SSLCertVerificationError as failed:
        raw.close()
        raise Unreachable(f"its certificate was refused ({failed.verify_message})") from failed
    except OSError as failed:
        raw.close()
        raise Unreachable("no connection came about") from failed
    except TransportError:
        raw.close()
        raise
    opened = monotonic()
    return Connection(sock=sock, opened_at=opened, idle_since=opened)
