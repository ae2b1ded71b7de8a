"""Read-only queries of a PostgreSQL case system, within a deadline and through poolers.

Statements are never prepared on the server: a prepared plan outlives an ALTER TABLE, and behind a pooler it belongs to
another session. Values that the driver cannot represent (infinite dates, years after 9999) become their text.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.abc import RV, Buffer, PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader

from adapters.contract import Deadline, SourceNonsense, SourceUnavailable
from adapters.sources.database import PerThread, QueryRows, Row, ThreadConnection
from adapters.sources.secret_file import read_secret
from adapters.sources.terms import ColumnKind, PostgresTerms, SqlTerms

SERVER_STOPS_MS: Final = 15_000
"""The time after which PostgreSQL cancels a statement of a client that has gone."""
_READ_ONLY: Final = {"default_transaction_read_only": "on"}
_BOUNDS: Final = {"statement_timeout": str(SERVER_STOPS_MS), "datestyle": "ISO"}
"""The settings of each statement; days in another style than ISO are ambiguous."""
_OPTIONS: Final = " ".join(f"-c {name}={value}" for name, value in (_BOUNDS | _READ_ONLY).items())
_OPTIONS_REFUSED: Final = ("startup parameter", "command-line option", "options")
_STALE: Final = (
    psycopg.errors.FeatureNotSupported,  # "cached plan must not change result type"
    psycopg.errors.InvalidSqlStatementName,
    psycopg.errors.DuplicatePreparedStatement,
)
"""The errors of a connection after a change of the tables, or of one that a pooler shares."""

_KINDS: Final = {
    17: ColumnKind.BYTES,
    **dict.fromkeys((18, 19, 25, 1042, 1043), ColumnKind.TEXT),
    **dict.fromkeys((20, 21, 23), ColumnKind.INTEGER),
    **dict.fromkeys((700, 701, 1700), ColumnKind.NUMBER),
    1082: ColumnKind.DATE,
    1114: ColumnKind.MOMENT,
    1184: ColumnKind.ZONED,
    2950: ColumnKind.UUID,
}
"""Kinds by the type's number in ``pg_type``, the same in every PostgreSQL."""


class _Date(DateLoader):
    def load(self, data: Buffer) -> Any:  # noqa: ANN401 - a date, or its text
        try:
            return super().load(data)
        except psycopg.DataError:
            return bytes(data).decode(errors="replace")


class _Timestamp(TimestampLoader):
    def load(self, data: Buffer) -> Any:  # noqa: ANN401 - a moment, or its text
        try:
            return super().load(data)
        except psycopg.DataError:
            return bytes(data).decode(errors="replace")


class _Timestamptz(TimestamptzLoader):
    def load(self, data: Buffer) -> Any:  # noqa: ANN401 - a moment, or its text
        try:
            return super().load(data)
        except (psycopg.DataError, OverflowError):
            return bytes(data).decode(errors="replace")


class BoundedConnection(psycopg.Connection[Row]):
    """A connection that waits for the server only until a deadline, also if the server stops responding."""

    deadline: Deadline | None = None
    in_transactions = False

    def __del__(self, *_unused: object) -> None:
        self.close()  # with its thread, without psycopg's warning; no fork inherits one

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait no longer than the deadline."""
        return super().wait(gen, interval, timeout if self.deadline is None else self.deadline.remaining_s())


class PostgresServer:
    """A case system in PostgreSQL; each connection reads the password from ``password_file``."""

    def __init__(self, url: str, *, password_file: Path | None) -> None:
        self._url = url
        self._password_file = password_file
        self._mine = PerThread()

    @property
    def terms(self) -> SqlTerms:
        """Return PostgreSQL's terms."""
        return PostgresTerms()

    def quoted(self, *parts: str) -> str:
        """Quote with double quotes, as in standard SQL."""
        return ".".join(f'"{part}"' for part in parts)

    def place(self, number: int) -> str:
        """Return PostgreSQL's own numbered parameter."""
        return f"${number}"

    def ask(self, statement: str, parameters: Sequence[object], *, deadline: Deadline) -> QueryRows:
        """Run one reading statement; open a closed or stale connection again, once."""
        reused = self._mine.connection is not None
        try:
            return self._ask_once(statement, parameters, deadline)
        except SourceUnavailable:
            if not reused or deadline.remaining_s() <= 0:
                raise
        return self._ask_once(statement, parameters, deadline)

    def _ask_once(self, statement: str, parameters: Sequence[object], deadline: Deadline) -> QueryRows:
        if deadline.remaining_s() <= 0:
            raise SourceUnavailable("The database did not answer in time.")
        connection = self._connection(deadline)
        connection.deadline = deadline
        try:
            return _rows(connection, statement, parameters)
        except (psycopg.OperationalError, psycopg.InterfaceError, *_STALE) as error:
            self._give_up()
            raise SourceUnavailable(f"The database did not answer ({type(error).__name__}).") from None
        except psycopg.DataError as error:
            self._give_up()
            raise SourceNonsense(
                f"The database met a value that a view or query cannot convert ({type(error).__name__}); correct the "
                "value, or the view or query."
            ) from None
        except psycopg.Error as error:
            self._give_up()
            raise SourceNonsense(
                "The database does not have the tables, columns or rights that the settings need "
                f"({type(error).__name__}); run `hearthgate adapter check`."
            ) from None

    def _give_up(self) -> None:
        current, self._mine.connection = self._mine.connection, None
        if current is not None:
            current.connection.close()

    def _connection(self, deadline: Deadline) -> BoundedConnection:
        current = self._mine.connection
        if current is None or current.belongs_to != os.getpid():
            current = self._mine.connection = ThreadConnection(self._open(deadline), os.getpid())
        connection: BoundedConnection = current.connection
        return connection

    def _open(self, deadline: Deadline) -> BoundedConnection:
        """Connect, read-only from the start if the server accepts options; a pooler may refuse or drop them."""
        try:
            connection = self._connect(deadline, options=_OPTIONS)
        except psycopg.Error as error:
            if not any(words in str(error).lower() for words in _OPTIONS_REFUSED):
                raise unreachable(error) from None
            connection = self._connect_plainly(deadline)
        try:
            connection.deadline = deadline
            answer = connection.execute("SHOW default_transaction_read_only").fetchone()
        except psycopg.Error as error:
            raise unreachable(error) from None
        connection.in_transactions = answer is None or answer[0] != "on"
        return connection

    def _connect_plainly(self, deadline: Deadline) -> BoundedConnection:
        try:
            return self._connect(deadline)
        except psycopg.Error as error:
            raise unreachable(error) from None

    def _connect(self, deadline: Deadline, *, options: str | None = None) -> BoundedConnection:
        connection = connect(self._url, password_file=self._password_file, deadline=deadline, options=options)
        for name, loader in (("date", _Date), ("timestamp", _Timestamp), ("timestamptz", _Timestamptz)):
            connection.adapters.register_loader(name, loader)
        return connection


def connect(
    url: str, *, password_file: Path | None, deadline: Deadline, options: str | None = None
) -> BoundedConnection:
    """Connect in autocommit mode; libpq waits at least 2 s for a host that does not answer.

    Raises ``psycopg.Error``, and :class:`SourceMisconfigured` for the password file.
    """
    password = read_secret(password_file) if password_file else None
    return BoundedConnection.connect(
        make_conninfo(url, password=password, options=options),
        autocommit=True,
        cursor_factory=psycopg.RawCursor,
        prepare_threshold=None,
        connect_timeout=max(1, int(deadline.remaining_s())),
        application_name="hearthgate",
    )


def _rows(connection: BoundedConnection, statement: str, parameters: Sequence[object]) -> QueryRows:
    """Run a statement, in its own read-only transaction if the session is not read-only."""
    if not connection.in_transactions:
        return _answer(connection.execute(statement, parameters))
    connection.execute("BEGIN READ ONLY")
    try:
        for name, value in _BOUNDS.items():
            connection.execute(f"SET LOCAL {name} = {value}")
        return _answer(connection.execute(statement, parameters))
    finally:
        if not connection.closed:
            connection.execute("ROLLBACK")


def _answer(cursor: psycopg.Cursor[Row]) -> QueryRows:
    rows = cursor.fetchall()
    return QueryRows(rows, tuple(_KINDS.get(column.type_code, ColumnKind.OTHER) for column in cursor.description or ()))


def unreachable(error: psycopg.Error) -> SourceUnavailable:
    """Return the error of a connection that failed, without the server's text."""
    return SourceUnavailable(
        f"The database could not be reached ({type(error).__name__}). If a pooler is in front, it may refuse this "
        "session: set the url of the server itself."
    )


def parse_url(url: str) -> str:
    """Return a libpq connection string for a PostgreSQL URL, which must not hold a password.

    Raises :class:`ValueError`, which the settings model reports with its other faults.
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
