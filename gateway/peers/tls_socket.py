"""A TLS socket whose every operation is bounded by the time that is left of its exchange.

The timeouts of ``requests`` start again with each byte. This socket sets its own before each operation, to what
remains until one deadline, so a peer that drips a header or a body gains nothing by it. It fails with this package's
errors, which the libraries above it pass on as they are.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from gateway.peers.errors import ConnectionLost, DeadlineExceeded, Unreachable, remaining
from gateway.ports import TransportError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class DeadlineSocket(ssl.SSLSocket):
    """The ``sslsocket_class`` of the context that this package's connections use, by one thread at a time.

    Nothing passes before :meth:`begin`. The end of the stream is always an error here, since no answer is accepted
    that ends only where its connection does. Moments are on the monotonic clock.
    """

    deadline: float = 0.0
    received: int = 0
    consumed: int = 0
    read_at: float = 0.0
    _reused: bool = False

    def begin(self, deadline: float) -> None:
        """Let the operations of one exchange pass until ``deadline``."""
        self.deadline = deadline
        self._reused = self.received > 0

    @property
    def drained(self) -> bool:
        """Whether all that came was part of an answer; what is left over must not become the next one."""
        return self.received == self.consumed and not self.pending()

    def read(self, size: int = 1024, buffer: "WriteableBuffer | None" = None) -> bytes:
        """Read at least one byte; every receiving method of the socket ends here. Raises :class:`TransportError`."""
        with self._bounded():
            data = super().read(size, buffer)
        count = len(data) if buffer is None else cast("int", data)  # the declared type knows only the first form
        if not count:
            raise self._ended()
        self.received += count
        self.read_at = monotonic()
        self._reused = False
        return data

    def send(self, *args: Any, **keywords: Any) -> int:
        """Send some of the data, as ``sendall`` does in turn. Raises :class:`TransportError`."""
        with self._bounded():
            return super().send(*args, **keywords)

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        try:
            self.settimeout(remaining(self.deadline))
            yield
        except TimeoutError as failed:
            raise DeadlineExceeded("there was no complete answer within the time") from failed
        except (OSError, ValueError) as failed:
            raise self._ended() from failed

    def _ended(self) -> TransportError:
        if self._reused:
            return ConnectionLost("the connection ended between two exchanges")
        return Unreachable("the connection broke off before the answer was complete")
