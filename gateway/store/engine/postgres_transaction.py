"""The repositories' way to PostgreSQL: the driver's own cursor, with statements compiled before."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from gateway.store.engine.statement import Row, Statement

_FOLLOW = (
    b"SELECT pg_logical_emit_message(true, 'hearthgate', '') WHERE current_setting('synchronous_standby_names') <> ''"
)


class PostgresTransaction:
    """A transaction under way on one connection."""

    __slots__ = ("_cursor", "_has_written")

    def __init__(self, cursor: "psycopg.Cursor[Any]") -> None:
        self._cursor = cursor
        self._has_written = False

    def run(self, statement: Statement, parameters: Mapping[str, Any]) -> int:
        """Run a writing statement and return the number of rows it touched."""
        compiled = statement.postgres
        touched = self._cursor.execute(compiled.encoded, compiled.bind(parameters)).rowcount
        self._has_written |= touched > 0
        return touched

    def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Run a statement that returns rows and return all of them."""
        compiled = statement.postgres
        return compiled.rows(self._cursor.execute(compiled.encoded, compiled.bind(parameters)))

    def follow_earlier(self) -> None:
        """Have the commit wait for the standby also if nothing was written, so that what was read is there too.

        A commit without a record of its own waits for nothing; a message in the write-ahead log is the smallest one.
        """
        if not self._has_written:
            self._cursor.execute(_FOLLOW)
