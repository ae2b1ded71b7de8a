"""Writing transactions in a case system's database, each on a connection of its own and within a deadline.

Any error ends the transaction without a trace: after ``SQLITE_FULL`` SQLite has rolled back by itself, and another
statement would be committed alone. A constraint or trigger that refuses is :class:`MessageRejected`, without the
driver's text, which quotes the row.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from time import sleep
from typing import Any, Final, Protocol
from urllib.parse import quote

import psycopg
import pysqlite3.dbapi2 as sqlite

from adapters.contract import AdapterError, Deadline, MessageRejected, SourceNonsense, SourceUnavailable
from adapters.sources.database import Row
from adapters.sources.postgres import SERVER_STOPS_MS, connect, unreachable
from adapters.sources.sql_settings import DatabaseSettings

Run = Callable[[str, Sequence[object]], Sequence[Row]]
"""Runs one statement of the transaction and returns its rows."""

_STEPS_BETWEEN_CHECKS: Final = 20_000
_LOCKED_PAUSE_S: Final = 0.005
_LONGEST: Final = 2**63
"""The first integer that SQLite cannot store."""
_WAITING: Final = frozenset({sqlite.SQLITE_BUSY, sqlite.SQLITE_LOCKED})
_REFUSED: Final = "The case system's table refused the message: a constraint or trigger of it does not allow a value"
_NOT_SET_UP: Final = (
    "The database does not have the table, columns, types or rights that the settings need; run `hearthgate adapter "
    "check`"
)


class Writer(Protocol):
    """A database into which a receiver writes."""

    def transaction(self, key: str, *, deadline: Deadline) -> AbstractContextManager[Run]:
        """Run one transaction, alone among those with the same ``key``; it is durable when the block has ended.

        Raises :class:`AdapterError`.
        """
        ...

    def value(self, value: object) -> object:
        """Return a JSON value as this database takes it in a column of any type."""
        ...


class SqliteTransactions:
    """Writes into an SQLite file, one transaction at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def value(self, value: object) -> object:
        """Return the value itself, which SQLite converts by the column's affinity; a longer integer is a text."""
        return str(value) if isinstance(value, int) and abs(value) >= _LONGEST else value

    @contextmanager
    def transaction(self, key: str, *, deadline: Deadline) -> Iterator[Run]:
        """Run one transaction under the file's write lock, for which it waits until the deadline."""
        del key  # a writer excludes every other
        connection = self._open()
        connection.set_progress_handler(lambda: deadline.remaining_s() <= 0, _STEPS_BETWEEN_CHECKS)
        try:
            # A commit survives a power cut in every journal mode.
            self._wait(connection, "PRAGMA synchronous = EXTRA", deadline)
            self._wait(connection, "BEGIN IMMEDIATE", deadline)
            yield lambda statement, values: connection.execute(statement, tuple(values)).fetchall()
            self._wait(connection, "COMMIT", deadline)
        except sqlite.Error as error:
            raise _sqlite_error(error) from None
        finally:
            connection.close()  # rolls back what was not committed

    def _open(self) -> Any:  # noqa: ANN401 - pysqlite3 ships no types
        try:
            uri = f"file:{quote(str(self._path))}?mode=rw"
            return sqlite.connect(uri, uri=True, timeout=0, isolation_level=None)
        except sqlite.Error as error:
            raise _sqlite_error(error) from None

    def _wait(self, connection: Any, statement: str, deadline: Deadline) -> None:  # noqa: ANN401 - as above
        while deadline.remaining_s() > 0:
            try:
                connection.execute(statement)
            except sqlite.Error as error:
                if getattr(error, "sqlite_errorcode", None) not in _WAITING:
                    raise
            else:
                return
            sleep(min(_LOCKED_PAUSE_S, deadline.remaining_s()))
        raise SourceUnavailable("The database was not free to write in time.")


class PostgresTransactions:
    """Writes into a PostgreSQL database, with a connection for each transaction."""

    def __init__(self, url: str, *, password_file: Path | None) -> None:
        self._url = url
        self._password_file = password_file

    def value(self, value: object) -> object:
        """Return a text, which PostgreSQL reads as the column's type."""
        if isinstance(value, bool):
            return "true" if value else "false"
        return value if value is None else str(value)

    @contextmanager
    def transaction(self, key: str, *, deadline: Deadline) -> Iterator[Run]:
        """Run one transaction under an advisory lock of ``key``, which works without a unique index."""
        if deadline.remaining_s() <= 0:
            raise SourceUnavailable("The database did not answer in time.")
        try:
            connection = connect(self._url, password_file=self._password_file, deadline=deadline)
        except psycopg.Error as error:
            raise unreachable(error) from None
        connection.deadline = deadline
        try:
            self._begin(connection, key)
            yield lambda statement, values: _rows(connection.execute(statement, values))
            connection.execute("COMMIT")
        except psycopg.Error as error:
            raise _postgres_error(error) from None
        finally:
            with suppress(psycopg.Error):
                connection.close()  # the server rolls back what was not committed

    def _begin(self, connection: psycopg.Connection[Row], key: str) -> None:
        """Begin a transaction whose commit is flushed, whose statements see what others committed before the lock."""
        connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        raised = "SELECT set_config('synchronous_commit', 'on', true)"
        connection.execute(f"{raised} WHERE current_setting('synchronous_commit') = 'off'")
        # A server that waits for a lock does not notice that its client has gone: retries would use up its connections.
        connection.execute(f"SET LOCAL statement_timeout = {SERVER_STOPS_MS}")
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", (key,))


def open_writer(settings: DatabaseSettings, base_dir: Path) -> Writer:
    """Return the database for writing, without opening it yet."""
    if settings.file is not None:
        return SqliteTransactions(base_dir / settings.file)
    secret = settings.password_file
    return PostgresTransactions(settings.url or "", password_file=base_dir / secret if secret else None)


def _rows(cursor: psycopg.Cursor[Row]) -> Sequence[Row]:
    return cursor.fetchall() if cursor.description else ()


def _sqlite_error(error: sqlite.Error) -> AdapterError:
    code = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    if code.startswith("SQLITE_CONSTRAINT"):
        return MessageRejected(f"{_REFUSED} ({code}).")
    if code in {"SQLITE_ERROR", "SQLITE_MISMATCH"}:
        return SourceNonsense(f"{_NOT_SET_UP} ({code}).")
    if code == "SQLITE_INTERRUPT":
        return SourceUnavailable("The database did not answer in time.")
    return SourceUnavailable(f"The database cannot be written to ({code}).")


def _postgres_error(error: psycopg.Error) -> AdapterError:
    name = type(error).__name__
    if isinstance(error, psycopg.IntegrityError | psycopg.errors.RaiseException):
        return MessageRejected(f"{_REFUSED} ({name}).")
    if isinstance(error, psycopg.ProgrammingError | psycopg.DataError | psycopg.NotSupportedError):
        return SourceNonsense(f"{_NOT_SET_UP} ({name}).")
    return SourceUnavailable(f"The database did not take the message ({name}).")
