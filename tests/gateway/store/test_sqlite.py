"""SQLite's store: groups, savepoints, limits, and who may see what."""

import stat
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import text

from gateway.ports import Store, StoreBusy, StoreFull, Transaction
from gateway.store.engine.sqlite import SqliteStore
from gateway.store.engine.sqlite_files import SqliteFiles, TurnLock
from gateway.store.engine.sqlite_writer import COMMITS_PER_CHECKPOINT
from gateway.store.engine.statement import Statement
from gateway.store.engine.write_queue import WriteLimits
from gateway.store.tables import evidence_leaves, messages
from tests.gateway.store.makers import COUNCIL, DIGEST, LATER, NOW


@pytest.fixture
def files(sqlite_url: str) -> SqliteFiles:
    return SqliteFiles(database=Path(sqlite_url.removeprefix("sqlite:///")))


@contextmanager
def opened(files: SqliteFiles, **limits: float) -> Iterator[SqliteStore]:
    store = SqliteStore(files, limits=WriteLimits(**limits))  # type: ignore[arg-type]
    try:
        yield store
    finally:
        store.close()


@contextmanager
def another_process_at_work(files: SqliteFiles) -> Iterator[None]:
    """Hold the writers' turn, as a process in the middle of a commit would."""
    turns = TurnLock(files.lock)
    with turns.turn():
        yield
    turns.close()


def append(tx: Transaction, *, size: int = 4) -> None:
    evidence_leaves.append(tx, leaf=bytes(size), leaf_hash=bytes(32), at=NOW)


def claim(tx: Transaction, jti: str, reply: bytes = b"sealed") -> None:
    messages.claim(tx, issuer=COUNCIL, message=jti, digest=DIGEST, sealed_reply=reply, expires=LATER)


def count(store: Store) -> int:
    return store.read(evidence_leaves.count)


def write_together(
    store: SqliteStore, files: SqliteFiles, works: list[Callable[[Transaction], object]]
) -> list[Future[object]]:
    """Queue all the works while another process has its turn, in their order, and wait for their ends."""
    with ThreadPoolExecutor(len(works)) as pool:
        with another_process_at_work(files):
            futures: list[Future[object]] = []
            for work in works:
                futures.append(pool.submit(store.write, work))
                sleep(0.05)
        return futures


def test_what_waits_is_committed_as_a_group(files: SqliteFiles) -> None:
    with opened(files) as store:
        seen: list[tuple[int, int]] = []

        def work(tx: Transaction) -> None:
            append(tx)
            seen.append((evidence_leaves.count(tx), count(store)))

        write_together(store, files, [append, work, work, work])

        # the first job was taken alone, before the others were there; they share a commit that no reader sees yet
        assert seen == [(2, 1), (3, 1), (4, 1)]
        assert count(store) == 4


def test_a_failed_job_takes_back_only_its_own_effects(files: SqliteFiles) -> None:
    def fail(tx: Transaction) -> None:
        append(tx)
        raise LookupError("no such person")

    with opened(files) as store:
        outcomes = write_together(store, files, [append, append, fail, append])

        assert [type(outcome.exception()) for outcome in outcomes] == [type(None), type(None), LookupError, type(None)]
        assert count(store) == 3


def test_a_refused_statement_takes_back_only_its_own_job(files: SqliteFiles) -> None:
    def fail(tx: Transaction) -> None:
        append(tx)
        tx.run(Statement(text("DELETE FROM evidence_leaves")), {})

    with opened(files) as store:
        outcomes = write_together(store, files, [append, append, fail, append])

        assert isinstance(outcomes[2].exception(), dbapi2.IntegrityError)
        assert count(store) == 3


def test_a_job_that_was_told_busy_never_runs(files: SqliteFiles) -> None:
    with opened(files, wait_s=0.05) as store:
        with another_process_at_work(files), ThreadPoolExecutor(2) as pool:
            refused = [pool.submit(store.write, append) for _ in range(2)]
            assert [type(outcome.exception()) for outcome in refused] == [StoreBusy, StoreBusy]
        store.write(append)
        assert count(store) == 1


def test_a_full_queue_refuses_at_once(files: SqliteFiles) -> None:
    with opened(files, waiting=2, wait_s=1.0) as store, ThreadPoolExecutor(4) as pool:
        with another_process_at_work(files):
            accepted = []
            for _ in range(3):  # one is in the writer's hands, two wait
                accepted.append(pool.submit(store.write, append))
                sleep(0.05)
            with pytest.raises(StoreBusy, match="Too much is waiting"):
                store.write(append)
            assert not any(outcome.done() for outcome in accepted)
        assert [outcome.exception() for outcome in accepted] == [None, None, None]
        assert count(store) == 3


def test_a_program_that_takes_no_turns_makes_us_busy_and_not_wrong(
    files: SqliteFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.engine.sqlite_files.BUSY_TIMEOUT_S", 0.05)
    stranger = dbapi2.connect(str(files.database), isolation_level=None)
    with opened(files) as store:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="another program"):
            store.write(append)
        stranger.execute("ROLLBACK")
        store.write(append)
        assert count(store) == 1
    stranger.close()


def test_a_full_database_refuses_the_group_and_recovers(files: SqliteFiles) -> None:
    def limit_pages(tx: Transaction) -> None:
        tx.rows(Statement(text("PRAGMA max_page_count = 1")), {})  # SQLite raises it to the pages in use

    with opened(files) as store:
        store.write(limit_pages)
        outcomes = write_together(store, files, [append, append, lambda tx: append(tx, size=100_000), append])
        assert [type(outcome.exception()) for outcome in outcomes] == [type(None), StoreFull, StoreFull, StoreFull]
        assert count(store) == 1

        store.write(lambda tx: append(tx, size=100_000))
        assert count(store) == 2


def test_a_nearly_full_disk_takes_no_work_but_still_erases(files: SqliteFiles) -> None:
    with opened(files) as store:
        store.write(lambda tx: claim(tx, "a"))
    with opened(files, reserve_bytes=2**62) as store:
        with pytest.raises(StoreFull, match="nearly full"):
            store.write(lambda tx: claim(tx, "b"))
        assert store.erase(lambda tx: messages.erase_expired(tx, now=LATER, batch=10)) == 1


def test_a_reader_cannot_write(files: SqliteFiles) -> None:
    with opened(files) as store, pytest.raises(dbapi2.OperationalError, match="readonly"):
        store.read(append)


def test_a_reader_sees_one_moment(files: SqliteFiles) -> None:
    def look_twice(tx: Transaction) -> tuple[int, int]:
        before = evidence_leaves.count(tx)
        store.write(append)
        return before, evidence_leaves.count(tx)

    with opened(files) as store:
        assert store.read(look_twice) == (0, 0)
        assert count(store) == 1


def test_a_value_comes_back_to_its_own_caller(files: SqliteFiles) -> None:
    with opened(files) as store, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: store.write(lambda _tx: number), range(200))) == list(range(200))


def test_the_write_ahead_log_is_folded_in_and_used_again(files: SqliteFiles) -> None:
    log = files.database.with_name(f"{files.database.name}-wal")
    with opened(files) as store:
        for _ in range(COMMITS_PER_CHECKPOINT):
            store.write(append)
        size = log.stat().st_size
        for _ in range(COMMITS_PER_CHECKPOINT):
            store.write(append)
        assert log.stat().st_size <= size * 1.5


def test_closing_finishes_what_is_queued_and_a_closed_store_opens_again(files: SqliteFiles) -> None:
    with opened(files) as store:
        with ThreadPoolExecutor(4) as pool:
            with another_process_at_work(files):
                outcomes = [pool.submit(store.write, append) for _ in range(3)]
                sleep(0.1)
                closing = pool.submit(store.close)
            assert [outcome.exception() for outcome in (*outcomes, closing)] == [None] * 4
        assert count(store) == 3


def test_nothing_is_open_before_the_first_use(files: SqliteFiles) -> None:
    descriptors = Path("/proc/self/fd")
    before = {path.name for path in descriptors.iterdir()}
    with opened(files):
        assert {path.name for path in descriptors.iterdir()} <= before


def test_only_its_owner_can_read_the_files(files: SqliteFiles) -> None:
    with opened(files) as store:
        store.write(append)
        found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files.database.parent.iterdir()}
    assert found
    assert set(found.values()) == {0o600}


def test_erased_bytes_are_gone_from_the_file(files: SqliteFiles) -> None:
    canary = b"sealed-canary-"
    with opened(files) as store:
        store.write(lambda tx: claim(tx, "a", canary * 40))
    assert canary in files.database.read_bytes()
    with opened(files) as store:
        store.erase(lambda tx: messages.erase_expired(tx, now=LATER, batch=10))
    assert canary not in files.database.read_bytes()
