"""A TLS server that says whatever a test wants said, byte by byte, and counts who came."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep

Behaviour = Callable[["Visit"], None]


class Visit:
    """One request on one connection, read completely; ``again`` waits for the next on the same connection."""

    def __init__(self, sock: ssl.SSLSocket, stopping: threading.Event) -> None:
        self.sock = sock
        self.stopping = stopping
        self.head = b""
        self.body = b""

    def again(self) -> bool:
        """Read the next request; false when the client has gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            came = self.sock.recv(65_536)
            if not came:
                return False
            data += came
        self.head, _, self.body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in self.head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(self.body) < length:
            came = self.sock.recv(65_536)
            if not came:
                return False
            self.body += came
        return True

    def say(self, data: bytes) -> None:
        """Send bytes at once."""
        self.sock.sendall(data)

    def drip(self, data: bytes, *, every_s: float) -> None:
        """Send one byte at a time until the client has gone or the test has ended."""
        for byte in data:
            if self.stopping.is_set():
                return
            self.sock.sendall(bytes([byte]))
            sleep(every_s)


def answer(body: bytes, *, status: str = "200 OK", content_type: str = "application/jwt", extra: str = "") -> bytes:
    """Write a well-formed answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode("ascii") + body


class HostileServer:
    """A listener on loopback; ``connections`` counts TCP connections, ``requests`` complete requests."""

    def __init__(self, behaviour: Behaviour, files: tuple[Path, Path]) -> None:
        self._behaviour = behaviour
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(*files)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.requests: list[bytes] = []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(raw,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, raw: socket.socket) -> None:
        with raw, suppress(OSError, ValueError):
            raw.settimeout(5)
            with self._tls.wrap_socket(raw, server_side=True) as sock:
                visit = Visit(sock, self._stopping)
                while visit.again():
                    self.requests.append(visit.head + b"\r\n\r\n" + visit.body)
                    self._behaviour(visit)

    def stop(self) -> None:
        """End every thread."""
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(6)


@contextmanager
def serving(behaviour: Behaviour, files: tuple[Path, Path]) -> Iterator[HostileServer]:
    """Run a server for as long as the block lasts."""
    server = HostileServer(behaviour, files)
    try:
        yield server
    finally:
        server.stop()
