"""A TCP proxy whose connections fail as those of a network do: refused, half-open, or cut in the middle."""

import socket
import threading
from contextlib import closing, suppress
from enum import Enum
from typing import Final

_STEP: Final = 16_384
_CUT_AFTER: Final = 700
"""Bytes of an answer that come before a cut: the handshake of TLS is longer, and so is an answer after it."""


class Wire(Enum):
    """What a connection meets."""

    SOUND = "sound"
    REFUSED = "refused"
    HALF_OPEN = "half-open"
    CUT = "cut"


class FaultProxy:
    """Listen on a port of this machine and pass on to another, as far as ``wire`` lets it."""

    def __init__(self, port: int) -> None:
        self.wire = Wire.SOUND
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def fail(self, wire: Wire) -> None:
        """Change what connections meet. Those that are open are cut, or hang, as new ones do."""
        self.wire = wire
        if wire in {Wire.REFUSED, Wire.CUT}:
            for each in tuple(self._open):
                _end(each)

    def close(self) -> None:
        """Listen no more, and cut what is open."""
        self.fail(Wire.REFUSED)
        _end(self._listener)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(client,), daemon=True).start()

    def _connection(self, client: socket.socket) -> None:
        with closing(client), suppress(OSError):
            if self.wire is Wire.REFUSED:
                return
            with closing(socket.create_connection(("127.0.0.1", self._to), timeout=5)) as server:
                server.settimeout(None)
                self._open |= {client, server}
                try:
                    there = threading.Thread(target=self._pass_on, args=(client, server), daemon=True)
                    there.start()
                    self._pass_on(server, client)
                    there.join(5)
                finally:
                    self._open -= {client, server}

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        """Pass on what comes, until an end; a half-open connection takes everything and gives nothing."""
        passed = 0
        with suppress(OSError):
            while came := source.recv(_STEP):
                if self.wire is Wire.HALF_OPEN:
                    continue
                passed += len(came)
                if self.wire is Wire.CUT and passed > _CUT_AFTER:
                    break
                target.sendall(came)
        _end(target)
        _end(source)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
