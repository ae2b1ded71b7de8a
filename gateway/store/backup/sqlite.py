"""A copy of a SQLite store while it is in use, and a store made of one.

``VACUUM INTO`` reads one snapshot, as any reader does: writers go on, and what commits meanwhile is not in it. The copy
holds no freed pages, so nothing that was erased travels with it. Single-use identifiers stay behind: a restored store
begins an epoch of its own, before which none is accepted.
"""

import os
import shutil
from datetime import datetime
from pathlib import Path

from pysqlite3 import dbapi2

from gateway.store.engine.claims_sqlite import ACCEPTED_AHEAD, refuse_before
from gateway.store.engine.refusals import StoreRefused
from gateway.store.engine.sqlite import SqliteStore
from gateway.store.engine.sqlite_files import SqliteConnection, SqliteFiles, connect
from gateway.store.tables import store_epoch
from gateway.store.tables.store_epoch import StoreEpoch

PART = "store.db"


def copy_out(files: SqliteFiles, folder: Path) -> tuple[str, ...]:
    """Write the store as it is at this moment into ``folder`` and return the names of its parts."""
    copy = folder / PART
    _create(copy)
    connection = connect(files.database)
    try:
        connection.execute("VACUUM INTO :copy", {"copy": str(copy)})
    except dbapi2.OperationalError as failed:
        raise StoreRefused(
            f"The store could not be copied ({failed}); is there room where the backup goes?"
        ) from failed
    finally:
        connection.close()
    refuse_damaged(copy)
    return (PART,)


def copy_in(files: SqliteFiles, folder: Path) -> None:
    """Make a store of a copy. Raises :class:`StoreRefused` where there is one already, or the copy is damaged."""
    refuse_occupied(files)
    refuse_damaged(folder / PART)
    files.database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _create(files.database)
    with (folder / PART).open("rb") as source, files.database.open("r+b") as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())


def begin_epoch(files: SqliteFiles, at: datetime) -> StoreEpoch:
    """Begin the next epoch of a store that was made of a copy, its single-use identifiers included."""
    store = SqliteStore(files)
    try:
        epoch = store.write(lambda tx: store_epoch.begin(tx, at=at))
    finally:
        store.close()
    refuse_before(files.claims, at + ACCEPTED_AHEAD)
    return epoch


def refuse_occupied(files: SqliteFiles) -> None:
    """Raise :class:`StoreRefused` where a store, or a part of one, lies at this place."""
    for path in (files.database, files.claims):
        if os.path.lexists(path):
            raise StoreRefused(f"{path} exists already, and a restore overwrites nothing; name another place.")


def refuse_damaged(copy: Path) -> None:
    """Read every page and index of a copy. Raises :class:`StoreRefused` for one that SQLite finds fault with."""
    connection: SqliteConnection = dbapi2.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        sound = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
        sound = sound and not connection.execute("PRAGMA foreign_key_check").fetchall()
    except dbapi2.DatabaseError:
        sound = False
    finally:
        connection.close()
    if not sound:
        raise StoreRefused("The copy of the store is damaged; take another backup, and look after this machine's disk.")


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
