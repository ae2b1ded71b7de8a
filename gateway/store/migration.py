"""Bringing a store's tables to what this version needs: a command, never a side effect of serving."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Engine, text

from gateway.store.claims_sqlite import create_claims_file
from gateway.store.location import administration_engine, locate
from gateway.store.sqlite_files import TurnLock, create_in_wal_mode

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
        with turns.held():
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
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
