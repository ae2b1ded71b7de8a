"""Strict HTTP responses: refuse ambiguous ones, which ``http.client`` would let pass.

An answer is framed by exactly one ``Content-Length`` or by ``chunked`` (RFC 9112 section 6). One that ends only where
the connection does is refused, since it cannot be told from a truncated one. Headers, interim answers, chunk sizes and
trailers draw on one allowance, so that no framing is without end.
"""

import http.client
import io
import re
import socket
from typing import Any

from urllib3.exceptions import HeaderParsingError
from urllib3.util.response import assert_header_parsing

from gateway.peers.errors import InvalidResponse, ResponseTooLarge
from gateway.peers.tls_socket import DeadlineSocket

MAX_FRAMING_BYTES = 16_384
MAX_HEADERS = 64

_LINE = re.compile(rb"(?:[\x21-\x7e\x80-\xff][\x20-\x7e\x80-\xff\t]*)?\r\n")
_LENGTH = re.compile(r"[0-9]{1,9}")
_ONCE = ("content-length", "transfer-encoding", "content-type", "content-encoding")
_COOKIES = ("set-cookie", "set-cookie2")
_SWITCHING = 101
_FINAL = range(200, 600)
_BODILESS = frozenset({204, 304})


class FramedReader(io.BufferedReader):
    """The reader of one answer: its lines are framing, on one allowance; what else is read has a stated length."""

    def __init__(self, raw: io.RawIOBase, sock: DeadlineSocket) -> None:
        super().__init__(raw)
        self._sock = sock
        self._remaining = MAX_FRAMING_BYTES

    def readline(self, _size: int | None = -1, /) -> bytes:
        """Read one line, whole and without control characters or folding; the allowance is its limit."""
        line = super().readline(self._remaining + 1)
        self._remaining -= len(line)
        self._sock.consumed += len(line)
        if self._remaining < 0:
            raise ResponseTooLarge("the answer's headers or chunk sizes are larger than their cap")
        if not _LINE.fullmatch(line):
            raise InvalidResponse("the answer has a malformed header or chunk")
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        """Read exactly ``size`` bytes."""
        if size is None or size < 0:
            raise InvalidResponse("the answer does not say how long its body is")
        data = super().read(size)
        self._sock.consumed += len(data)
        return data


class StrictResponse(http.client.HTTPResponse):
    """An answer that was read through :class:`FramedReader` and whose head is unambiguous."""

    def __init__(self, sock: socket.socket, *args: Any, **keywords: Any) -> None:
        if not isinstance(sock, DeadlineSocket):
            raise TypeError("an answer is read from a socket with a deadline only")
        super().__init__(sock, *args, **keywords)
        self.fp = FramedReader(self.fp.detach(), sock)

    def begin(self) -> None:
        """Read the head. Raises :class:`InvalidResponse`, :class:`ResponseTooLarge`.

        Interim answers are passed over. Cookies are dropped: an exchange here knows nothing of the one before.
        """
        super().begin()
        while _SWITCHING < self.status < _FINAL.start:
            self.headers = self.msg = None  # type: ignore[assignment]  # how http.client knows that none was read
            super().begin()
        if self.status not in _FINAL:
            raise InvalidResponse("the answer has a status that was not asked for")
        _check_headers(self.headers)
        if self.status not in _BODILESS:
            _check_framing(self.headers)
        for name in _COOKIES:
            del self.headers[name]


def _check_headers(headers: http.client.HTTPMessage) -> None:
    if len(headers) > MAX_HEADERS:
        raise ResponseTooLarge("the answer has too many headers")
    try:
        assert_header_parsing(headers)
    except HeaderParsingError as malformed:
        raise InvalidResponse("the answer has a malformed header") from malformed
    for name in _ONCE:
        if len(headers.get_all(name, ())) > 1:
            raise InvalidResponse(f"the answer has the header {name} twice")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise InvalidResponse("the answer is compressed, which was not asked for")


def _check_framing(headers: http.client.HTTPMessage) -> None:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if length is not None or coding.lower() != "chunked":
            raise InvalidResponse("the answer does not say plainly where its body ends")
    elif length is None or not _LENGTH.fullmatch(length):
        raise InvalidResponse("the answer does not say how long its body is")
