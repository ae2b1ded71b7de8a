"""Whether the store is what this program was written for."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from gateway.store.location import Location, administration_engine, locate
from gateway.store.refusals import StoreUnmigrated
from gateway.store.schema import REVISION


def is_current(url: str, *, base_dir: Path) -> bool:
    """Return whether the store exists with the tables that this version needs."""
    try:
        refuse_other_revision(locate(url, base_dir=base_dir))
    except StoreUnmigrated:
        return False
    return True


def refuse_other_revision(location: Location) -> None:
    """Raise :class:`StoreUnmigrated`, which names the command to run, unless the store has this program's tables."""
    with administration_engine(location).connect() as connection:
        found = _found_revision(connection)
    if found is None:
        raise StoreUnmigrated("The store has no tables yet: run `hearthgate migrate`.")
    if found != REVISION:
        raise StoreUnmigrated(
            f"The store's tables are at revision {found}, and this version needs {REVISION}: run `hearthgate migrate`, "
            "or install the version that the store was last used with."
        )


def _found_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
