"""Settings that a store runs with, read back from the database itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import statvfs
from pathlib import Path

import psycopg
from pysqlite3 import dbapi2
from sqlalchemy import URL

from gateway.store.engine.location import locate
from gateway.store.engine.postgres_pool import connection_of, make_engine
from gateway.store.engine.refusals import StoreUnsafe
from gateway.store.engine.sqlite_files import SqliteFiles, connect
from gateway.store.engine.write_queue import WriteLimits
from gateway.store.schema import REVISION

_WAIT_S = 5.0
_SQLITE_LEVELS = {0: "off", 1: "normal", 2: "full", 3: "extra"}
_POSTGRES = ("server_version", "fsync", "full_page_writes", "synchronous_commit")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSpace:
    """The free bytes of the disk at ``path``, and below how many nothing new is taken."""

    path: Path
    free: int
    watermark: int = WriteLimits().reserve_bytes


def settings_in_effect(url: str, *, base_dir: Path) -> Mapping[str, str]:
    """Return the settings that durability rests on, as this very connection has them, and the tables' revision.

    Raises :class:`gateway.store.engine.refusals.StoreRefused` where they could lose what was acknowledged.
    """
    location = locate(url, base_dir=base_dir)
    values = _of_sqlite(location) if isinstance(location, SqliteFiles) else _of_postgres(location)
    return {**values, "tables": REVISION}


def disk_space(url: str, *, base_dir: Path) -> DiskSpace:
    """Return the room on the disk of the store's files; with PostgreSQL, on that of the configuration's folder."""
    location = locate(url, base_dir=base_dir)
    path = location.database.parent if isinstance(location, SqliteFiles) else base_dir
    disk = statvfs(path)
    return DiskSpace(path=path, free=disk.f_bavail * disk.f_frsize)


def _of_sqlite(files: SqliteFiles) -> Mapping[str, str]:
    connection = connect(files.database)
    try:
        level = connection.execute("PRAGMA synchronous").fetchone()[0]
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
    finally:
        connection.close()
    if not files.claims.is_file():
        raise StoreUnsafe(f"{files.claims} is missing: run `hearthgate upgrade`, which makes a new one.")
    return {"SQLite": dbapi2.sqlite_version, "synchronous": _SQLITE_LEVELS[level], "journal_mode": str(journal)}


def _of_postgres(url: URL) -> Mapping[str, str]:
    engine = make_engine(url, wait_s=_WAIT_S, size=1, more=0)
    try:
        with connection_of(engine) as connection:
            values = {name: str(connection.execute(f"SHOW {name}").fetchone()[0]) for name in _POSTGRES}  # type: ignore[index]
            connection.rollback()
    except psycopg.OperationalError as failed:
        raise StoreUnsafe("The database cannot be reached; check [store] url, and the server.") from failed
    finally:
        engine.dispose()
    return {"PostgreSQL": values.pop("server_version"), **values}
