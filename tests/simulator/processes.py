"""A federation of real processes: made in memory as in tests/federation, then served by the real command over TLS."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import requests

from tests.simulator.case_client import FORM, CaseClient
from tests.simulator.clocks import RunningClock
from tests.simulator.network import Network, federation_keys
from tests.simulator.settings_files import Around, Faces, write_anchor, write_node
from tests.simulator.town import ANCHOR, BY_ENTITY
from tests.support.case_systems import free_port
from tests.support.tls import Authority, make_authority
from trust.identifiers import EntityId

ROOT = Path(__file__).resolve().parents[2]
START_WITHIN_S = 90.0
END_WITHIN_S = 60.0
TIMEOUT_S = 60.0
_COMMAND = (sys.executable, "-c", "from gateway.cli import main; main()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the JSON object in it."""
        document: dict[str, Any] = json.loads(self.body)
        return document


@dataclass(slots=True, kw_only=True)
class Process:
    """One ``hearthgate serve``, with what it said."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """Return its standard output and error so far."""
        return self.log.read_text(errors="replace")

    def wait_ready(self) -> None:
        """Wait until it says that it is running."""
        end = time.monotonic() + START_WITHIN_S
        while "is running." not in self.said():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"it did not start:\n{self.said()}")
            time.sleep(0.05)

    def descendants(self) -> list[int]:
        """Return the process ids of its arbiters and workers."""
        children = _children(self.process.pid)
        return children + [each for child in children for each in _children(child)]

    def workers(self, face: int = 0) -> list[int]:
        """Return the process ids of one face's workers; the faces are in the order in which they were started."""
        return _children(_children(self.process.pid)[face])

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_WITHIN_S)


@dataclass(slots=True, kw_only=True)
class Served:
    """The processes of a federation, and how to reach them."""

    network: Network
    authority: Authority
    faces: Mapping[EntityId, Faces]
    processes: dict[EntityId, Process] = field(default_factory=dict)

    def start(self, *entities: EntityId) -> None:
        """Start these and wait until each is ready, and vouched for where the anchor runs."""
        for entity in entities:
            self.processes[entity] = start(self.network.folder_of(entity))
        for entity in entities:
            self.processes[entity].wait_ready()
        if ANCHOR in self.processes:
            for entity in entities:
                wait_healthy(self.faces[entity].operations)

    def stop(self) -> None:
        """Stop every process that still runs."""
        for each in self.processes.values():
            if each.process.poll() is None:
                each.process.terminate()
        for each in self.processes.values():
            try:
                each.process.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                each.process.kill()
                each.process.wait()

    def call(
        self, url: str, *, method: str = "POST", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request on a connection of its own, with the certificate checked for the host's name."""
        host, _, path = url.removeprefix("https://").partition("/")
        connection = _Connection(host, self._address(host), self.authority.certificate)
        try:
            connection.request(method, "/" + path, body=body or None, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(status=response.status, body=response.read())
        finally:
            connection.close()

    def _address(self, host: str) -> tuple[str, int]:
        entity = EntityId(f"https://{host.removeprefix('node.')}")
        bind = self.faces[entity].case if host.startswith("node.") else self.faces[entity].peer
        address, _, port = bind.rpartition(":")
        return address, int(port)

    def case_token(self, client: CaseClient) -> str:
        """Get a token for a case system that was registered in memory."""
        answer = self.call(
            client.base_url + "/oauth/v1/token", body=client.token_form(), headers={"Content-Type": FORM}
        )
        assert answer.status == 200, answer.body
        return str(answer.json()["access_token"])

    def look_up(self, client: CaseClient, *, token: str | None = None, **changes: Any) -> dict[str, Any]:
        """Start a lookup over TLS and return it once it is complete."""
        headers = {"Authorization": f"Bearer {token or self.case_token(client)}"}
        body = json.dumps(client.body(**{"wait_s": 30.0, **changes})).encode()
        answer = self.call(
            client.base_url + "/case/v1/lookups",
            body=body,
            headers={**headers, "Idempotency-Key": token_urlsafe(16), "Content-Type": "application/json"},
        )
        assert answer.status in {201, 202}, answer.body
        view = answer.json()
        end = time.monotonic() + TIMEOUT_S
        while view["state"] != "complete" and time.monotonic() < end:
            url = f"{client.base_url}/case/v1/lookups/{view['id']}"
            view = self.call(url, method="GET", headers=headers).json()
        assert view["state"] == "complete"
        return view


class _Connection(HTTPSConnection):
    """Connect to an address of ours and have the certificate prove another name."""

    def __init__(self, name: str, address: tuple[str, int], ca: Path) -> None:
        self._tls = ssl.create_default_context(cafile=str(ca))
        super().__init__(name, context=self._tls, timeout=TIMEOUT_S)
        self._address = address

    def connect(self) -> None:
        plain = socket.create_connection(self._address, timeout=TIMEOUT_S)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


@contextmanager
def served(
    folder: Path,
    entities: Iterable[EntityId],
    *,
    workers: int = 1,
    threads: int = 8,
    limits: Mapping[str, float] | None = None,
) -> Iterator[Served]:
    """Make a federation; the test agrees, registers its case systems, and starts the nodes that it needs."""
    asked = list(entities)
    tls = folder / "tls"
    tls.mkdir()
    authority = make_authority(tls)
    network = Network(folder, [BY_ENTITY[entity] for entity in asked], clock=RunningClock())
    faces = {entity: free_faces(entity, authority, workers=workers, threads=threads) for entity in (ANCHOR, *asked)}
    around = Around(
        anchor_keys=federation_keys(network.anchor.vault),
        hosts={entity.removeprefix("https://"): faces[entity].peer for entity in faces},
        ca=authority.certificate,
        limits={"lookup_s": 30.0, "peer_s": 10.0, "case_system_s": 9.0, **(limits or {})},
    )
    write_anchor(network.folder_of(ANCHOR), faces[ANCHOR])
    for entity in asked:
        write_node(network.folder_of(entity), BY_ENTITY[entity], around, faces[entity])
    federation = Served(network=network, authority=authority, faces=faces)
    try:
        yield federation
    finally:
        federation.stop()
        network.close()


def start(folder: Path) -> Process:
    """Run ``hearthgate serve`` for the configuration in a folder."""
    log = folder / "serve.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*_COMMAND, "serve", "--config", str(folder / "hearthgate.toml")],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    return Process(process=process, log=log)


def wait_healthy(operations: str) -> None:
    """Wait until a node says that it can work: a busy machine may have kept it from its anchor at first."""
    end = time.monotonic() + 120
    while True:
        try:
            requests.get(f"http://{operations}/health/ready", timeout=10).raise_for_status()
        except requests.RequestException:
            assert time.monotonic() < end
            time.sleep(0.2)
        else:
            return


def free_faces(entity: EntityId, authority: Authority, *, workers: int = 1, threads: int = 16) -> Faces:
    """Return free ports for an entity, and a certificate for its names."""
    host = entity.removeprefix("https://")
    peer, case, operations = (f"127.0.0.1:{free_port()}" for _ in range(3))
    return Faces(
        peer=peer,
        case=case,
        operations=operations,
        tls=authority.issue(host, f"node.{host}"),
        workers=workers,
        threads=threads,
    )


def _children(pid: int) -> list[int]:
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(each) for each in listed.split()]
