"""A consistent copy of a store in use, and a new store made of a copy, on either database.

A copy goes back to the kind of database that it came from. It is brought to this version's revision on the way, and
begins a new epoch (:mod:`gateway.store.tables.store_epoch`). Nothing that exists is overwritten.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL

from gateway.store.backup import postgres, sqlite
from gateway.store.engine.location import administration_engine, locate
from gateway.store.engine.refusals import StoreRefused
from gateway.store.migration import is_current_within, migrate, steps_from
from gateway.store.revision import read_revision
from gateway.store.tables.store_epoch import StoreEpoch

SQLITE, POSTGRESQL = "sqlite", "postgresql"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCopy:
    """What a copy consists of: files by name, in an order in which they go back."""

    kind: str
    revision: str
    parts: tuple[str, ...]


def copy_out(url: str, *, base_dir: Path, folder: Path) -> StoreCopy:
    """Copy the store into ``folder``, which only its owner can enter. Raises :class:`StoreRefused`."""
    revision = read_revision(url, base_dir=base_dir)
    if revision is None:
        raise StoreRefused("The store has no tables yet, so there is nothing to copy: run `hearthgate upgrade`.")
    location = locate(url, base_dir=base_dir)
    if isinstance(location, URL):
        return StoreCopy(kind=POSTGRESQL, revision=revision, parts=postgres.copy_out(location, folder))
    return StoreCopy(kind=SQLITE, revision=revision, parts=sqlite.copy_out(location, folder))


def refuse_misfit(copy: StoreCopy, url: str, *, base_dir: Path) -> None:
    """Raise :class:`StoreRefused` unless :func:`copy_in` can make a store of ``copy`` at ``url``."""
    steps_from(copy.revision)
    location = locate(url, base_dir=base_dir)
    kind = POSTGRESQL if isinstance(location, URL) else SQLITE
    if kind != copy.kind:
        raise StoreRefused(f"The backup is of a {copy.kind} store, and [store] url names a {kind} one.")
    if isinstance(location, URL):
        postgres.refuse_occupied(location)
    else:
        sqlite.refuse_occupied(location)


def copy_in(copy: StoreCopy, url: str, *, base_dir: Path, folder: Path, at: datetime) -> StoreEpoch:
    """Make a store of a copy, bring it up to date, and begin its next epoch at ``at``.

    On PostgreSQL all of it is one transaction; on SQLite a caller makes it in a folder that is not in use yet.
    """
    refuse_misfit(copy, url, base_dir=base_dir)
    location = locate(url, base_dir=base_dir)
    if isinstance(location, URL):
        with administration_engine(location).begin() as connection:
            is_current_within(connection, copy.revision)
            postgres.copy_in(connection, folder, copy.parts)
            is_current_within(connection)
            return postgres.begin_epoch(connection, at)
    sqlite.copy_in(location, folder)
    migrate(url, base_dir=base_dir)
    return sqlite.begin_epoch(location, at)
