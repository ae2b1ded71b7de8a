"""Opening and migrating a store, and refusing one that is not fit."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, text

from gateway.ports import ClaimStore, Store
from gateway.store.engine.location import administration_engine, locate
from gateway.store.engine.refusals import StoreRefused, StoreUnmigrated, StoreUnsafe
from gateway.store.engine.sqlite_files import refuse_old_library
from gateway.store.factory import open_claims, open_store
from gateway.store.migration import is_current_within, migrate
from gateway.store.revision import is_current
from gateway.store.schema import REVISION, claims_metadata
from gateway.store.tables import evidence_leaves
from gateway.store.watch_schema import metadata
from tests.gateway.store.makers import NOW
from tests.simulator.clocks import SetClock


def test_an_unmigrated_store_is_refused_with_the_command_to_run(unmigrated_url: str, tmp_path: Path) -> None:
    assert not is_current(unmigrated_url, base_dir=tmp_path)
    with pytest.raises(StoreUnmigrated, match="run `hearthgate upgrade`"):
        open_store(unmigrated_url, base_dir=tmp_path)
    with pytest.raises(StoreUnmigrated, match="run `hearthgate upgrade`"):
        open_claims(unmigrated_url, base_dir=tmp_path, clock=SetClock(NOW))


def test_a_file_without_tables_is_refused_with_the_command_to_run(tmp_path: Path) -> None:
    (tmp_path / "node.db").touch()
    with pytest.raises((StoreUnmigrated, StoreUnsafe), match="hearthgate upgrade"):
        open_store("sqlite:///node.db", base_dir=tmp_path)


def test_a_store_of_another_version_is_refused_by_its_revision(store_url: str, tmp_path: Path) -> None:
    with administration_engine(locate(store_url, base_dir=tmp_path)).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999_later'"))
    assert not is_current(store_url, base_dir=tmp_path)
    with pytest.raises(StoreUnmigrated, match=rf"0999_later.*{REVISION}"):
        open_store(store_url, base_dir=tmp_path)


def test_migrating_again_changes_nothing(store_url: str, tmp_path: Path) -> None:
    store: Store = open_store(store_url, base_dir=tmp_path)
    store.write(lambda tx: evidence_leaves.append(tx, leaf=b"leaf", leaf_hash=bytes(32), at=NOW))
    migrate(store_url, base_dir=tmp_path)
    assert is_current(store_url, base_dir=tmp_path)
    assert store.read(evidence_leaves.count) == 1
    store.close()


def test_of_several_migrations_at_once_all_succeed(unmigrated_url: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migrate(unmigrated_url, base_dir=tmp_path), range(4)))
    assert is_current(unmigrated_url, base_dir=tmp_path)


def test_the_migrations_make_the_tables_that_the_repositories_use(store_url: str, tmp_path: Path) -> None:
    described = MetaData()
    is_sqlite = store_url.startswith("sqlite")
    for source in (metadata,) if is_sqlite else (metadata, claims_metadata):
        for table in source.sorted_tables:
            table.to_metadata(described)
    with administration_engine(locate(store_url, base_dir=tmp_path)).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), described) == []


def test_a_registration_of_before_becomes_the_rows_that_it_stood_for() -> None:
    with create_engine("sqlite://").begin() as connection:
        is_current_within(connection, "0007_dual_control")
        connection.execute(
            text(
                "INSERT INTO clients (client_id, name, jwks, services, roles, units, created_at) "
                "VALUES ('case', 'Case', '{}', :services, :roles, :units, 0)"
            ),
            {"services": '["families", "money"]', "roles": '["key-worker"]', "units": '["north", "south"]'},
        )
        is_current_within(connection)
        (row,) = connection.execute(text("SELECT positions FROM clients")).all()
    rows = {(each["service"], each["role"], each["org_unit"]) for each in json.loads(row.positions)}
    assert rows == set(product(["families", "money"], ["key-worker"], ["north", "south"]))


def test_the_program_asks_for_the_newest_migration() -> None:
    migrations = Path(migrate.__code__.co_filename).parent / "migrations"
    assert ScriptDirectory(str(migrations)).get_current_head() == REVISION


def test_a_relative_path_lies_below_the_folder_of_the_settings(tmp_path: Path) -> None:
    migrate("sqlite:///data/node.db", base_dir=tmp_path)
    assert (tmp_path / "data" / "node.db").is_file()
    assert (tmp_path / "data" / "node-claims.db").is_file()


@pytest.mark.parametrize(
    "url", ["", "node.db", "sqlite://", "sqlite:///:memory:", "mysql://clerk:secret@db/node", "postgresql", "://"]
)
def test_any_other_url_is_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match=r"sqlite:///path/to/file\.db or postgresql://") as refused:
        open_store(url, base_dir=tmp_path)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 2)])
def test_a_sqlite_with_the_wal_reset_bug_is_refused(version: tuple[int, ...]) -> None:
    with pytest.raises(StoreUnsafe, match=r"3\.51\.3 or later"):
        refuse_old_library(version)
    refuse_old_library((3, 51, 3))


def test_a_store_with_a_weaker_journal_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    with administration_engine(locate(sqlite_url, base_dir=tmp_path)).connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        connection.rollback()
        driver.execute("PRAGMA journal_mode = DELETE")
    with pytest.raises(StoreUnsafe, match="journal_mode"):
        open_store(sqlite_url, base_dir=tmp_path)


def test_claims_whose_file_is_gone_are_refused_until_it_is_made_again(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "node-claims.db").unlink()
    claims: ClaimStore = open_claims(sqlite_url, base_dir=tmp_path, clock=SetClock(NOW))
    with pytest.raises(StoreUnmigrated, match="hearthgate upgrade"):
        claims.claim(space="dpop", key="a", issued_at=NOW, expires=NOW.replace(hour=10), now=NOW)
    migrate(sqlite_url, base_dir=tmp_path)
    assert claims.claim(space="dpop", key="a", issued_at=NOW, expires=NOW.replace(hour=10), now=NOW)
    claims.close()


def test_a_store_moved_to_another_folder_opens_there(sqlite_url: str, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(tmp_path / "node.db", moved / "node.db")
    assert is_current("sqlite:///node.db", base_dir=moved)
