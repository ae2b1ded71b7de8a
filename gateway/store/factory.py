"""Opening a node's store, whichever database it lies on."""

from pathlib import Path

from gateway.ports import Clock
from gateway.store.engine.claims_postgres import PostgresClaims
from gateway.store.engine.claims_sqlite import SqliteClaims
from gateway.store.engine.location import locate
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.sqlite import SqliteStore
from gateway.store.engine.sqlite_files import SqliteFiles
from gateway.store.revision import refuse_other_revision


def open_store(url: str, *, base_dir: Path) -> SqliteStore | PostgresStore:
    """Return the node's store; relative SQLite paths are below ``base_dir``.

    Safe before a fork: nothing stays open. Raises :class:`gateway.store.engine.refusals.StoreRefused`, which says what
    to do about a store that is missing, not migrated, or could lose acknowledged work.
    """
    location = locate(url, base_dir=base_dir)
    refuse_other_revision(location)
    return SqliteStore(location) if isinstance(location, SqliteFiles) else PostgresStore(location)


def open_claims(url: str, *, base_dir: Path, clock: Clock) -> SqliteClaims | PostgresClaims:
    """Return the single-use identifiers of the same node. Safe before a fork, and refuses, like :func:`open_store`."""
    location = locate(url, base_dir=base_dir)
    refuse_other_revision(location)
    started_at = clock.now()
    if isinstance(location, SqliteFiles):
        return SqliteClaims(location, started_at=started_at)
    return PostgresClaims(location)
