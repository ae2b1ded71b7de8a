"""Gunicorn's threaded worker, made fit for strangers.

It answers what it cannot parse with a problem document that echoes nothing, keeps no thread for a connection on which
nothing arrives, and gives up on a client that stalls in the middle of a request or of an answer (assertion A65).
Clients that send a byte every few seconds are nginx's work.
"""

import errno
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from logging import getLogger
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Any

from gunicorn import util
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import _DEFER, DEFAULT_WORKER_DATA_TIMEOUT, TConn, ThreadWorker

from gateway.http import headers, problem
from gateway.http.problem import Problem, ProblemType
from gateway.keys.files import KeyFilesRefused, refuse_open_files

_log = getLogger("hearthgate.serve")
STALLED_AFTER_S = 4.0
"""Seconds without a byte, in the middle of something, after which a client counts as gone.

It strikes twice at most for one request, in reading it and in draining what is left of it: 8 s of a thread.
"""
_FIRST_BYTES_WITHIN_S = 0.02
"""Seconds that a thread waits for the request after a handshake; then the poller waits, without a thread."""
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

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001 - the standard library's signature
        self.settimeout(STALLED_AFTER_S if flag else 0.0)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        with _stalling_is_leaving():
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
        self.enqueue_req(TConn(self.cfg, client, address, listener.getsockname()))

    def handle(self, conn: Any) -> object:  # noqa: ANN401 - gunicorn ships no types
        """Shake hands, and let the poller wait for the request if it does not come at once."""
        if self.cfg.is_ssl and not conn.initialized:
            if not conn.wait_for_data(DEFAULT_WORKER_DATA_TIMEOUT):
                return _DEFER
            try:
                conn.init()
            except OSError:
                return False
            conn.data_ready = conn.sock.pending() > 0
            if not conn.wait_for_data(_FIRST_BYTES_WITHIN_S):
                return _DEFER
        return super().handle(conn)

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
