"""A TLS server and a CONNECT proxy that send any bytes of a test, and count connections."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from time import sleep
from typing import cast

Behaviour = Callable[["Visit"], None]
ProxyBehaviour = Callable[["Asked"], None]


class Speaker:
    """The server's end of one connection, until the test ends."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self.sock = sock
        self.stopping = stopping

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


class Visit(Speaker):
    """One request on one connection, read completely; ``again`` waits for the next on the same connection."""

    def __init__(self, sock: ssl.SSLSocket, stopping: threading.Event) -> None:
        super().__init__(sock, stopping)
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


def answer(body: bytes, *, status: str = "200 OK", content_type: str = "application/jwt", extra: str = "") -> bytes:
    """Write a well-formed answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode("ascii") + body


class _Listener:
    """A listener on loopback that serves each connection in a thread of its own; ``connections`` counts them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.stopping = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._met, args=(raw,))
            self._threads.append(thread)
            thread.start()

    def _met(self, raw: socket.socket) -> None:
        with raw, suppress(OSError, ValueError):
            raw.settimeout(5)
            self.meet(raw)

    def meet(self, raw: socket.socket) -> None:
        """Do what this listener does with a connection."""
        raise NotImplementedError

    def stop(self) -> None:
        """End every thread."""
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(6)


class HostileServer(_Listener):
    """A TLS server; ``requests`` are the complete requests that came, over all its ``connections``."""

    def __init__(self, behaviour: Behaviour, files: tuple[Path, Path]) -> None:
        self._behaviour = behaviour
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(*files)
        self.requests: list[bytes] = []
        super().__init__()

    def meet(self, raw: socket.socket) -> None:
        with self._tls.wrap_socket(raw, server_side=True) as sock:
            visit = Visit(sock, self.stopping)
            while visit.again():
                self.requests.append(visit.head + b"\r\n\r\n" + visit.body)
                self._behaviour(visit)


class Asked(Speaker):
    """One connection to a proxy, whose head (``CONNECT ...``) was read."""

    def __init__(self, sock: socket.socket, head: bytes, stopping: threading.Event) -> None:
        super().__init__(sock, stopping)
        self.head = head

    def tunnel(self, port: int, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        """Say that there is a tunnel, and forward bytes to a port on loopback and back until either end closes."""
        with socket.create_connection(("127.0.0.1", port), 5) as far, DefaultSelector() as selector:
            self.say(answer)
            selector.register(self.sock, EVENT_READ, far)
            selector.register(far, EVENT_READ, self.sock)
            while not self.stopping.is_set():
                for key, _ in selector.select(0.1):
                    data = cast("socket.socket", key.fileobj).recv(65_536)
                    if not data:
                        return
                    key.data.sendall(data)


class ConnectProxy(_Listener):
    """An HTTP proxy without TLS; ``heads`` are what it was asked, over all its ``connections``."""

    def __init__(self, behaviour: ProxyBehaviour, until: bytes) -> None:
        self._behaviour = behaviour
        self._until = until
        self.heads: list[bytes] = []
        super().__init__()

    def meet(self, raw: socket.socket) -> None:
        head = b""
        while self._until not in head:
            came = raw.recv(65_536)
            if not came:
                return
            head += came
        self.heads.append(head)
        self._behaviour(Asked(raw, head, self.stopping))


@contextmanager
def serving(behaviour: Behaviour, files: tuple[Path, Path]) -> Iterator[HostileServer]:
    """Run a server for as long as the block lasts."""
    server = HostileServer(behaviour, files)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def proxying(behaviour: ProxyBehaviour, *, until: bytes = b"\r\n\r\n") -> Iterator[ConnectProxy]:
    """Run a proxy for as long as the block lasts; it acts when it has read so far (``b""``: at once)."""
    proxy = ConnectProxy(behaviour, until)
    try:
        yield proxy
    finally:
        proxy.stop()
