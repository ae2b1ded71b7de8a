"""Comparison of the store's revision with the one that this program needs."""

from pathlib import Path

from sqlalchemy import inspect, text

from gateway.store.engine.location import Location, administration_engine, locate
from gateway.store.engine.refusals import StoreUnmigrated
from gateway.store.engine.sqlite_files import SqliteFiles
from gateway.store.schema import REVISION


def is_current(url: str, *, base_dir: Path) -> bool:
    """Return whether the store exists with the tables that this version needs."""
    try:
        refuse_other_revision(locate(url, base_dir=base_dir))
    except StoreUnmigrated:
        return False
    return True


def read_revision(url: str, *, base_dir: Path) -> str | None:
    """Return the revision of the store's tables, or none where there is no store or it has no tables yet."""
    location = locate(url, base_dir=base_dir)
    if isinstance(location, SqliteFiles) and not (location.database.is_file() and location.database.stat().st_size):
        return None
    return _of_location(location)


def refuse_other_revision(location: Location) -> None:
    """Raise :class:`StoreUnmigrated`, which names the command to run, unless the store has this program's tables."""
    revision = _of_location(location)
    if revision is None:
        raise StoreUnmigrated("The store has no tables yet: run `hearthgate upgrade`.")
    if revision != REVISION:
        raise StoreUnmigrated(
            f"The store's tables are at revision {revision}, and this version needs {REVISION}: "
            "run `hearthgate upgrade`, "
            "or install the version that the store was last used with."
        )


def _of_location(location: Location) -> str | None:
    with administration_engine(location).connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return revision
