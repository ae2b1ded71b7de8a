"""A private PostgreSQL server for the tests: made for one session, reachable by a Unix socket only, gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder in it
_ROOM_NEEDED = 512 * 1024 * 1024


def find_server_programs() -> Path | None:
    """Return the folder with `initdb` and `postgres` (the newest Debian has), or None."""

    def version(path: Path) -> int:
        return int(path.parts[-3]) if path.parts[-3].isdigit() else 0

    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=version)
    if debian:
        return debian[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def running_server(programs: Path) -> Iterator[str]:
    """Start a server with its default, durable settings and yield an SQLAlchemy URL of an empty database in it.

    PostgreSQL refuses to run as root, so root runs it as `postgres` (or a user without rights). The data are in memory
    if there is room, which keeps commits fast without weakening the settings that the store checks.
    """
    home = Path(tempfile.mkdtemp(prefix="pg-", dir=_folder_with_room()))
    try:
        user = _server_user()
        if user is not None:
            shutil.chown(home, user.pw_uid, user.pw_gid)
        _run(programs / "initdb", home, user)
        log = home / "log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                [programs / "postgres", "-D", home / "data", "-k", home, "-c", "listen_addresses="],
                cwd=home,
                stdout=output,
                stderr=output,
                **_as_user(user),
            )
        try:
            _wait_until_ready(programs, home, server, log)
            yield f"postgresql+psycopg://hearthgate@/postgres?host={home}"
        finally:
            _stop(server)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _folder_with_room() -> Path | None:
    if _SHARED_MEMORY.is_dir() and shutil.disk_usage(_SHARED_MEMORY).free > _ROOM_NEEDED:
        return _SHARED_MEMORY
    return None


def _server_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _run(initdb: Path, home: Path, user: pwd.struct_passwd | None) -> None:
    subprocess.run(
        [initdb, "-D", home / "data", "-U", "hearthgate", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        cwd=home,
        check=True,
        capture_output=True,
        **_as_user(user),
    )


def _wait_until_ready(programs: Path, home: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while subprocess.run([programs / "pg_isready", "-q", "-h", home], check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the test's PostgreSQL did not start: {log.read_text(errors='replace')}")
        time.sleep(0.1)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(2)  # SIGINT is PostgreSQL's fast shutdown
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
