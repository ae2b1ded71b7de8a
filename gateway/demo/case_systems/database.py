"""The SQLite file of an invented case system."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Any, Protocol

from pysqlite3 import dbapi2

Row = Mapping[str, Any]


class Rows(Protocol):
    """The result of a query."""

    def __iter__(self) -> Iterator[Row]:
        """Yield each row."""
        ...

    def fetchone(self) -> Row | None:
        """Return the next row, or ``None``."""
        ...


class Connection(Protocol):
    """An open database; its library ships no types."""

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ..., /) -> Rows:
        """Run one statement."""
        ...


def create(path: Path, *, schema: str, rows: Mapping[str, Iterable[tuple[Any, ...]]]) -> None:
    """Write a new database: the tables of ``schema``, then ``rows`` by table. The file must not exist yet."""
    path.touch(mode=0o600, exist_ok=False)
    with closing(dbapi2.connect(str(path))) as connection, connection:
        connection.executescript(schema)
        for table, values in rows.items():
            for row in values:
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608 - our own table names


@contextmanager
def open_read_only(path: Path) -> Iterator[Connection]:
    """Open the database read-only for one request; a row maps column names to values."""
    with closing(dbapi2.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = dbapi2.Row
        yield connection


@contextmanager
def open_for_writing(path: Path) -> Iterator[Connection]:
    """Open the database for one transaction, which is synced to disk at its end; an exception rolls it back."""
    with closing(dbapi2.connect(str(path), timeout=5, isolation_level=None)) as connection:
        connection.row_factory = dbapi2.Row
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def secret_digest(secret: str) -> str:
    """Return the digest that a case system stores; a plain hash suffices for long random secrets."""
    return sha256(secret.encode()).hexdigest()


def secret_matches(secret: str, digest: str | None) -> bool:
    """Compare in constant time, also for an account that does not exist (``None``)."""
    return compare_digest(secret_digest(secret), digest or "")
