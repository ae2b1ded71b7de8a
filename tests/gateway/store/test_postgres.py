"""PostgreSQL's store: lost races, lost connections, and servers that are not safe."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, bindparam, text

from gateway.ports import StoreBusy, StoreOutcomeUnknown, Transaction
from gateway.store.engine.location import locate
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.refusals import StoreUnsafe
from gateway.store.engine.statement import Statement
from gateway.store.engine.write_queue import WriteLimits
from gateway.store.migration import migrate
from gateway.store.tables import agreements, evidence_leaves
from tests.gateway.store.makers import NOW, administer
from tests.postgres import find_server_programs, running_server

READ = Statement(text("SELECT value FROM epochs WHERE name = 'agreements'"))
WRITE = Statement(text("UPDATE epochs SET value = :new WHERE name = 'agreements'").bindparams(bindparam("new")))
BACKEND = Statement(text("SELECT pg_backend_pid() AS pid"))


@pytest.fixture
def url(migrated_postgres_url: str, tmp_path: Path) -> URL:
    located = locate(migrated_postgres_url, base_dir=tmp_path)
    assert isinstance(located, URL)
    return located


@pytest.fixture
def postgres(url: URL) -> Iterator[PostgresStore]:
    opened = PostgresStore(url)
    yield opened
    opened.close()


def append(tx: Transaction) -> None:
    evidence_leaves.append(tx, leaf=b"leaf", leaf_hash=bytes(32), at=NOW)


def count_up(tx: Transaction) -> None:
    """Read, then write what follows: right only if no other transaction writes in between."""
    tx.run(WRITE, {"new": tx.rows(READ, {})[0].value + 1})


def test_work_that_reads_before_it_writes_loses_no_update(postgres: PostgresStore) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: postgres.write(count_up), range(60)))
    assert postgres.read(agreements.epoch) == 60


def test_a_failed_job_leaves_nothing(postgres: PostgresStore) -> None:
    def fail(tx: Transaction) -> None:
        append(tx)
        raise LookupError("no such person")

    with pytest.raises(LookupError):
        postgres.write(fail)
    assert postgres.read(evidence_leaves.count) == 0


def test_a_reader_cannot_write(postgres: PostgresStore) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        postgres.read(append)


def test_a_reader_sees_one_moment(postgres: PostgresStore) -> None:
    def look_twice(tx: Transaction) -> tuple[int, int]:
        before = evidence_leaves.count(tx)
        postgres.write(append)
        return before, evidence_leaves.count(tx)

    assert postgres.read(look_twice) == (0, 0)
    assert postgres.read(evidence_leaves.count) == 1


def test_a_connection_that_died_while_idle_is_replaced(postgres: PostgresStore, url: URL) -> None:
    pid = postgres.read(lambda tx: tx.rows(BACKEND, {})[0].pid)
    administer(url, f"SELECT pg_terminate_backend({pid}, 5000)")
    postgres.write(append)
    assert postgres.read(evidence_leaves.count) == 1


def test_work_whose_connection_dies_is_run_again_and_takes_effect_once(postgres: PostgresStore, url: URL) -> None:
    runs: list[int] = []

    def die_once(tx: Transaction) -> None:
        append(tx)
        runs.append(tx.rows(BACKEND, {})[0].pid)
        if len(runs) == 1:
            administer(url, f"SELECT pg_terminate_backend({runs[0]}, 5000)")
        append(tx)

    postgres.write(die_once)
    assert len(runs) == 2
    assert postgres.read(evidence_leaves.count) == 2


def test_a_connection_that_dies_during_the_commit_leaves_the_outcome_to_the_id(
    postgres: PostgresStore, url: URL
) -> None:
    administer(
        url,
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON evidence_leaves DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION die()",
    )
    runs: list[int] = []

    def work(tx: Transaction) -> None:
        runs.append(1)
        append(tx)

    with pytest.raises(StoreOutcomeUnknown, match="same id"):
        postgres.write(work)
    assert len(runs) == 1


def test_a_server_that_cannot_be_reached_makes_us_busy(tmp_path: Path) -> None:
    nobody = URL.create("postgresql+psycopg", username="hearthgate", database="x", query={"host": str(tmp_path)})
    with pytest.raises(StoreBusy):
        PostgresStore(nobody, limits=WriteLimits(wait_s=0.1)).read(evidence_leaves.count)


def test_no_free_connection_makes_us_busy(url: URL) -> None:
    store = PostgresStore(url, limits=WriteLimits(wait_s=0.2))
    inside = threading.Barrier(33)

    def hold(_tx: Transaction) -> None:
        inside.wait(30)
        inside.wait(30)

    with ThreadPoolExecutor(32) as pool:
        held = [pool.submit(store.read, hold) for _ in range(32)]
        inside.wait(30)
        with pytest.raises(StoreBusy, match="in use"):
            store.read(evidence_leaves.count)
        inside.wait(30)
        assert [outcome.exception() for outcome in held] == [None] * 32
    store.close()


def test_a_mistake_in_a_statement_is_not_repeated(postgres: PostgresStore) -> None:
    runs: list[int] = []

    def work(tx: Transaction) -> None:
        runs.append(1)
        tx.run(WRITE, {})

    with pytest.raises(psycopg.ProgrammingError):
        postgres.write(work)
    assert runs == [1]


def test_a_server_that_does_not_sync_is_refused(tmp_path: Path) -> None:
    programs = find_server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed (on Debian: apt-get install postgresql)")
    with running_server(programs) as server_url:
        migrate(server_url, base_dir=tmp_path)
        located = locate(server_url, base_dir=tmp_path)
        assert isinstance(located, URL)
        administer(located, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "SELECT pg_sleep(0.3)")
        with pytest.raises(StoreUnsafe, match="fsync"):
            PostgresStore(located).read(evidence_leaves.count)
