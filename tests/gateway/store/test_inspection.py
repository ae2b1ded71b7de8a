"""A store's report of itself is read back from the database; weak settings are refused by name."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from gateway.store.engine.refusals import StoreUnsafe
from gateway.store.inspection import disk_space, settings_in_effect
from gateway.store.schema import REVISION
from tests.gateway.store.makers import administer


def test_sqlite_says_what_it_runs_with(sqlite_url: str, tmp_path: Path) -> None:
    found = dict(settings_in_effect(sqlite_url, base_dir=tmp_path))
    assert found.pop("SQLite").startswith("3.")
    assert found == {"synchronous": "full", "journal_mode": "wal", "tables": REVISION}


def test_postgresql_says_what_it_runs_with(migrated_postgres_url: str, tmp_path: Path) -> None:
    found = dict(settings_in_effect(migrated_postgres_url, base_dir=tmp_path))
    assert int(found.pop("PostgreSQL").partition(".")[0]) >= 12
    assert found == {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "tables": REVISION}


def test_a_database_whose_commits_are_not_synced_by_default_is_told_to_for_each_session(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    url = make_url(migrated_postgres_url)
    administer(url, f"ALTER DATABASE {url.database} SET synchronous_commit = off")
    assert settings_in_effect(migrated_postgres_url, base_dir=tmp_path)["synchronous_commit"] == "on"


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_does_not_sync_is_refused_by_the_setting_s_name(
    migrated_postgres_url: str, tmp_path: Path, setting: str
) -> None:
    url = make_url(migrated_postgres_url)
    administer(url, f"ALTER SYSTEM SET {setting} = off", "SELECT pg_reload_conf()", "SELECT pg_sleep(0.3)")
    try:
        with pytest.raises(StoreUnsafe, match=setting):
            settings_in_effect(migrated_postgres_url, base_dir=tmp_path)
    finally:
        administer(url, f"ALTER SYSTEM RESET {setting}", "SELECT pg_reload_conf()", "SELECT pg_sleep(0.3)")


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnsafe, match="cannot be reached"):
        settings_in_effect(f"postgresql+psycopg://x@/x?host={tmp_path}", base_dir=tmp_path)


def test_the_room_is_that_of_the_disk_on_which_the_store_lies(sqlite_url: str, tmp_path: Path) -> None:
    found = disk_space(sqlite_url, base_dir=tmp_path)
    assert found.path == tmp_path
    assert 0 < found.watermark < found.free
