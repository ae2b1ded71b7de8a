"""Statements built once from SQLAlchemy Core and compiled once for each database.

Building and compiling an expression costs several times as much as running it, so each repository makes its
statements as module constants and a transaction hands the finished text to the driver's own cursor.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol, TypeAlias, TypeVar

from sqlalchemy import ClauseElement, Table, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import Insert, insert, psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.result import result_tuple

_SQLITE = sqlite.dialect(paramstyle="named")
_POSTGRES: Dialect = psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy left it so

T = TypeVar("T")
Row: TypeAlias = Any
"""A row, with its columns as attributes. Which they are is up to the statement, so the repositories vouch for them."""


class DriverCursor(Protocol):
    """What the drivers of both databases offer, as PEP 249 has it."""

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """The columns of the result: a sequence each, the name first."""
        ...

    @property
    def rowcount(self) -> int:
        """How many rows the last statement touched."""
        ...

    def fetchall(self) -> Sequence[Any]:
        """Return the rows that are left."""
        ...


class CompiledStatement:
    """The text for one database, the values that stand in the expression itself, and the shape of its rows."""

    __slots__ = ("_make_row", "_values", "encoded", "sql")

    def __init__(self, expression: ClauseElement, dialect: Dialect) -> None:
        compiled = dialect.statement_compiler(dialect, expression)
        self.sql = str(compiled)
        self.encoded = self.sql.encode()
        self._values = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self._make_row: Callable[[Iterable[Any]], Any] | None = None

    def bind(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return ``parameters`` with the expression's own values beside them."""
        return {**self._values, **parameters} if self._values else parameters

    def rows(self, cursor: DriverCursor) -> Sequence[Row]:
        """Return all rows of an executed DBAPI cursor, each with its columns as attributes."""
        make_row = self._make_row
        if make_row is None:
            make_row = self._make_row = result_tuple([column[0] for column in cursor.description or ()])
        return [make_row(values) for values in cursor.fetchall()]


class Statement:
    """One Core expression; every value that varies is a ``bindparam`` without a default."""

    def __init__(self, expression: ClauseElement) -> None:
        self._expression = expression

    @cached_property
    def sqlite(self) -> CompiledStatement:
        """The statement for SQLite, compiled at its first use."""
        return CompiledStatement(self._expression, _SQLITE)

    @cached_property
    def postgres(self) -> CompiledStatement:
        """The statement for PostgreSQL, compiled at its first use."""
        return CompiledStatement(self._expression, _POSTGRES)


def insertion(table: Table, *, rows: int | None = None) -> Insert:
    """Return an insert of every column from a parameter of its name; with ``rows``, of so many, numbered from 0.

    It is PostgreSQL's insert, because its ``on_conflict`` clauses compile for both databases.
    """
    if rows is None:
        return insert(table).values({column.name: bindparam(column.name) for column in table.columns})
    numbered = range(rows)
    return insert(table).values(
        [{column.name: bindparam(f"{column.name}{number}") for column in table.columns} for number in numbered]
    )


def numbered_values(rows: Iterable[Mapping[str, T]]) -> dict[str, T]:
    """Return the parameters of an :func:`insertion` of several rows, each row's values by column."""
    return {f"{name}{number}": value for number, row in enumerate(rows) for name, value in row.items()}
