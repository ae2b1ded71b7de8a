"""Collection of one HTTP/1.1 request's bytes, without a thread, until all of it is there.

The framing is read only to tell when a request is whole (RFC 9112 sections 6 and 7); the server's parser reads and
judges it afterwards. What cannot become whole, because it is malformed or over a cap, counts as whole: the parser or
the application refuses it at once. Each byte is looked at a bounded number of times, however the request is cut up.
"""

import re

MAX_HEAD = 65_536
"""Bytes of a request line and headers; the server's own caps on each are lower."""
MAX_BODY = 262_144
"""Bytes of a body that is waited for; the applications' own caps are lower."""
RECEIVED_WITHIN_S = 8.0
"""Seconds from a request's first byte to its last, headers and body together."""
_MAX_CHUNK_LINE = 256
_END = b"\r\n\r\n"
_HEX = re.compile(rb"[0-9A-Fa-f]{1,8}")
_CONTINUE = b"100-continue"


class RequestIntake:
    """The bytes of one request so far. ``deadline`` is on the monotonic clock."""

    def __init__(self, received: bytes, *, now: float) -> None:
        self.buffer = bytearray(received)
        self.deadline = now + RECEIVED_WITHIN_S
        self._searched = 0
        self._body_at: int | None = None
        self._length: int | None = None
        self._chunk_at: int | None = None
        self._continue = False

    def add(self, received: bytes) -> None:
        """Take more bytes."""
        self.buffer += received

    def is_whole(self) -> bool:
        """Tell whether the request can be given to the server's parser."""
        if self._body_at is None and not self._read_head():
            return len(self.buffer) > MAX_HEAD
        if self._chunk_at is not None:
            return self._read_chunks()
        return self._length is None or len(self.buffer) >= (self._body_at or 0) + self._length

    def expects_continue(self) -> bool:
        """Tell, once, whether the client waits for ``100 Continue`` before it sends the body (RFC 9110 10.1.1)."""
        expected, self._continue = self._continue, False
        return expected

    def _read_head(self) -> bool:
        end = self.buffer.find(_END, max(0, self._searched - len(_END)))
        self._searched = len(self.buffer)
        if end < 0:
            return False
        self._body_at = end + len(_END)
        lines = [line.partition(b":") for line in bytes(self.buffer[:end]).split(b"\r\n")[1:]]
        fields = [(name.strip().lower(), value.strip().lower()) for name, _, value in lines]
        self._continue = (b"expect", _CONTINUE) in fields
        framing = [field for field in fields if field[0] in {b"content-length", b"transfer-encoding"}]
        codings = [value for name, value in framing if name == b"transfer-encoding"]
        if codings and len(codings) == len(framing):  # the parser takes them as one list, and the last one counts
            self._frame(b"transfer-encoding", codings[-1])
        elif len(framing) == 1:  # anything else is refused by the parser, without a body
            self._frame(*framing[0])
        return True

    def _frame(self, name: bytes, value: bytes) -> None:
        if name == b"transfer-encoding":
            self._chunk_at = self._body_at if value.rpartition(b",")[2].strip() == b"chunked" else None
        elif value.isdigit() and len(value) <= len(str(MAX_BODY)) and int(value) <= MAX_BODY:
            self._length = int(value)

    def _read_chunks(self) -> bool:
        """Walk the chunks that are there; the position is kept, so that none is walked twice."""
        while (at := self._chunk_at or 0) <= len(self.buffer):
            if at > (self._body_at or 0) + MAX_BODY:
                return True
            end = self.buffer.find(b"\r\n", at, at + _MAX_CHUNK_LINE)
            if end < 0:
                return len(self.buffer) - at >= _MAX_CHUNK_LINE
            size = _HEX.fullmatch(bytes(self.buffer[at:end]).partition(b";")[0].strip())
            if size is None:
                return True
            length = int(size[0], 16)
            if length == 0:
                return self.buffer.find(_END, end) >= 0 or len(self.buffer) - end > MAX_HEAD
            self._chunk_at = end + 2 + length + 2
        return (self._chunk_at or 0) > (self._body_at or 0) + MAX_BODY
