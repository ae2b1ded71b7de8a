"""Bringing a store's tables to what this version needs: a command, never a side effect of serving."""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, text

from gateway.store.engine.claims_sqlite import create_claims_file
from gateway.store.engine.location import administration_engine, locate
from gateway.store.engine.refusals import StoreUnmigrated
from gateway.store.engine.sqlite_files import TurnLock, create_in_wal_mode
from gateway.store.schema import REVISION

_ADVISORY_LOCK = 4_807_104_214_208
"""An arbitrary number that only this program's migrations lock."""


def migrate(url: str, *, base_dir: Path) -> None:
    """Make the store's tables, or bring them up to date; of several at once, one works and the others wait."""
    location = locate(url, base_dir=base_dir)
    engine = administration_engine(location)
    if isinstance(location, URL):
        _upgrade_postgres(engine)
        return
    location.database.parent.mkdir(parents=True, exist_ok=True)
    turns = TurnLock(location.lock)
    try:
        with turns.turn():
            create_in_wal_mode(location.database)
            _upgrade(engine)
            create_claims_file(location.claims)
    finally:
        turns.close()


def _upgrade_postgres(engine: Engine) -> None:
    with engine.connect() as guard:
        guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
        _upgrade(engine)


def _upgrade(engine: Engine) -> None:
    with engine.begin() as connection:
        is_current_within(connection)


def is_current_within(connection: Connection, revision: str = REVISION) -> None:
    """Run the migrations up to ``revision`` in the transaction that ``connection`` is in."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def lacks_claims(url: str, *, base_dir: Path) -> bool:
    """Return whether the file of the single-use identifiers, which the server of PostgreSQL keeps, is missing."""
    location = locate(url, base_dir=base_dir)
    return not isinstance(location, URL) and not location.claims.is_file()


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationStep:
    """One migration, and what it is for."""

    revision: str
    purpose: str


def steps_from(revision: str | None) -> tuple[MigrationStep, ...]:
    """Return the migrations that a store of ``revision`` still needs, in their order; with ``None``, all of them.

    Raises :class:`StoreUnmigrated` for a revision that this version does not know: a newer one made it.
    """
    scripts = ScriptDirectory.from_config(_config())
    every = [MigrationStep(revision=each.revision, purpose=each.doc or "") for each in scripts.walk_revisions()][::-1]
    if revision is None:
        return tuple(every)
    names = [step.revision for step in every]
    if revision not in names:
        raise StoreUnmigrated(
            f"The tables are at revision {revision}, which this version does not know: a newer version made them. "
            "Install that version."
        )
    return tuple(every[names.index(revision) + 1 :])


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
