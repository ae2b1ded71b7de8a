"""Gunicorn's threaded worker, made fit for strangers.

1. A thread takes whole requests only: bytes are collected as they come (:mod:`gateway.server.request_intake`), and the
   poller waits between them.
2. A request that is not whole in time is dropped, handshake included.
3. When no more connections fit, the oldest idle one is closed, then the oldest whose request is not whole.
4. A request that cannot be parsed gets a problem document that echoes nothing.
5. A client that stalls while it reads its response is dropped (assertion A65).
6. A closed connection lingers in the poller: no thread waits for its client to close too.
"""

import errno
import selectors
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from logging import getLogger
from math import inf
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Any

from gunicorn import util
from gunicorn.http import get_parser
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from gateway.keys.files import KeyFilesRefused, refuse_open_files
from gateway.runtime.server_tls import server_tls
from gateway.server.request_intake import RECEIVED_WITHIN_S, RequestIntake
from gateway.web import headers, problem
from gateway.web.problem import Problem, ProblemType

_log = getLogger("hearthgate.serve")
STALLED_AFTER_S = 4.0
"""Seconds without a byte, in the middle of something, after which a client counts as gone.

It strikes while a response is written: a thread never waits for a request's bytes.
"""
LINGER_S = 2.0
"""Seconds that a closed connection is still read from, so that its client gets the response (RFC 9112 9.6)."""
_MOST_LINGERING = 256
_MOST_DRAINED = 262_144
_NO_WAIT_S = 0.001
_READ_AT_ONCE = 65_536
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MOST_COLLECTED = 33_554_432
"""Bytes of requests that are not whole, in one worker; beyond them the oldest makes room."""


class FaceTls:
    """The TLS of one face. A renewed certificate is taken up by itself, in every worker, for new connections.

    The files are looked at once a second at most. What cannot be used, as a certificate without its new key, leaves
    the earlier one in its place until it can; the log says so.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._last_stamp = self._stamp()
        self._context = _face_tls(certificate, key)
        self._look_at = 0.0

    def current(self) -> ssl.SSLContext | None:
        """Return the context for a new connection."""
        tick = monotonic()
        if tick >= self._look_at:
            self._look_at = tick + 1.0
            stamp = self._stamp()
            if stamp != self._last_stamp:
                self._last_stamp = stamp
                self._renew()
        return self._context

    def _renew(self) -> None:
        try:
            refuse_open_files([self._key])
            self._context = _face_tls(self._certificate, self._key)
        except (KeyFilesRefused, OSError) as refused:  # an SSLError is an OSError
            _log.error("a renewed certificate cannot be used, and the earlier one goes on: %s", refused)
        else:
            _log.warning("a renewed certificate is in use")

    def _stamp(self) -> tuple[object, ...]:
        return tuple(_file_stamp(path) for path in (self._certificate, self._key))


def _face_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    context = server_tls(certificate, key)
    context.sslsocket_class = _TlsSocket
    return context


def _file_stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError as absent:
        return absent.errno
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


class _Impatient(socket.socket):
    """A socket that never blocks for ever: gunicorn asks for blocking ones and gets a time limit."""

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001 - the standard library's signature
        self.settimeout(STALLED_AFTER_S if flag else 0.0)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        patience = self.gettimeout()
        if not patience:
            return super().recv(bufsize, flags)
        self.settimeout(_NO_WAIT_S)  # the request was whole before a thread got it: what is missing never comes
        try:
            with _stalling_is_leaving():
                return super().recv(bufsize, flags)
        finally:
            self.settimeout(patience)

    def sendall(self, data: Any, flags: int = 0, /) -> None:  # noqa: ANN401 - the standard library's signature
        with _stalling_is_leaving():
            super().sendall(data, flags)


class _TlsSocket(_Impatient, ssl.SSLSocket):  # type: ignore[misc]  # only the names of parameters differ
    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the standard library's signature
        with _stalling_is_leaving():
            super().do_handshake(block)


@contextmanager
def _stalling_is_leaving() -> Iterator[None]:
    try:
        yield
    except TimeoutError as stalled:
        raise ConnectionResetError(errno.ECONNRESET, "the client stalled") from stalled


class _Connection(TConn):  # type: ignore[misc]  # gunicorn ships no types
    """One connection, with what has come of the next request."""

    sock: Any
    initialized: bool
    intake: RequestIntake | None = None
    taken_at: float | None = None
    linger: Callable[[Any], None]

    def deadline(self) -> float:
        """Return when a request or a handshake that is not whole by then is dropped; between requests there is none."""
        if self.intake is not None:
            return self.intake.deadline
        return inf if self.initialized or self.taken_at is None else self.taken_at + RECEIVED_WITHIN_S

    def prepare(self) -> bool:
        """Go on with the handshake; return whether bytes of a request may be read. Raises ``OSError``."""
        if not self.initialized:
            if self.cfg.is_ssl and not isinstance(self.sock, ssl.SSLSocket):
                context = self.cfg.ssl_context(self.cfg, None)
                self.sock = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
                self.sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
            if isinstance(self.sock, ssl.SSLSocket):
                try:
                    self.sock.do_handshake()
                except ssl.SSLWantReadError:
                    return False
            self.parser = get_parser(self.cfg, self.sock, self.client)
            self.initialized = True
        return True

    def collect(self) -> bool:
        """Read what is there of a request; return whether it is whole or has ended. Raises ``OSError``."""
        if self.intake is None:
            self.intake = RequestIntake(self.parser.unreader.take_buffered(), now=monotonic())
        ended = False
        while not (ended or self.intake.is_whole()):
            try:
                received = self.sock.recv(_READ_AT_ONCE)
            except (BlockingIOError, ssl.SSLWantReadError):
                if self.intake.expects_continue():
                    self.sock.sendall(_CONTINUE)
                return False
            ended = not received
            self.intake.add(received)
        self.parser.unreader.unread(bytes(self.intake.buffer))
        self.intake = None
        return True

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """Close it. Gunicorn's graceful way would keep the poller's thread waiting until the client closes too."""
        if graceful:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
                return self.linger(self.sock)
        return super().close()  # type: ignore[no-any-return]


class PoolWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn's threaded worker with impatient sockets, and our own words where the application has no say."""

    wsgi: Callable[..., Iterable[bytes]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lingering: dict[Any, tuple[float, int]] = {}

    def load_wsgi(self) -> None:
        """Let a body that breaks its chunked coding look to the application like one that was cut off."""
        super().load_wsgi()
        self.wsgi = _with_plain_errors(self.wsgi)

    def accept(self, listener: Any) -> None:  # noqa: ANN401 - gunicorn ships no types
        """Take one connection, as gunicorn does, on an impatient socket."""
        try:
            accepted, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        client = _Impatient(fileno=accepted.detach())
        self.nr_conns += 1
        connection = _Connection(self.cfg, client, address, listener.getsockname())
        connection.linger = self._linger
        self.enqueue_req(connection)

    def handle(self, conn: Any) -> object:  # noqa: ANN401 - gunicorn ships no types
        """Take what has come of a request, and answer it once it is whole; until then the poller waits for more."""
        try:
            conn.sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
            if conn.taken_at is None:
                conn.taken_at = monotonic()  # while all threads were busy, the client could do nothing
            if not (conn.prepare() and conn.collect()):
                return False if monotonic() > conn.deadline() else _DEFER
        except OSError:  # an SSLError is an OSError
            return False
        return super().handle(conn)

    def murder_pending(self) -> None:
        """Drop every connection whose request is not whole in time, and the oldest where no more fit."""
        now = monotonic()
        for sock in [sock for sock, (until, _) in self._lingering.items() if now > until]:
            self._let_go(sock)
        while self.keepalived_conns and self.nr_conns >= self.worker_connections:
            self._drop(self.keepalived_conns.popleft())
        late = [conn for conn in self.pending_conns if now > conn.deadline()]
        pending = sorted(
            (conn for conn in self.pending_conns if now <= conn.deadline()), key=lambda each: each.deadline()
        )
        collected = sum(len(conn.intake.buffer) for conn in pending if conn.intake is not None)
        while pending and (self.nr_conns - len(late) >= self.worker_connections or collected > _MOST_COLLECTED):
            oldest = pending.pop(0)
            collected -= 0 if oldest.intake is None else len(oldest.intake.buffer)
            late.append(oldest)
        for conn in late:
            self.pending_conns.remove(conn)
            self._drop(conn)

    def _drop(self, conn: Any) -> None:  # noqa: ANN401 - gunicorn ships no types
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def _linger(self, sock: Any) -> None:  # noqa: ANN401 - a plain or a TLS socket
        """Read on from a connection that we closed, in the poller, until its client is done or time is up."""
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self.poller.register(sock, selectors.EVENT_READ, self._drain)
        self._lingering[sock] = monotonic() + LINGER_S, 0
        if len(self._lingering) > _MOST_LINGERING:
            self._let_go(next(iter(self._lingering)))

    def _drain(self, sock: Any) -> None:  # noqa: ANN401 - a plain or a TLS socket
        until, drained = self._lingering[sock]
        received = 0
        with suppress(OSError):
            received = len(sock.recv(_READ_AT_ONCE))
        if received and drained + received <= _MOST_DRAINED:
            self._lingering[sock] = until, drained + received
        else:
            self._let_go(sock)

    def _let_go(self, sock: Any) -> None:  # noqa: ANN401 - a plain or a TLS socket
        del self._lingering[sock]
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(sock)
        util.close(sock)

    def handle_error(self, _req: object, client: Any, _addr: object, exc: BaseException) -> None:  # noqa: ANN401
        """Answer once and let the connection be closed. Gunicorn's own answer and log line repeat what was sent."""
        if isinstance(exc, ssl.SSLError):
            return
        kind = problem.INTERNAL
        if isinstance(exc, LimitRequestLine | LimitRequestHeaders):
            kind = problem.TOO_LARGE
        elif isinstance(exc, ParseException):
            kind = problem.BAD_REQUEST
        else:
            _log.error("a worker failed outside the application: %s", type(exc).__name__)
        with suppress(OSError):
            util.write_nonblock(client, _answer(kind))


def _answer(kind: ProblemType) -> bytes:
    """Write a whole answer by hand, with the headers of every other one."""
    request_id = token_hex(8)
    body = problem.to_bytes(Problem(kind), request_id=request_id)
    head = (
        ("Connection", "close"),
        ("Content-Type", problem.CONTENT_TYPE),
        *headers.SECURITY,
        (headers.REQUEST_ID, request_id),
        ("Content-Length", str(len(body))),
    )
    lines = [f"HTTP/1.1 {int(kind.status)} {kind.status.phrase}", *(f"{name}: {value}" for name, value in head)]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class _Body:
    def __init__(self, raw: Any) -> None:  # noqa: ANN401 - gunicorn ships no types
        self._raw = raw

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._raw.read(size if size >= 0 else None))
        except ParseException as malformed:
            raise OSError("the body breaks its chunked coding") from malformed


def _with_plain_errors(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"] = _Body(environ["wsgi.input"])
        return app(environ, start_response)

    return answer
