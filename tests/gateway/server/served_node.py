"""A node served by its own processes, reached over real sockets."""

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path

from tests.gateway.serving import DPOP_KEY, OAUTH_KEY
from tests.simulator.callers import Caller
from tests.simulator.clocks import RunningClock
from tests.simulator.faces import PEER_TOKEN_URL, Node
from tests.simulator.town import COUNCIL, HOUSING
from tests.support.case_systems import free_port
from tests.support.tls import make_authority
from trust.keys import KeyUse, LocalSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A served node. ``ports`` are those of the peer, case and operations faces."""

    process: subprocess.Popen[bytes]
    folder: Path
    ports: tuple[int, int, int]
    tls: ssl.SSLContext

    def raw(self, *parts: bytes, face: int = 0) -> bytes:
        """Send bytes as they are and return all that comes back until the node closes."""
        with socket.create_connection(("127.0.0.1", self.ports[face]), timeout=15) as plain:
            connection = plain if face == 2 else self.tls.wrap_socket(plain, server_hostname="council.example")
            with connection:
                for part in parts:
                    connection.sendall(part)
                return b"".join(iter(lambda: _received(connection), b""))

    def connection(self) -> HTTPSConnection:
        return HTTPSConnection("127.0.0.1", self.ports[0], context=self.tls, timeout=15)

    def member(self) -> Caller:
        keys = [
            LocalSigner.from_pem((self.folder / name).read_bytes(), use)
            for name, use in ((OAUTH_KEY, KeyUse.OAUTH), (DPOP_KEY, KeyUse.DPOP))
        ]
        http = Node(self.folder).peer_app().test_client()
        return Caller(
            client_id=HOUSING,
            issuer=COUNCIL,
            token_url=PEER_TOKEN_URL,
            http=http,
            clock=RunningClock(),
            oauth=keys[0],
            dpop=keys[1],
        )

    def family(self) -> list[int]:
        """Return the process ids of the parent's children and grandchildren."""
        children = child_ids(self.process.pid)
        return children + [grandchild for child in children for grandchild in child_ids(child)]


HALF = b"POST /oauth/v1/token HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab"


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except (ConnectionResetError, ssl.SSLEOFError):
        return b""


def child_ids(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    return [int(child) for child in found.split()]


def until_the_end(connection: ssl.SSLSocket) -> bytes:
    whole = b""
    while received := connection.recv(65536):
        whole += received
    return whole


ROOT = Path(__file__).resolve().parents[3]


START_WITHIN_S = 30.0


END_WITHIN_S = 30.0


@contextmanager
def served(folder: Path, started: str = "ready") -> Iterator[Running]:
    authority = make_authority(folder)
    authority.issue("council.example", "127.0.0.1")
    ports = free_port(), free_port(), free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.gateway.serving", str(folder), *map(str, ports)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    tls = ssl.create_default_context(cafile=str(authority.certificate))
    tls.check_hostname = False
    try:
        wait_until(lambda: (folder / started).exists() or process.poll() is not None, START_WITHIN_S)
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        yield Running(process=process, folder=folder, ports=ports, tls=tls)
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: object, within_s: float) -> None:
    assert callable(condition)
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
