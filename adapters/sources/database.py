"""Ask a case system's database a question: read-only, within a deadline, on one connection for each thread.

Connections are opened at first use and never cross a fork or a thread. A database that cannot be asked is
:class:`SourceUnavailable`; the driver's own words are left out, because they can quote a row.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import local
from time import sleep
from typing import Any, Final, Protocol
from urllib.parse import quote

import psycopg
import pysqlite3.dbapi2 as sqlite
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.contract import AdapterError, Deadline, SourceNonsense, SourceUnavailable
from adapters.sources.secret_file import read_secret

Row = Sequence[Any]

_STEPS_BETWEEN_LOOKS: Final = 20_000
"""SQLite instructions, about a millisecond of work, between two looks at the deadline."""
_LOCKED_PAUSE_S: Final = 0.005
_SERVER_STOPS_MS: Final = 15_000
"""When PostgreSQL itself gives up on a question whose asker has long gone."""


class Database(Protocol):
    """One case system's database."""

    def quoted(self, name: str) -> str:
        """Return a table's or column's name as it stands in a statement; a wrong name must be an error, not a text."""
        ...

    def place(self, number: int) -> str:
        """Return what stands in a statement for the parameter ``number``, counted from 1."""
        ...

    def ask(self, statement: str, parameters: Sequence[object], *, deadline: Deadline) -> Sequence[Row]:
        """Run one reading statement. Raises :class:`AdapterError`."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    """One thread's connection, and of which process and file it is."""

    connection: Any
    belongs_to: object


class _PerThread(local):
    """What one thread keeps between two questions."""

    kept: _Kept | None = None


class SqliteFile:
    """A case system in an SQLite file; a file that was replaced by another is opened anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine = _PerThread()

    def quoted(self, name: str) -> str:
        """Quote with brackets: SQLite takes an unknown name in double quotes for a text."""
        return ".".join(f"[{part}]" for part in name.split("."))

    def place(self, number: int) -> str:
        """Return a numbered question mark."""
        return f"?{number}"

    def ask(self, statement: str, parameters: Sequence[object], *, deadline: Deadline) -> Sequence[Row]:
        """Run one reading statement, waiting for a writer's lock until the deadline."""
        while True:
            if deadline.remaining_s() <= 0:
                raise SourceUnavailable(f"The database {self._path.name} did not answer in time.")
            connection = self._connection()
            connection.set_progress_handler(lambda: deadline.remaining_s() <= 0, _STEPS_BETWEEN_LOOKS)
            try:
                return list(connection.execute(statement, tuple(parameters)).fetchall())
            except sqlite.Error as error:
                code = getattr(error, "sqlite_errorcode", None)
                if code not in {sqlite.SQLITE_BUSY, sqlite.SQLITE_LOCKED, sqlite.SQLITE_INTERRUPT}:
                    raise self._refusal(error) from None
            sleep(min(_LOCKED_PAUSE_S, deadline.remaining_s()))

    def _connection(self) -> Any:  # noqa: ANN401 - pysqlite3 ships no types
        try:
            status = self._path.stat()
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            raise SourceUnavailable(f"The database {self._path.name} cannot be opened: {reason}.") from None
        belongs_to = (os.getpid(), status.st_dev, status.st_ino)
        kept = self._mine.kept
        if kept is None or kept.belongs_to != belongs_to:
            kept = self._mine.kept = _Kept(self._open(), belongs_to)
        return kept.connection

    def _open(self) -> Any:  # noqa: ANN401 - pysqlite3 ships no types
        try:
            connection = sqlite.connect(
                f"file:{quote(str(self._path))}?mode=ro",
                uri=True,
                timeout=0,
                isolation_level=None,
                check_same_thread=False,  # only its own thread uses it, but any may be the one to close it
            )
            connection.execute("PRAGMA query_only = ON")
        except sqlite.Error as error:
            raise self._refusal(error) from None
        return connection

    def _refusal(self, error: sqlite.Error) -> AdapterError:
        """Choose the error by SQLite's code; its text may quote what the row holds."""
        code = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
        if code == "SQLITE_ERROR":
            return SourceNonsense(
                f"The database {self._path.name} does not have the tables or columns that the settings name; "
                "run `hearthgate adapter check`."
            )
        return SourceUnavailable(f"The database {self._path.name} cannot be read ({code}).")


class _BoundedConnection(psycopg.Connection[Row]):
    """A connection whose every wait for the server ends by a deadline, even when the server has stopped answering."""

    deadline: Deadline | None = None

    def __del__(self, *_unused: object) -> None:
        self.close()  # with its thread, without psycopg's warning; no fork inherits one

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait no longer than the deadline."""
        return super().wait(gen, interval, timeout if self.deadline is None else self.deadline.remaining_s())


class PostgresServer:
    """A case system in PostgreSQL; ``url`` has no password, which is read from ``password_file`` at connecting."""

    def __init__(self, url: str, *, password_file: Path | None) -> None:
        self._url = url
        self._password_file = password_file
        self._mine = _PerThread()

    def quoted(self, name: str) -> str:
        """Quote as the standard says."""
        return ".".join(f'"{part}"' for part in name.split("."))

    def place(self, number: int) -> str:
        """Return PostgreSQL's own numbered parameter."""
        return f"${number}"

    def ask(self, statement: str, parameters: Sequence[object], *, deadline: Deadline) -> Sequence[Row]:
        """Run one reading statement; a connection that the server closed meanwhile is opened anew, once."""
        reused = self._mine.kept is not None
        try:
            return self._ask_once(statement, parameters, deadline)
        except SourceUnavailable:
            if not reused or deadline.remaining_s() <= 0:
                raise
        return self._ask_once(statement, parameters, deadline)

    def _ask_once(self, statement: str, parameters: Sequence[object], deadline: Deadline) -> Sequence[Row]:
        if deadline.remaining_s() <= 0:
            raise SourceUnavailable("The database did not answer in time.")
        connection = self._connection(deadline)
        connection.deadline = deadline
        try:
            return connection.execute(statement, parameters).fetchall()
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._mine.kept = None
            raise SourceUnavailable(f"The database did not answer ({type(error).__name__}).") from None
        except psycopg.Error as error:
            raise SourceNonsense(
                "The database does not have the tables, columns or rights that the settings need "
                f"({type(error).__name__}); run `hearthgate adapter check`."
            ) from None

    def _connection(self, deadline: Deadline) -> _BoundedConnection:
        kept = self._mine.kept
        if kept is None or kept.belongs_to != os.getpid():
            kept = self._mine.kept = _Kept(self._open(deadline), os.getpid())
        connection: _BoundedConnection = kept.connection
        return connection

    def _open(self, deadline: Deadline) -> _BoundedConnection:
        """Connect; libpq waits at least 2 s for a host that does not answer, whatever the deadline says."""
        password = read_secret(self._password_file) if self._password_file else None
        try:
            return _BoundedConnection.connect(
                make_conninfo(self._url, password=password),
                autocommit=True,
                cursor_factory=psycopg.RawCursor,
                connect_timeout=max(1, int(deadline.remaining_s())),
                application_name="hearthgate",
                options=f"-c default_transaction_read_only=on -c statement_timeout={_SERVER_STOPS_MS}",
            )
        except psycopg.Error as error:
            raise SourceUnavailable(f"The database could not be reached ({type(error).__name__}).") from None


def parse_url(url: str) -> str:
    """Return a libpq connection string for a PostgreSQL URL, which must not hold a password.

    Raises :class:`ValueError`, for the settings model to report with its other faults.
    """
    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    if not plain.startswith(("postgresql://", "postgres://")):
        raise ValueError("url must start with postgresql://; for an SQLite file use `file`")
    try:
        parts = conninfo_to_dict(plain)
    except psycopg.Error:
        raise ValueError("url is not a PostgreSQL connection URL") from None
    if parts.get("password"):
        raise ValueError("url must not hold a password: put it into a file and name it in password_file")
    if parts.get("options"):
        raise ValueError("url must not hold options: the adapter sets the read-only ones itself")
    return make_conninfo("", **parts)
