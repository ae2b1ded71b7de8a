"""The real nginx with the files that ``hearthgate nginx`` writes, and clients that misuse it."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.simulator.case_client import CaseClient
from tests.simulator.processes import ROOT, Served, served
from tests.simulator.settings_files import Faces
from tests.simulator.town import ANCHOR, COUNCIL, TRUST
from tests.support.case_systems import free_port
from trust.identifiers import EntityId

START_WITHIN_S = 30.0
# What Debian's own nginx.conf says around conf.d, in a folder of the test's.
_AROUND = """
daemon off;
pid "{folder}/nginx.pid";
error_log "{folder}/nginx.log" alert;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path "{folder}/body";
    proxy_temp_path "{folder}/proxy";
    fastcgi_temp_path "{folder}/fastcgi";
    uwsgi_temp_path "{folder}/uwsgi";
    scgi_temp_path "{folder}/scgi";
    access_log off;
    include "{folder}/conf.d/*.conf";
}}
"""


def written(config: Path, *options: str) -> str:
    """Run ``hearthgate nginx`` and return what it writes."""
    command = [sys.executable, "-c", "from gateway.cli.main import main; main()", "nginx", "--config", str(config)]
    return subprocess.run([*command, *options], cwd=ROOT, check=True, capture_output=True, text=True).stdout


@contextmanager
def nginx(folder: Path, files: Sequence[str], ports: Sequence[int]) -> Iterator[None]:
    """Run nginx with these files in its ``conf.d`` until the block ends."""
    (folder / "conf.d").mkdir(parents=True)
    for number, text in enumerate(files):
        (folder / "conf.d" / f"{number}.conf").write_text(text)
    main = folder / "nginx.conf"
    main.write_text(_AROUND.format(folder=folder))
    program = program_path()
    assert program is not None
    process = subprocess.Popen([program, "-e", "stderr", "-c", str(main)], stderr=subprocess.PIPE)
    try:
        for port in ports:
            _wait(process, port)
        yield
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert said == b""


def program_path() -> str | None:
    """Return where nginx is, which Debian puts where only root's path leads."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_ports(count: int) -> list[int]:
    """Return ports on which no process listens."""
    return [free_port() for _ in range(count)]


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                _, said = process.communicate(timeout=5)
                raise RuntimeError(f"nginx did not start: {said.decode()}") from None
            time.sleep(0.05)
        else:
            return


def tls(port: int, host: str, ca: Path) -> ssl.SSLSocket:
    """Open a connection whose certificate proves ``host``."""
    context = ssl.create_default_context(cafile=str(ca))
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 30), server_hostname=host)


def said(sock: ssl.SSLSocket) -> bytes:
    """Read until the other end closes. Raises :class:`TimeoutError` where it does not."""
    data = b""
    with suppress(ConnectionError, ssl.SSLError):
        while piece := sock.recv(65_536):
            data += piece
    return data


@contextmanager
def slow_headers(count: int, port: int, host: str, ca: Path) -> Iterator[list[ssl.SSLSocket]]:
    """Keep so many connections busy with headers that never end, one byte now and then; a cut one is left cut."""
    sockets = [tls(port, host, ca) for _ in range(count)]
    for sock in sockets:
        sock.sendall(f"GET /.well-known/openid-federation HTTP/1.1\r\nHost: {host}\r\nX-Slow: ".encode())
    done = Event()

    def drip() -> None:
        while not done.wait(0.5):
            for sock in sockets:
                with suppress(OSError):
                    sock.sendall(b"x")

    dripping = Thread(target=drip)
    dripping.start()
    try:
        yield sockets
    finally:
        done.set()
        dripping.join()
        for sock in sockets:
            sock.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A federation whose anchor and nodes are reached through nginx alone; ``logs`` is where that writes."""

    federation: Served
    logs: Path
    client: CaseClient

    def open(self, entity: EntityId = TRUST, name: str | None = None) -> ssl.SSLSocket:
        host = entity.removeprefix("https://")
        port = int(self.federation.faces[entity].peer.rpartition(":")[2])
        return tls(port, name or host, self.federation.authority.certificate)

    def answer(self, request: str, entity: EntityId = TRUST) -> bytes:
        with self.open(entity) as sock:
            sock.sendall(request.replace("\n", "\r\n").replace("HOST", entity.removeprefix("https://")).encode())
            return said(sock)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Put nginx before the anchor, before both nodes' peer faces, and before the council's case face."""
    folder = tmp_path_factory.mktemp("behind")
    ports = dict(zip((ANCHOR, COUNCIL, TRUST, "case"), free_ports(4), strict=True))
    with served(folder, [COUNCIL, TRUST], threads=4) as federation:
        federation.network.agree()
        client = federation.network.case_client(COUNCIL)
        listening, moved = federation.faces, {}
        files = []
        for entity in (ANCHOR, COUNCIL, TRUST):
            own = ["--listen", f"127.0.0.1:{ports[entity]}", "--logs", str(folder)]
            own += ["--ca", str(federation.authority.certificate)]
            own += ["--case-listen", f"127.0.0.1:{ports['case']}"] if entity == COUNCIL else []
            files.append(written(federation.network.folder_of(entity) / "hearthgate.toml", *own))
            moved[entity] = replace(listening[entity], peer=f"127.0.0.1:{ports[entity]}")
        moved[COUNCIL] = replace(moved[COUNCIL], case=f"127.0.0.1:{ports['case']}")
        for entity in (COUNCIL, TRUST):
            _lead_elsewhere(federation.network.folder_of(entity) / "hearthgate.toml", entity, listening, moved)
        with nginx(folder / "nginx", files, list(ports.values())):
            federation.start(ANCHOR, COUNCIL, TRUST)
            federation.faces = moved
            yield Behind(federation=federation, logs=folder, client=client)


def _lead_elsewhere(
    config: Path, entity: EntityId, listening: Mapping[EntityId, Faces], moved: Mapping[EntityId, Faces]
) -> None:
    """Have a node's ``[hosts]`` lead to nginx for everybody but itself."""
    text = config.read_text()
    for other in moved.keys() - {entity}:
        text = text.replace(listening[other].peer, moved[other].peer)
    config.write_text(text)
