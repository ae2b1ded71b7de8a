"""Single-use identifiers on one machine: a file beside the store that trades a little durability for a fast claim.

With ``synchronous = NORMAL`` a claim survives the death of every process but not that of the machine. So the file
remembers which start of the machine it was used in; after another one, identifiers that could have been claimed
before it are refused, whether their claims were lost or not.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from pysqlite3 import dbapi2
from sqlalchemy import bindparam, delete, select, tuple_
from sqlalchemy.schema import CreateIndex, CreateTable

from gateway.ports import StoreBusy, StoreFull
from gateway.store.engine.per_process import PerProcess
from gateway.store.engine.sqlite_files import SqliteConnection, SqliteFiles, connect, create_in_wal_mode, error_code
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import to_microseconds
from gateway.store.schema import claims, claims_metadata, claims_start

T = TypeVar("T")

ACCEPTED_AHEAD = timedelta(seconds=10)
"""How far in the future an identifier may be dated when it is claimed (the profile's section 2)."""

_WAIT_S = 5.0
_PAUSE_S = 0.0002

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_CLAIM = Statement(insertion(claims).on_conflict_do_nothing(index_elements=["space", "key"])).sqlite
_CLAIMED = Statement(
    select(claims.c.key).where(claims.c.space == bindparam("space"), claims.c.key == bindparam("key"))
).sqlite
_FIND_START = Statement(select(claims_start.c.machine_start, claims_start.c.not_before)).sqlite
_NOTE_START = Statement(
    insertion(claims_start).on_conflict_do_update(
        index_elements=["only"],
        set_={"machine_start": bindparam("machine_start"), "not_before": bindparam("not_before")},
    )
).sqlite
_EXPIRED = select(claims.c.space, claims.c.key).where(claims.c.expires <= bindparam("now")).limit(bindparam("batch"))
_ERASE = Statement(delete(claims).where(tuple_(claims.c.space, claims.c.key).in_(_EXPIRED))).sqlite


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineStart:
    """Which start of the machine this is, none where that cannot be told, and how long ago it was."""

    id: str | None
    ago: timedelta


def read_machine_start() -> MachineStart:
    """Ask the kernel."""
    ago = timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME))
    try:
        return MachineStart(id=_BOOT_ID.read_text(encoding="ascii").strip(), ago=ago)
    except OSError:
        return MachineStart(id=None, ago=ago)


class SqliteClaims:
    """Claims shared by all processes of a node on one machine (:class:`gateway.ports.ClaimStore`).

    Opens nothing until the first claim. ``started_at`` is when this node started.
    """

    def __init__(self, files: SqliteFiles, *, started_at: datetime, machine_start: MachineStart | None = None) -> None:
        start = machine_start or read_machine_start()
        self._connections = PerProcess(lambda: _ClaimsConnection(files.claims, started_at, start))

    def claim(self, *, space: str, key: str, issued_at: datetime, expires: datetime, now: datetime) -> bool:
        """Return true to exactly one caller for a (space, key) until ``expires``."""
        connection = self._connections.get()
        if expires <= now or to_microseconds(issued_at) < connection.not_before():
            return False
        values = {"space": space, "key": key, "expires": to_microseconds(expires)}
        return connection.run(_CLAIM.sql, values) == 1

    def claimed(self, *, space: str, key: str, issued_at: datetime) -> bool:
        """Tell whether a (space, key) was claimed, or may have been before claims were lost."""
        connection = self._connections.get()
        lost = to_microseconds(issued_at) < connection.not_before()
        return lost or connection.exists(_CLAIMED.sql, _CLAIMED.bind({"space": space, "key": key}))

    def erase_expired(self, *, now: datetime, batch: int) -> int:
        """Erase at most ``batch`` claims that expired and return how many it were."""
        return self._connections.get().run(_ERASE.sql, _ERASE.bind({"now": to_microseconds(now), "batch": batch}))

    def close(self) -> None:
        """Let go of this process's connection."""
        connection = self._connections.release()
        if connection is not None:
            connection.close()


def create_claims_file(path: Path) -> None:
    """Make the claims' file and tables, unless they exist."""
    create_in_wal_mode(path)
    connection = connect(path)
    try:
        for table in claims_metadata.sorted_tables:
            connection.execute(str(CreateTable(table, if_not_exists=True)))
            for index in table.indexes:
                connection.execute(str(CreateIndex(index, if_not_exists=True)))
    finally:
        connection.close()


def refuse_before(path: Path, not_before: datetime) -> None:
    """Have a new claims file refuse identifiers of an earlier date: another file held their claims and is lost."""
    connection = connect(path)
    try:
        start = read_machine_start().id or ""
        connection.execute(
            _NOTE_START.sql, {"only": 1, "machine_start": start, "not_before": to_microseconds(not_before)}
        )
    finally:
        connection.close()


class _ClaimsConnection:
    """One process's connection, used by one thread at a time."""

    def __init__(self, path: Path, started_at: datetime, start: MachineStart) -> None:
        self._path = path
        self._started_at = started_at
        self._start = start
        self._turn = Lock()
        self._connection: SqliteConnection | None = None
        self._not_before = 0

    def not_before(self) -> int:
        """Return the earliest date, in microseconds, of an identifier whose claim cannot have been lost."""
        if self._connection is None:
            with self._turn:
                self._connect()
        return self._not_before

    def run(self, sql: str, values: Mapping[str, Any]) -> int:
        """Run a writing statement of its own transaction and return the number of rows it touched, as :meth:`_run`."""
        return self._run(lambda connection: int(connection.execute(sql, values).rowcount))

    def exists(self, sql: str, values: Mapping[str, Any]) -> bool:
        """Tell whether a query finds anything, as :meth:`_run`."""
        return self._run(lambda connection: bool(connection.execute(sql, values).fetchall()))

    def _run(self, work: Callable[[SqliteConnection], T]) -> T:
        """Do a connection's work in its turn.

        Raises :class:`gateway.ports.StoreBusy` when other threads or processes do not let go in time.
        """
        deadline = time.monotonic() + _WAIT_S
        while True:
            if not self._turn.acquire(timeout=_WAIT_S):
                raise StoreBusy("Too many claims are waiting; try again.")
            try:
                return work(self._connect())
            except dbapi2.OperationalError as error:
                _raise_unless_busy(error, late=time.monotonic() >= deadline)
            finally:
                self._turn.release()
            time.sleep(_PAUSE_S)

    def close(self) -> None:
        """Let go of the connection."""
        with self._turn:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connect(self) -> SqliteConnection:
        """Return the connection, made where there is none yet. The caller has the turn."""
        if self._connection is not None:
            return self._connection
        connection = connect(self._path)
        self._not_before = self._record_start(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA busy_timeout = 0")
        self._connection = connection
        return connection

    def _record_start(self, connection: SqliteConnection) -> int:
        """Return the stored bound if it was noted in this start of the machine, else note and return a new one."""
        connection.execute("BEGIN IMMEDIATE")
        rows = _FIND_START.rows(connection.execute(_FIND_START.sql))
        if self._start.id is not None and rows and rows[0].machine_start == self._start.id:
            not_before = int(rows[0].not_before)
        else:
            not_before = to_microseconds(self._bound())
            values = {"only": 1, "machine_start": self._start.id or "", "not_before": not_before}
            connection.execute(_NOTE_START.sql, values)
        connection.execute("COMMIT")
        return not_before

    def _bound(self) -> datetime:
        """Return the later of this node's start, in the whole seconds of a token, and what the last start can reach."""
        machine_started_at = self._started_at - self._start.ago
        return max(self._started_at.replace(microsecond=0), machine_started_at + ACCEPTED_AHEAD)


def _raise_unless_busy(error: Exception, *, late: bool) -> None:
    code = error_code(error)
    if code == dbapi2.SQLITE_FULL:
        raise StoreFull("The disk is full; the claim was not kept.") from error
    if code != dbapi2.SQLITE_BUSY:
        raise error
    if late:
        raise StoreBusy("Another program holds the claims; try again.") from error
