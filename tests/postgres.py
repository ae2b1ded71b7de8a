"""Private PostgreSQL servers for the tests: reachable by a Unix socket only, and gone afterwards."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy import make_url

from tests.support.memory import GIB, folder_in_memory

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
_ROOM_NEEDED = GIB // 2
_SUPERUSER = "hearthgate"


def find_server_programs() -> Path | None:
    """Return the folder with `initdb` and `postgres` (the newest Debian has), or None."""

    def version(path: Path) -> int:
        return int(path.parts[-3]) if path.parts[-3].isdigit() else 0

    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=version)
    if debian:
        return debian[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@dataclass(slots=True, kw_only=True)
class Server:
    """One server with its data in `home`, where its socket is too; `port` is a part of the socket's name."""

    programs: Path
    home: Path
    name: str = "data"
    port: int = 5432
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        # A server that is killed leaves no shared memory behind where that is a file among its data.
        settings = [f"port={self.port}", "listen_addresses=", "dynamic_shared_memory_type=mmap"]
        options = [argument for setting in settings for argument in ("-c", setting)]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.home / self.name, "-k", self.home, *options],
                cwd=self.home,
                stdout=output,
                stderr=output,
                **_as_user(),
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.ask("pg_isready", "-q") != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the test's PostgreSQL did not start: {self.log.read_text(errors='replace')}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Shut it down in order: SIGINT is PostgreSQL's fast shutdown."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Kill it with all its processes, as a machine does that loses its power."""
        if self._process is not None:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            self._process.kill()
            for child in children:
                with suppress(ProcessLookupError):  # it saw its parent end
                    os.kill(int(child), signal.SIGKILL)
            self._process.wait()

    def ask(self, program: str, *arguments: str) -> int:
        """Run one of PostgreSQL's client programs against it, and return its exit code."""
        return subprocess.run([self.programs / program, *self.where, *arguments], check=False).returncode

    @property
    def where(self) -> Sequence[str]:
        """The options of a client program that lead to it."""
        return ("-h", str(self.home), "-p", str(self.port))

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of its database."""
        return f"postgresql+psycopg://{_SUPERUSER}@/postgres?host={self.home}&port={self.port}"

    @property
    def log(self) -> Path:
        """The file with what it says."""
        return self.home / f"{self.name}.log"


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A primary whose commits wait for its one standby."""

    primary: Server
    standby: Server

    @property
    def url(self) -> str:
        """The store's URL with both hosts, of which the first takes no writes until it is promoted."""
        return (
            f"postgresql+psycopg://{_SUPERUSER}@/postgres"
            f"?host={self.standby.home},{self.primary.home}&port={self.standby.port},{self.primary.port}"
        )

    def promote(self) -> None:
        """Make the standby the server that takes writes."""
        _run(self.standby.programs / "pg_ctl", "promote", "-D", str(self.standby.home / self.standby.name), "-w")

    def wait_until_synchronous(self) -> None:
        """Wait until the primary's commits are confirmed by the standby."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while execute(self.primary, "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'") != "1":
            if time.monotonic() > deadline:
                raise RuntimeError(f"the standby did not follow: {self.standby.log.read_text(errors='replace')}")
            time.sleep(0.1)


@contextmanager
def running_server(programs: Path) -> Iterator[str]:
    """Start a server with its default, durable settings and yield an SQLAlchemy URL of an empty database in it.

    PostgreSQL refuses to run as root, so root runs it as `postgres` (or a user without rights). The data are in memory
    if there is room, which keeps commits fast without weakening the settings that the store checks.
    """
    with _home() as home:
        server = _make(programs, home)
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


@contextmanager
def running_cluster(programs: Path) -> Iterator[Cluster]:
    """Start a primary with one synchronous standby, each of them with durable settings."""
    with _home() as home:
        primary = _make(programs, home)
        standby = Server(programs=programs, home=home, name="standby", port=primary.port + 1)
        try:
            primary.start()
            copy = ["-D", str(home / standby.name), "-R", "-X", "stream", "-c", "fast", "-U", _SUPERUSER]
            _run(programs / "pg_basebackup", *primary.where, *copy, "--no-sync")
            standby.start()
            execute(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
            cluster = Cluster(primary=primary, standby=standby)
            cluster.wait_until_synchronous()
            yield cluster
        finally:
            standby.stop()
            primary.stop()


def new_database(url: str, *, copied: bool = False) -> str:
    """Make an empty database on a server, or a copy of the one at ``url``, and return its URL."""
    name = f"store_{uuid4().hex}"
    server = make_url(url)
    plain = server.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    template = f" TEMPLATE {server.database}" if copied else ""
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{template}".encode())
    return server.set(database=name).render_as_string(hide_password=False)


def execute(server: Server, *statements: str) -> str:
    """Run statements by `psql`, each by itself, and return the last one's output."""
    command = [str(server.programs / "psql"), *server.where, "-U", _SUPERUSER, "-d", "postgres", "-XAtq"]
    commands = [argument for each in statements for argument in ("-c", each)]
    ran = subprocess.run([*command, *commands], check=True, capture_output=True, text=True)
    return ran.stdout.strip()


@contextmanager
def _home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="pg-", dir=folder_in_memory(_ROOM_NEEDED)))
    try:
        user = _server_user()
        if user is not None:
            shutil.chown(home, user.pw_uid, user.pw_gid)
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _make(programs: Path, home: Path) -> Server:
    server = Server(programs=programs, home=home)
    options = ["-U", _SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    _run(programs / "initdb", "-D", str(home / server.name), *options)
    return server


def _server_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _as_user() -> dict[str, Any]:
    user = _server_user()
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _run(program: Path, *arguments: str) -> None:
    subprocess.run([program, *arguments], cwd="/", check=True, capture_output=True, **_as_user())
