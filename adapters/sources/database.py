"""Read-only queries of a case system's database within a deadline, with a connection for each thread.

:class:`SqliteFile` is here, PostgreSQL in :mod:`adapters.sources.postgres`. Connections open at first use and never
cross a fork or a thread. A failure is :class:`SourceUnavailable`, without the driver's own text, which can quote a row.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import local
from time import sleep
from typing import Any, Final, Protocol
from urllib.parse import quote

import pysqlite3.dbapi2 as sqlite

from adapters.contract import AdapterError, Deadline, SourceNonsense, SourceUnavailable
from adapters.sources.terms import ColumnKind, SqliteTerms, SqlTerms

Row = Sequence[Any]

_STEPS_BETWEEN_CHECKS: Final = 20_000
"""SQLite instructions, about a millisecond of work, between two checks of the deadline."""
_LOCKED_PAUSE_S: Final = 0.005
_VERSIONS_AT: Final = slice(18, 20)
"""The write and read versions in an SQLite file: 2 and 2 in WAL mode (its file format, section 1.3.3)."""


@dataclass(frozen=True, slots=True)
class QueryRows:
    """The rows of one statement, and the kinds of its columns."""

    rows: Sequence[Row]
    kinds: tuple[ColumnKind, ...]


class Database(Protocol):
    """One case system's database."""

    @property
    def terms(self) -> SqlTerms:
        """Return the search terms for this database."""
        ...

    def quoted(self, *parts: str) -> str:
        """Return a quoted name of one part or more; an unknown name must be an error, not a text."""
        ...

    def place(self, number: int) -> str:
        """Return the placeholder of the parameter ``number``, counted from 1."""
        ...

    def ask(self, statement: str, parameters: Sequence[object], *, deadline: Deadline) -> QueryRows:
        """Run one reading statement. Raises :class:`AdapterError`."""
        ...


@dataclass(frozen=True, slots=True)
class ThreadConnection:
    """One thread's connection, with its process and file."""

    connection: Any
    belongs_to: object


class PerThread(local):
    """The connection that one thread keeps between two statements."""

    connection: ThreadConnection | None = None


class SqliteFile:
    """A case system in an SQLite file; a replaced file is opened again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine = PerThread()

    @property
    def terms(self) -> SqlTerms:
        """Return SQLite's terms."""
        return SqliteTerms()

    def quoted(self, *parts: str) -> str:
        """Quote with brackets: in double quotes SQLite treats an unknown name as a text."""
        return ".".join(f"[{part}]" for part in parts)

    @staticmethod
    @lru_cache(maxsize=1024)
    def place(number: int) -> str:
        """Return SQLite's numbered parameter."""
        return f"?{number}"

    def ask(self, statement: str, parameters: Sequence[object], *, deadline: Deadline) -> QueryRows:
        """Run one reading statement; wait for a writer's lock until the deadline."""
        while True:
            if deadline.remaining_s() <= 0:
                raise SourceUnavailable(f"The database {self._path.name} did not answer in time.")
            connection = self._connection()
            connection.set_progress_handler(lambda: deadline.remaining_s() <= 0, _STEPS_BETWEEN_CHECKS)
            try:
                cursor = connection.execute(statement, tuple(parameters))
                rows = cursor.fetchall()
                return QueryRows(rows, (ColumnKind.ANY,) * len(cursor.description))
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
        current = self._mine.connection
        if current is None or current.belongs_to != belongs_to:
            current = self._mine.connection = ThreadConnection(self._open(), belongs_to)
        return current.connection

    def _open(self) -> Any:  # noqa: ANN401 - pysqlite3 ships no types
        try:
            connection = sqlite.connect(
                f"file:{quote(str(self._path))}?mode=ro",
                uri=True,
                timeout=0,
                isolation_level=None,
                check_same_thread=False,  # only its own thread uses it, but any thread may close it
            )
            connection.text_factory = _text
            connection.execute("PRAGMA query_only = ON")
        except sqlite.Error as error:
            raise self._refusal(error) from None
        return connection

    def _refusal(self, error: sqlite.Error) -> AdapterError:
        """Return the error by SQLite's code; SQLite's text may quote a row."""
        code = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
        if code == "SQLITE_ERROR":
            return SourceNonsense(
                f"The database {self._path.name} does not have the tables or columns that the settings name; "
                "run `hearthgate adapter check`."
            )
        if code.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")) and self._is_in_wal_mode():
            return SourceUnavailable(
                f"The database {self._path.name} is in WAL mode, in which reading it needs the files -wal and -shm "
                f"beside it ({code}). Let this process write to its folder, have the case system keep it open, or read "
                "a copy that is made with VACUUM INTO."
            )
        return SourceUnavailable(f"The database {self._path.name} cannot be read ({code}).")

    def _is_in_wal_mode(self) -> bool:
        try:
            with self._path.open("rb") as file:
                return file.read(_VERSIONS_AT.stop)[_VERSIONS_AT] == b"\x02\x02"
        except OSError:
            return False


def _text(raw: bytes) -> str | bytes:
    """Return the text, or the bytes of a value that is not UTF-8, which must not fail other rows."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
