"""The repositories' way to SQLite: the driver's own cursor, with statements compiled before."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.store.engine.sqlite_files import SqliteCursor
from gateway.store.engine.statement import Row, Statement


class SqliteTransaction:
    """A transaction under way on one connection."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: SqliteCursor) -> None:
        self._cursor = cursor

    def run(self, statement: Statement, parameters: Mapping[str, Any]) -> int:
        """Run a writing statement and return the number of rows it touched."""
        compiled = statement.sqlite
        return self._cursor.execute(compiled.sql, compiled.bind(parameters)).rowcount

    def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Run a statement that returns rows and return all of them."""
        compiled = statement.sqlite
        return compiled.rows(self._cursor.execute(compiled.sql, compiled.bind(parameters)))
