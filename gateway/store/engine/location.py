"""Location of a store, from the URL in the settings."""

from pathlib import Path

from pysqlite3 import dbapi2
from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from gateway.store.engine.refusals import StoreRefused
from gateway.store.engine.sqlite_files import SqliteFiles, connect

Location = SqliteFiles | URL


def locate(url: str, *, base_dir: Path) -> Location:
    """Return SQLite's files, a relative path being below ``base_dir``, or the URL of a PostgreSQL database.

    Raises :class:`StoreRefused` for any other URL, without repeating it: it may hold a password.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = URL.create("unreadable")
    kind = parsed.get_backend_name() if parsed.drivername != "unreadable" else ""
    if kind == "sqlite" and parsed.database and parsed.database != ":memory:":
        return SqliteFiles(database=base_dir / parsed.database)
    if kind == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreRefused("The store's URL must be sqlite:///path/to/file.db or postgresql://user@host/database.")


def administration_engine(location: Location) -> Engine:
    """Return an engine that keeps no connection, for migrations and checks."""
    if isinstance(location, URL):
        return create_engine(location, poolclass=NullPool)
    engine = create_engine(
        "sqlite+pysqlite://", module=dbapi2, creator=lambda: connect(location.database), poolclass=NullPool
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine
