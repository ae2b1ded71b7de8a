"""A tunnel through the agency's one proxy: HTTP ``CONNECT`` (RFC 9110 section 9.3.6), to a numeric address only.

The proxy is asked for an address that was checked here, never for a name: an address that the proxy resolved would be
unchecked, and a stranger's name could lead it to the agency's own hosts. TLS runs inside, so a proxy that connects
somewhere else reaches nothing that can prove the peer's name, and reads nothing.
"""

import re
import socket
from base64 import b64encode
from dataclasses import dataclass, field

from gateway.peers.errors import DeadlineExceeded, InvalidResponse, ResponseTooLarge, Unreachable, remaining
from gateway.peers.ssrf import HostAddress

MAX_HEAD = 8192
MAX_CREDENTIALS = 512

_STEP = 4096
_STATUS = re.compile(rb"HTTP/1\.[01] ([2-5][0-9]{2})(?: [\x20-\x7e\x80-\xff\t]*)?\r\n")
_CREDENTIALS = re.compile(r"[\x21-\x39\x3b-\x7e]+:[\x20-\x7e]+")
_TUNNEL = range(200, 300)
_CREDENTIALS_WANTED = 407


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Where the proxy is, and the value of ``Proxy-Authorization`` where it wants one."""

    place: HostAddress
    authorization: str | None = field(default=None, repr=False)


def basic_authorization(credentials: str) -> str:
    """Return ``user:password`` as a header's value (RFC 7617). Raises :class:`ValueError`, which does not repeat it."""
    if len(credentials) > MAX_CREDENTIALS or not _CREDENTIALS.fullmatch(credentials):
        raise ValueError("the proxy's credentials are one line of plain characters, user:password")
    return f"Basic {b64encode(credentials.encode('ascii')).decode('ascii')}"


def open_tunnel(sock: socket.socket, target: HostAddress, proxy: Proxy, *, deadline: float) -> None:
    """Ask the proxy at the other end of ``sock`` to connect it with ``target``.

    Of the response's head only the status counts: a tunnel has no body, also where the head states one.
    Raises :class:`TransportError`, :class:`OSError`.
    """
    authority = f"[{target.address}]:{target.port}" if ":" in target.address else f"{target.address}:{target.port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    sock.settimeout(remaining(deadline))
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    status = _status(_head(sock, deadline))
    if status == _CREDENTIALS_WANTED:
        raise Unreachable("the proxy wants other credentials; see [proxy] in the configuration")
    if status not in _TUNNEL:
        raise Unreachable(f"the proxy did not connect (status {status})")


def _head(sock: socket.socket, deadline: float) -> bytes:
    """Read to the empty line and not a byte further: in TLS the client speaks first, so more is not from the peer."""
    head = b""
    while (end := head.find(b"\r\n\r\n")) < 0:
        if len(head) > MAX_HEAD:
            raise ResponseTooLarge("the proxy's answer is larger than its cap")
        sock.settimeout(remaining(deadline))
        try:
            data = sock.recv(_STEP)
        except TimeoutError as failed:
            raise DeadlineExceeded("the proxy did not answer within the time") from failed
        if not data:
            raise Unreachable("the proxy closed the connection")
        head += data
    if len(head) > end + 4:
        raise InvalidResponse("the proxy sent more than an answer")
    return head


def _status(head: bytes) -> int:
    status = _STATUS.match(head)
    if status is None:
        raise InvalidResponse("the proxy's answer is not one of HTTP")
    return int(status[1])
