"""The repositories' way to PostgreSQL: the driver's own cursor, with statements compiled before."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from gateway.store.engine.statement import Row, Statement


class PostgresTransaction:
    """A transaction under way on one connection."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: "psycopg.Cursor[Any]") -> None:
        self._cursor = cursor

    def run(self, statement: Statement, parameters: Mapping[str, Any]) -> int:
        """Run a writing statement and return the number of rows it touched."""
        compiled = statement.postgres
        return self._cursor.execute(compiled.encoded, compiled.bind(parameters)).rowcount

    def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Run a statement that returns rows and return all of them."""
        compiled = statement.postgres
        return compiled.rows(self._cursor.execute(compiled.encoded, compiled.bind(parameters)))
