"""Gunicorn's threaded worker, made fit for strangers.

1. A thread is kept for whole requests only: bytes are collected as they come (:mod:`gateway.request_intake`), and the
   poller waits between them. 2. A request that is not whole in time is dropped, handshake included. 3. Where no more
   connections fit, the oldest one that is not whole makes room. 4. What cannot be parsed is answered with a problem
   document that echoes nothing. 5. A client that stalls while it reads its response is dropped (assertion A65).
"""

import errno
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

from gateway.http import headers, problem
from gateway.http.problem import Problem, ProblemType
from gateway.keys.files import KeyFilesRefused, refuse_open_files
from gateway.request_intake import RECEIVED_WITHIN_S, RequestIntake

_log = getLogger("hearthgate.serve")
STALLED_AFTER_S = 4.0
"""Seconds without a byte, in the middle of something, after which a client counts as gone.

It strikes twice at most for one request, in reading it and in draining what is left of it: 8 s of a thread.
"""
_READ_AT_ONCE = 65_536
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MOST_COLLECTED = 33_554_432
"""Bytes of requests that are not whole, in one worker; beyond them the oldest makes room."""
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return TLS 1.3, or 1.2 with ECDHE and AEAD, for this certificate; ``None`` where there is none."""
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = _TlsSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)  # of TLS 1.2; all of 1.3 are of that kind
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context


class FaceTls:
    """The TLS of one face. A renewed certificate is taken up by itself, in every worker, for new connections.

    The files are looked at once a second at most. What cannot be used, as a certificate without its new key, leaves
    the earlier one in its place until it can; the log says so.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._seen = self._stamp()
        self._context = server_tls(certificate, key)
        self._look_at = 0.0

    def current(self) -> ssl.SSLContext | None:
        """Return the context for a new connection."""
        tick = monotonic()
        if tick >= self._look_at:
            self._look_at = tick + 1.0
            stamp = self._stamp()
            if stamp != self._seen:
                self._seen = stamp
                self._renew()
        return self._context

    def _renew(self) -> None:
        try:
            refuse_open_files([self._key])
            self._context = server_tls(self._certificate, self._key)
        except (KeyFilesRefused, OSError) as refused:  # an SSLError is an OSError
            _log.error("a renewed certificate cannot be used, and the earlier one goes on: %s", refused)
        else:
            _log.warning("a renewed certificate is in use")

    def _stamp(self) -> tuple[object, ...]:
        return tuple(_file_stamp(path) for path in (self._certificate, self._key))


def _file_stamp(path: Path) -> object:
    try:
        found = path.stat()
    except OSError as absent:
        return absent.errno
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


class _Impatient(socket.socket):
    """A socket that never blocks for ever: gunicorn asks for blocking ones and gets a time limit."""

    deadline: float | None = None
    """The monotonic time after which no more of a request is read."""

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001 - the standard library's signature
        self.settimeout(STALLED_AFTER_S if flag else 0.0)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        with _stalling_is_leaving():
            if self.deadline is not None and self.gettimeout():
                self.settimeout(min(STALLED_AFTER_S, max(self.deadline - monotonic(), 0.001)))
            return super().recv(bufsize, flags)

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
    accepted_at: float

    def deadline(self) -> float:
        """Return when a request or a handshake that is not whole by then is dropped; between requests there is none."""
        if self.intake is not None:
            return self.intake.deadline
        return inf if self.initialized else self.accepted_at + RECEIVED_WITHIN_S

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
        self.sock.deadline = self.intake.deadline
        self.intake = None
        return True


class PoolWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn's threaded worker with impatient sockets, and our own words where the application has no say."""

    wsgi: Callable[..., Iterable[bytes]]

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
        connection.accepted_at = monotonic()
        self.enqueue_req(connection)

    def handle(self, conn: Any) -> object:  # noqa: ANN401 - gunicorn ships no types
        """Take what has come of a request, and answer it once it is whole; until then the poller waits for more."""
        try:
            conn.sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
            if monotonic() > conn.deadline():
                return False
            if not (conn.prepare() and conn.collect()):
                return _DEFER
        except OSError:  # an SSLError is an OSError
            return False
        return super().handle(conn)

    def murder_pending(self) -> None:
        """Drop every connection whose request is not whole in time, and the oldest where no more fit."""
        now = monotonic()
        late = [conn for conn in self.pending_conns if now > conn.deadline()]
        left = sorted((conn for conn in self.pending_conns if now <= conn.deadline()), key=lambda each: each.deadline())
        collected = sum(len(conn.intake.buffer) for conn in left if conn.intake is not None)
        while left and (self.nr_conns - len(late) >= self.worker_connections or collected > _MOST_COLLECTED):
            oldest = left.pop(0)
            collected -= 0 if oldest.intake is None else len(oldest.intake.buffer)
            late.append(oldest)
        for conn in late:
            self.pending_conns.remove(conn)
            with suppress(OSError, KeyError, ValueError):
                self.poller.unregister(conn.sock)
            self.nr_conns -= 1
            conn.close()

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
    body = problem.written(Problem(kind), request_id=request_id)
    stated = (
        ("Connection", "close"),
        ("Content-Type", problem.CONTENT_TYPE),
        *headers.SECURITY,
        (headers.REQUEST_ID, request_id),
        ("Content-Length", str(len(body))),
    )
    lines = [f"HTTP/1.1 {int(kind.status)} {kind.status.phrase}", *(f"{name}: {value}" for name, value in stated)]
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
