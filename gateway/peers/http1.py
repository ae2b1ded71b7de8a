"""HTTP/1.1, the client's half, in its strict reading (RFC 9112): what is ambiguous is refused, never guessed.

An answer is framed by exactly one ``Content-Length`` or by ``chunked``. One that ends only where the connection does is
refused, since it cannot be told from a truncated one. Headers, interim answers, chunk sizes and trailers draw on one
allowance, so that no framing can be dripped without end.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from gateway.peers.guard import HTTPS_PORT, HttpsUrl
from gateway.ports import PeerAnswer, PeerRequest, TransportError

MAX_FRAMING_BYTES = 16_384
MAX_HEADERS = 64

_METHODS = frozenset({"GET", "POST"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VALUE = re.compile(r"[\x20-\x7e]*")
_STATUS_LINE = re.compile(rb"HTTP/1\.(?P<minor>[01]) (?P<status>[1-5][0-9]{2})(?: [\x20-\x7e\x80-\xff\t]*)?")
_FIELD = re.compile(rb"(?P<name>[A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*(?P<value>[\x20-\x7e\x80-\xff\t]*?)[ \t]*")
_LENGTH = re.compile(r"[0-9]{1,9}")
_CHUNK_SIZE = re.compile(rb"(?P<size>[0-9A-Fa-f]{1,8})(?:[ \t]*;[\x20-\x7e\x80-\xff\t]*)?")
_RESERVED = frozenset(
    {
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "accept",
        "accept-encoding",
        "expect",
        "te",
        "upgrade",
    }
)
_INTERIM_BELOW = 200
_SWITCHING = 101
_NO_CONTENT = 204
_NOT_MODIFIED = 304


class NonsenseAnswer(TransportError):
    """The answer is not a complete HTTP answer of the kind that was asked for."""


class OverCap(TransportError):
    """The answer is larger than its cap; what had come was thrown away."""


class Stream(Protocol):
    """Where an answer is read from; the time and the end of the stream are its concern."""

    def line(self, most: int) -> bytes:
        """Return the next line without its CR LF. Raises :class:`OverCap` when it is longer than ``most`` bytes."""
        ...

    def exactly(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        ...


@dataclass(slots=True)
class _Framing:
    """The lines of an answer, on one allowance."""

    stream: Stream
    left: int = MAX_FRAMING_BYTES

    def line(self) -> bytes:
        line = self.stream.line(self.left)
        self.left -= len(line) + 2
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A complete answer, and whether the peer keeps the connection open after it."""

    answer: PeerAnswer
    persistent: bool


def request_bytes(request: PeerRequest, url: HttpsUrl) -> bytes:
    """Write a request. Raises :class:`ValueError` for a method or header that a caller must not set."""
    if request.method not in _METHODS:
        raise ValueError("only GET and POST are sent")
    lines = [
        f"{request.method} {url.target} HTTP/1.1",
        f"Host: {url.host}" if url.port == HTTPS_PORT else f"Host: {url.host}:{url.port}",
        f"Accept: {request.accept}",
        "Accept-Encoding: identity",
    ]
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name) or name.lower() in _RESERVED or not _VALUE.fullmatch(value):
            raise ValueError("a request header may not be set to this here")
        lines.append(f"{name}: {value}")
    if request.method == "POST":
        lines.append(f"Content-Length: {len(request.body)}")
    elif request.body:
        raise ValueError("a GET has no body")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + request.body


def read_answer(stream: Stream, *, max_bytes: int) -> Received:
    """Read one final answer with at most ``max_bytes`` of body. Raises :class:`NonsenseAnswer`, :class:`OverCap`."""
    framing = _Framing(stream)
    while True:
        minor, status = _status(framing)
        headers = _headers(framing)
        if status >= _INTERIM_BELOW:
            break
        if status == _SWITCHING:
            raise NonsenseAnswer("the answer switches protocols, which was not asked for")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise NonsenseAnswer("the answer is compressed, which was not asked for")
    body = _body(framing, status, headers, max_bytes)
    connection = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    answer = PeerAnswer(
        status=status,
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        headers=headers,
        body=body,
    )
    return Received(answer=answer, persistent=minor == 1 and "close" not in connection)


def _status(framing: _Framing) -> tuple[int, int]:
    match = _STATUS_LINE.fullmatch(framing.line())
    if match is None:
        raise NonsenseAnswer("the answer does not start with an HTTP/1.1 status line")
    return int(match["minor"]), int(match["status"])


def _headers(framing: _Framing) -> dict[str, str]:
    """Read the fields; those that decide where the body ends may stand once only."""
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        line = framing.line()
        if not line:
            return headers
        match = _FIELD.fullmatch(line)
        if match is None:
            raise NonsenseAnswer("the answer has a malformed header")
        name, value = match["name"].decode("ascii").lower(), match["value"].decode("latin-1")
        if name in headers and name in {"content-length", "transfer-encoding", "content-type", "content-encoding"}:
            raise NonsenseAnswer(f"the answer has the header {name} twice")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    raise OverCap("the answer has too many headers")


def _body(framing: _Framing, status: int, headers: dict[str, str], max_bytes: int) -> bytes:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if status in {_NO_CONTENT, _NOT_MODIFIED}:
        return b""
    if coding is not None:
        if length is not None or coding.lower() != "chunked":
            raise NonsenseAnswer("the answer does not say plainly where its body ends")
        return _chunks(framing, max_bytes)
    if length is None or not _LENGTH.fullmatch(length):
        raise NonsenseAnswer("the answer does not say how long its body is")
    if int(length) > max_bytes:
        raise OverCap(f"the answer is larger than {max_bytes} bytes")
    return framing.stream.exactly(int(length))


def _chunks(framing: _Framing, max_bytes: int) -> bytes:
    """Join the chunks and drop the trailers (RFC 9112 section 7.1)."""
    body = bytearray()
    while True:
        match = _CHUNK_SIZE.fullmatch(framing.line())
        if match is None:
            raise NonsenseAnswer("the answer has a malformed chunk")
        size = int(match["size"], 16)
        if size == 0:
            _headers(framing)
            return bytes(body)
        if len(body) + size > max_bytes:
            raise OverCap(f"the answer is larger than {max_bytes} bytes")
        body += framing.stream.exactly(size)
        if framing.line():
            raise NonsenseAnswer("the answer has a malformed chunk")
