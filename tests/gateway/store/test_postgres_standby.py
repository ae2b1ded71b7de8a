"""PostgreSQL's store on a primary whose commits wait for a standby: what is confirmed, and what is not."""

from collections import Counter
from pathlib import Path
from subprocess import Popen
from threading import Thread
from time import sleep

import pytest
from sqlalchemy import URL, text

from gateway.ports import StoreOutcomeUnknown, Transaction
from gateway.store.engine.location import locate
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.statement import Statement
from gateway.store.engine.write_queue import WriteLimits
from gateway.store.factory import open_store
from gateway.store.migration import migrate
from gateway.store.tables import evidence_leaves
from tests.gateway.store.makers import NOW
from tests.gateway.store.processes import start
from tests.postgres import Cluster, execute

BACKEND = Statement(text("SELECT pg_backend_pid() AS pid"))
FOR_EVER_S = 3_600.0
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture
def url(postgres_cluster: Cluster, tmp_path: Path) -> URL:
    migrate(postgres_cluster.url, base_dir=tmp_path)
    located = locate(postgres_cluster.url, base_dir=tmp_path)
    assert isinstance(located, URL)
    return located


def opened(url: URL, *, commit_s: float) -> PostgresStore:
    return PostgresStore(url, limits=WriteLimits(commit_s=commit_s))


def append(tx: Transaction) -> None:
    evidence_leaves.append(tx, leaf=b"leaf", leaf_hash=bytes(32), at=NOW)


class InThread(Thread):
    """A write that waits, and what it raised."""

    def __init__(self, store: PostgresStore) -> None:
        super().__init__()
        self._store = store
        self.raised: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._store.write(append)
        except Exception as error:  # noqa: BLE001 - a test looks at it
            self.raised = error


@pytest.mark.parametrize("statement", [CANCEL, TERMINATE], ids=["cancel", "terminate"])
def test_a_commit_whose_wait_for_the_standby_is_ended_counts_as_not_done(
    postgres_cluster: Cluster, url: URL, statement: str
) -> None:
    store = opened(url, commit_s=FOR_EVER_S)
    postgres_cluster.standby.kill()
    waiting = InThread(store)
    while execute(postgres_cluster.primary, WAITS) != "1":
        sleep(0.05)
    assert waiting.is_alive()
    execute(postgres_cluster.primary, statement)
    waiting.join()
    assert isinstance(waiting.raised, StoreOutcomeUnknown)
    assert store.read(evidence_leaves.count) == 1  # the row is there, on this machine alone
    store.close()


def test_a_commit_that_waits_too_long_for_the_standby_is_given_up(postgres_cluster: Cluster, url: URL) -> None:
    store = opened(url, commit_s=0.2)
    store.write(append)
    postgres_cluster.standby.kill()
    with pytest.raises(StoreOutcomeUnknown, match="same id"):
        store.write(append)
    assert store.read(evidence_leaves.count) == 2  # a store without its standby can be read, with the row in doubt
    with pytest.raises(StoreOutcomeUnknown):
        store.write(append)  # what follows the row in doubt confirms it no sooner
    postgres_cluster.standby.start()
    postgres_cluster.wait_until_synchronous()
    store.write(append)
    assert store.read(evidence_leaves.count) == 4
    store.close()


def test_what_a_writing_transaction_only_reads_is_on_the_standby_too(postgres_cluster: Cluster, url: URL) -> None:
    execute(postgres_cluster.primary, "CREATE ROLE node LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO node")
    store = opened(url.set(username="node"), commit_s=0.2)
    assert store.write(evidence_leaves.count) == 0
    postgres_cluster.standby.kill()
    assert store.read(evidence_leaves.count) == 0
    with pytest.raises(StoreOutcomeUnknown):
        store.write(evidence_leaves.count)
    store.close()


def test_a_cancel_that_comes_late_meets_no_later_work(postgres_cluster: Cluster, url: URL) -> None:
    store = opened(url, commit_s=0.2)
    postgres_cluster.standby.kill()
    before = store.read(lambda tx: tx.rows(BACKEND, {})[0].pid)
    with pytest.raises(StoreOutcomeUnknown):
        store.write(append)
    assert store.read(lambda tx: tx.rows(BACKEND, {})[0].pid) != before
    store.close()


def test_what_was_confirmed_is_on_the_promoted_standby_which_the_same_url_finds(
    postgres_cluster: Cluster, url: URL
) -> None:
    store = opened(url, commit_s=5.0)
    for _ in range(20):
        store.write(append)
    postgres_cluster.primary.kill()
    postgres_cluster.promote()
    assert store.read(evidence_leaves.count) == 20
    store.write(append)
    assert store.read(evidence_leaves.count) == 21
    store.close()


def test_a_session_that_would_hide_warnings_shows_them(postgres_cluster: Cluster, url: URL) -> None:
    execute(postgres_cluster.primary, "ALTER ROLE hearthgate SET client_min_messages = 'error'")
    store = opened(url, commit_s=0.2)
    postgres_cluster.standby.kill()
    with pytest.raises(StoreOutcomeUnknown):
        store.write(append)
    store.close()


class Lines(Thread):
    """The whole lines that a process wrote; one cut short by its end was told to no one."""

    def __init__(self, process: "Popen[str]") -> None:
        super().__init__()
        self._process = process
        self.lines: list[str] = []
        self.start()

    def run(self) -> None:
        assert self._process.stdout is not None
        self.lines.extend(line.strip() for line in self._process.stdout if line.endswith("\n"))

    def wait_for_more(self, count: int = 50) -> None:
        """Wait until there are more lines than now."""
        enough = len(self.lines) + count
        while len(self.lines) < enough:
            assert self._process.poll() is None
            sleep(0.02)


@pytest.mark.usefixtures("url")
def test_work_under_way_when_standby_and_primary_die_is_lost_nowhere_and_done_once(
    postgres_cluster: Cluster, tmp_path: Path
) -> None:
    processes = [start("acknowledge-through-failures", postgres_cluster.url, name) for name in "ab"]
    confirmed = [Lines(process) for process in processes]
    for each in confirmed:
        each.wait_for_more()
    postgres_cluster.standby.kill()
    sleep(0.5)  # what is confirmed in this time is lost with the primary
    postgres_cluster.primary.kill()
    postgres_cluster.standby.start()
    postgres_cluster.promote()
    for each in confirmed:
        each.wait_for_more()
    for process in processes:
        process.kill()
        process.communicate(timeout=60)
    for each in confirmed:
        each.join()

    store = open_store(postgres_cluster.url, base_dir=tmp_path)
    leaves = store.read(lambda tx: evidence_leaves.recent(tx, limit=10**6))
    store.close()
    stored = Counter(leaf.leaf.decode() for leaf in leaves if leaf.leaf != b"again")
    assert {row for each in confirmed for row in each.lines} <= stored.keys()
    assert set(stored.values()) == {1}
