"""A copy of a PostgreSQL store while it is in use, and a store made of one: each table as CSV, by ``COPY``.

No program beside the driver is needed, and one read-only snapshot holds all tables. Unlogged tables stay behind: a
restored store begins an epoch of its own. The copy goes back into an empty database of the same revision, in the
transaction that made its tables, and only then are newer migrations run.
"""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import URL, Connection, inspect, text

from gateway.store.engine.claims_sqlite import ACCEPTED_AHEAD
from gateway.store.engine.location import administration_engine
from gateway.store.engine.postgres_transaction import PostgresTransaction
from gateway.store.engine.refusals import StoreRefused
from gateway.store.engine.timestamps import to_microseconds
from gateway.store.schema import claims_metadata
from gateway.store.tables import store_epoch
from gateway.store.tables.store_epoch import StoreEpoch

_SUFFIX = ".csv"
_BLOCK = 65_536
_NOT_COPIED = {"alembic_version", *claims_metadata.tables}


def copy_out(url: URL, folder: Path) -> tuple[str, ...]:
    """Write the store as it is at this moment into ``folder`` and return the names of its parts, parents first."""
    parts = []
    with administration_engine(url).connect() as connection, connection.begin():
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        cursor = _driver(connection).cursor()
        for table, columns in _tables(connection):
            part = folder / f"{table}{_SUFFIX}"
            with (
                part.open("xb") as file,
                cursor.copy(_copy("COPY {} ({}) TO STDOUT (FORMAT csv, HEADER)", table, columns)) as rows,
            ):
                for block in rows:
                    file.write(block)
            parts.append(part.name)
    return tuple(parts)


def copy_in(connection: Connection, folder: Path, parts: tuple[str, ...]) -> None:
    """Fill tables that migrations just made, in the same transaction; a row that a migration put there makes room."""
    columns_of = dict(_tables(connection))
    cursor = _driver(connection).cursor()
    for name in parts:
        table = name.removesuffix(_SUFFIX)
        columns = _header(folder / name)
        if table not in columns_of or set(columns) != set(columns_of[table]):
            raise StoreRefused(
                "The backup does not fit the tables of the revision that it names; it was not made by us."
            )
        if cursor.execute(SQL("SELECT EXISTS (SELECT FROM {})").format(Identifier(table))).fetchone() == (True,):
            cursor.execute(SQL("DELETE FROM {}").format(Identifier(table)))
        with (
            (folder / name).open("rb") as file,
            cursor.copy(_copy("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER)", table, columns)) as rows,
        ):
            while block := file.read(_BLOCK):
                rows.write(block)


def begin_epoch(connection: Connection, at: datetime) -> StoreEpoch:
    """Begin the next epoch in the same transaction, that of the single-use identifiers included."""
    bound = {"bound": to_microseconds(at + ACCEPTED_AHEAD)}
    connection.execute(text("UPDATE claims_start SET not_before = :bound"), bound)
    return store_epoch.begin(PostgresTransaction(_driver(connection).cursor()), at=at)


def refuse_occupied(url: URL) -> None:
    """Raise :class:`StoreRefused` unless the database has no table at all."""
    with administration_engine(url).connect() as connection:
        if inspect(connection).get_table_names():
            raise StoreRefused("The database that [store] url names is not empty, and a restore overwrites nothing.")


def _tables(connection: Connection) -> Iterator[tuple[str, list[str]]]:
    """Yield each table, parents before children, with its columns in the order in which they were made."""
    inspector = inspect(connection)
    for table, _ in inspector.get_sorted_table_and_fkc_names():
        if table is not None and table not in _NOT_COPIED:
            yield table, [column["name"] for column in inspector.get_columns(table)]


def _header(part: Path) -> list[str]:
    with part.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def _copy(statement: str, table: str, columns: list[str]) -> Composed:
    names = SQL(", ").join(map(Identifier, columns))
    return SQL(cast("Any", statement)).format(Identifier(table), names)


def _driver(connection: Connection) -> "psycopg.Connection[Any]":
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)
