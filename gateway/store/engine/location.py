"""Location of a store, from the URL in the settings."""

import re
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pysqlite3 import dbapi2
from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from gateway.store.engine.refusals import StoreRefused
from gateway.store.engine.sqlite_files import SqliteFiles, connect

Location = SqliteFiles | URL

_DRIVER = "postgresql+psycopg"
_SEVERAL_HOSTS = re.compile(r"postgresql(?:\+psycopg)?(://(?:[^/?@]*@)?[^/?]*,.*)", re.DOTALL)
_TARGET, _WRITABLE = "target_session_attrs", ("read-write", "primary")


def locate(url: str, *, base_dir: Path) -> Location:
    """Return SQLite's files, a relative path being below ``base_dir``, or the URL of a PostgreSQL database.

    Several hosts are written as in libpq, ``postgresql://user@host:port,host:port/database``; the one that takes writes
    is used. Raises :class:`StoreRefused` for any other URL, without repeating it: it may hold a password.
    """
    try:
        several = _SEVERAL_HOSTS.fullmatch(url)
        parsed = make_url(url) if several is None else _read_hosts(f"postgresql{several.group(1)}")
    except (ArgumentError, ValueError, psycopg.ProgrammingError):
        parsed = URL.create("unreadable")
    kind = parsed.get_backend_name() if parsed.drivername != "unreadable" else ""
    if kind == "sqlite" and parsed.database and parsed.database != ":memory:":
        return SqliteFiles(database=base_dir / parsed.database)
    if kind == "postgresql":
        return _writable(parsed.set(drivername=_DRIVER))
    raise StoreRefused("The store's URL must be sqlite:///path/to/file.db or postgresql://user@host/database.")


def _read_hosts(url: str) -> URL:
    """Read a URL of several hosts by libpq's own rules, into the form that SQLAlchemy hands to libpq again."""
    options = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    return URL.create(_DRIVER, username=options.pop("user", None), database=options.pop("dbname", None), query=options)


def _writable(url: URL) -> URL:
    """Have libpq take the host that takes writes, where there are several. Raises :class:`StoreRefused`."""
    hosts = url.query.get("host", "")
    if isinstance(hosts, str) and "," not in hosts:
        return url
    if url.query.get(_TARGET, _WRITABLE[0]) not in _WRITABLE:
        raise StoreRefused(
            f"A store on several hosts needs {_TARGET}=read-write in its URL, which is also the default."
        )
    return url.update_query_dict({_TARGET: url.query.get(_TARGET, _WRITABLE[0])})


def administration_engine(location: Location) -> Engine:
    """Return an engine that keeps no connection, for migrations and checks."""
    if isinstance(location, URL):
        return create_engine(location, poolclass=NullPool)
    engine = create_engine(
        "sqlite+pysqlite://", module=dbapi2, creator=lambda: connect(location.database), poolclass=NullPool
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine
