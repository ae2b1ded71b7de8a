"""SQLite's files and connections: which library is good enough, and which settings keep a promise of durability."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path
from typing import Any, Protocol

from pysqlite3 import dbapi2

from gateway.store.engine.refusals import StoreUnmigrated, StoreUnsafe
from gateway.store.engine.statement import DriverCursor

OLDEST_SQLITE = (3, 51, 3)
"""Earlier ones can corrupt a database in WAL mode that several connections use (the WAL-reset bug)."""

BUSY_TIMEOUT_S = 5.0

_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA recursive_triggers = ON",  # else INSERT OR REPLACE deletes past the append-only triggers
    "PRAGMA secure_delete = ON",  # erased personal data is overwritten, not only unlinked
    "PRAGMA temp_store = MEMORY",  # no personal data in temporary files
)


class SqliteCursor(DriverCursor, Protocol):
    """The SQLite driver's cursor, which has no types of its own."""

    def execute(self, sql: str, parameters: Mapping[str, Any] = ..., /) -> "SqliteCursor":
        """Run one statement and return the cursor."""
        ...

    def fetchone(self) -> Any:
        """Return the next row."""
        ...


class SqliteConnection(Protocol):
    """The SQLite driver's connection, which has no types of its own."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is under way."""
        ...

    def cursor(self) -> SqliteCursor:
        """Return a new cursor."""
        ...

    def execute(self, sql: str, parameters: Mapping[str, Any] = ..., /) -> SqliteCursor:
        """Run one statement on a new cursor and return it."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteFiles:
    """The files of one store, all in one folder."""

    database: Path

    @property
    def claims(self) -> Path:
        """The single-use identifiers."""
        return self.database.with_name(f"{self.database.stem}-claims.db")

    @property
    def lock(self) -> Path:
        """The file that writers of different processes take turns by."""
        return self.database.with_name(f"{self.database.name}.lock")


def refuse_old_library(version: tuple[int, ...] = dbapi2.sqlite_version_info) -> None:
    """Raise :class:`StoreUnsafe` for a SQLite that is not safe with several connections."""
    if version < OLDEST_SQLITE:
        present, needed = (".".join(map(str, parts)) for parts in (version, OLDEST_SQLITE))
        raise StoreUnsafe(
            f"SQLite {present} can corrupt the store; install the pysqlite3 wheel with {needed} or later."
        )


def connect(path: Path, *, synchronous: str = "FULL") -> SqliteConnection:
    """Return a connection to an existing database in WAL mode, in charge of its own transactions.

    Raises :class:`StoreUnmigrated` where there is no file, and :class:`StoreUnsafe` where a setting did not take.
    """
    refuse_old_library()
    if not path.is_file():
        raise StoreUnmigrated(f"There is no store at {path}: run `hearthgate upgrade`.")
    connection: SqliteConnection = dbapi2.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    for pragma in (*_PRAGMAS, f"PRAGMA synchronous = {synchronous}"):
        connection.execute(pragma)
    _refuse_weak_settings(connection, synchronous)
    return connection


def connect_reader(path: Path) -> SqliteConnection:
    """Return a connection on which every attempt to write fails."""
    connection = connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def create_in_wal_mode(path: Path) -> None:
    """Create an empty database that only its owner can read, unless it exists, and set its journal mode for good."""
    refuse_old_library()
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    connection = dbapi2.connect(str(path), timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
    finally:
        connection.close()


def error_code(error: BaseException) -> int:
    """Return SQLite's primary result code, or 0 for an error that did not come from SQLite."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


class TurnLock:
    """One process at a time: an ``flock`` on a file beside the database.

    The kernel queues the waiters and wakes them at once, and lets go for a process that dies; SQLite's own lock
    would have them sleep and try again.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the lock, waiting for it as long as it takes."""
        flock(self._file, LOCK_EX)
        try:
            yield
        finally:
            flock(self._file, LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _refuse_weak_settings(connection: SqliteConnection, synchronous: str) -> None:
    expected = {
        "journal_mode": "wal",
        "synchronous": {"NORMAL": 1, "FULL": 2}[synchronous],
        "foreign_keys": 1,
        "secure_delete": 1,
    }
    weak = [name for name, value in expected.items() if connection.execute(f"PRAGMA {name}").fetchone()[0] != value]
    if weak:
        connection.close()
        raise StoreUnsafe(
            f"The store cannot keep its promises with these settings: {', '.join(weak)}. "
            "It must lie on a local disk, as `hearthgate upgrade` made it."
        )
