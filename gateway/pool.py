"""A gunicorn worker that answers what it cannot parse like everything else: with a problem, and without an echo."""

import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from logging import getLogger
from pathlib import Path
from typing import Any

from gunicorn import util
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import ThreadWorker

from gateway.http import problem
from gateway.http.problem import Problem

_log = getLogger("hearthgate.serve")
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return TLS 1.3, or 1.2 with ECDHE and AEAD, for this certificate; ``None`` where there is none."""
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)  # of TLS 1.2; all of 1.3 are of that kind
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context


class PoolWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn's threaded worker with our own words for what went wrong before or beside the application."""

    wsgi: Callable[..., Iterable[bytes]]

    def load_wsgi(self) -> None:
        """Let a body that breaks its chunked coding look to the application like one that was cut off."""
        super().load_wsgi()
        self.wsgi = _with_plain_errors(self.wsgi)

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
            util.write_nonblock(client, _answer(kind.status, problem.written(Problem(kind))))


def _answer(status: HTTPStatus, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {int(status)} {status.phrase}\r\n"
        "Connection: close\r\n"
        f"Content-Type: {problem.CONTENT_TYPE}\r\n"
        "Cache-Control: no-store\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


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
