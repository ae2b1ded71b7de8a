"""A pooler before a PostgreSQL server, as far as its start-up goes: it refuses or drops what a session asks for.

Everything after the start-up packet is passed on to the real server, which listens at a Unix socket only.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from enum import Enum
from urllib.parse import parse_qs, urlsplit

_SECRETS = frozenset({80877103, 80877104})  # SSLRequest and GSSENCRequest, protocol 3.0, section 55.7
_VERSION = 196608


class Refusal(Enum):
    """What the pooler does with the parameter ``options`` of a session."""

    REFUSED = "unsupported startup parameter: options"
    DROPPED = ""


@contextmanager
def pooler(url: str, refusal: Refusal) -> Iterator[str]:
    """Run the pooler for the server at ``url``, and yield the URL of the pooler."""
    folder = parse_qs(urlsplit(url).query)["host"][0]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, f"{folder}/.s.PGSQL.5432", refusal), daemon=True)
        thread.start()
        yield f"postgresql://hearthgate@127.0.0.1:{listener.getsockname()[1]}/postgres?sslmode=disable"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _serve(listener: socket.socket, server: str, refusal: Refusal) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_session, args=(client, server, refusal), daemon=True).start()


def _session(client: socket.socket, server: str, refusal: Refusal) -> None:
    with closing(client), suppress(OSError), closing(socket.socket(socket.AF_UNIX)) as upstream:
        wanted = _startup(client)
        if wanted.pop("options", None) is not None and refusal is Refusal.REFUSED:
            client.sendall(_fatal(refusal.value))
            return
        upstream.connect(server)
        upstream.sendall(_packet(wanted))
        back = threading.Thread(target=_pass_on, args=(upstream, client), daemon=True)
        back.start()
        _pass_on(client, upstream)
        back.join(5)


def _startup(client: socket.socket) -> dict[str, str]:
    while True:
        (length,) = struct.unpack("!i", _exactly(client, 4))
        body = _exactly(client, length - 4)
        (code,) = struct.unpack("!i", body[:4])
        if code not in _SECRETS:
            break
        client.sendall(b"N")
    words = body[4:].rstrip(b"\0").decode().split("\0")
    return dict(zip(words[::2], words[1::2], strict=True))


def _packet(wanted: dict[str, str]) -> bytes:
    words = "".join(f"{name}\0{value}\0" for name, value in wanted.items()).encode() + b"\0"
    return struct.pack("!ii", len(words) + 8, _VERSION) + words


def _fatal(message: str) -> bytes:
    fields = f"SFATAL\0VFATAL\0C08P01\0M{message}\0\0".encode()
    return b"E" + struct.pack("!i", len(fields) + 4) + fields


def _exactly(client: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = client.recv(size - len(found))
        if not more:
            raise ConnectionError
        found += more
    return found


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
