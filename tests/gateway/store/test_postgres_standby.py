"""PostgreSQL's store on a primary whose commits wait for a standby: what is confirmed, and what is not."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
from sqlalchemy import URL, text

from gateway.ports import StoreOutcomeUnknown, Transaction
from gateway.store.engine.location import locate
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.statement import Statement
from gateway.store.engine.write_queue import WriteLimits
from gateway.store.migration import migrate
from gateway.store.tables import evidence_leaves
from tests.gateway.store.makers import NOW
from tests.postgres import Cluster, execute, find_server_programs, running_cluster

BACKEND = Statement(text("SELECT pg_backend_pid() AS pid"))
FOR_EVER_S = 3_600.0
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    programs = find_server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed (on Debian: apt-get install postgresql)")
    with running_cluster(programs) as started:
        yield started


@pytest.fixture
def url(cluster: Cluster, tmp_path: Path) -> URL:
    migrate(cluster.url, base_dir=tmp_path)
    located = locate(cluster.url, base_dir=tmp_path)
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
    cluster: Cluster, url: URL, statement: str
) -> None:
    store = opened(url, commit_s=FOR_EVER_S)
    cluster.standby.kill()
    waiting = InThread(store)
    while execute(cluster.primary, WAITS) != "1":
        sleep(0.05)
    assert waiting.is_alive()
    execute(cluster.primary, statement)
    waiting.join()
    assert isinstance(waiting.raised, StoreOutcomeUnknown)
    assert store.read(evidence_leaves.count) == 1  # the row is there, on this machine alone
    store.close()


def test_a_commit_that_waits_too_long_for_the_standby_is_given_up(cluster: Cluster, url: URL) -> None:
    store = opened(url, commit_s=0.2)
    store.write(append)
    cluster.standby.kill()
    with pytest.raises(StoreOutcomeUnknown, match="same id"):
        store.write(append)
    assert store.read(evidence_leaves.count) == 2  # a store without its standby can be read, with the row in doubt
    with pytest.raises(StoreOutcomeUnknown):
        store.write(append)  # what follows the row in doubt confirms it no sooner
    cluster.standby.start()
    cluster.wait_until_synchronous()
    store.write(append)
    assert store.read(evidence_leaves.count) == 4
    store.close()


def test_a_cancel_that_comes_late_meets_no_later_work(cluster: Cluster, url: URL) -> None:
    store = opened(url, commit_s=0.2)
    cluster.standby.kill()
    before = store.read(lambda tx: tx.rows(BACKEND, {})[0].pid)
    with pytest.raises(StoreOutcomeUnknown):
        store.write(append)
    assert store.read(lambda tx: tx.rows(BACKEND, {})[0].pid) != before
    store.close()


def test_what_was_confirmed_is_on_the_promoted_standby_which_the_same_url_finds(cluster: Cluster, url: URL) -> None:
    store = opened(url, commit_s=5.0)
    for _ in range(20):
        store.write(append)
    cluster.primary.kill()
    cluster.promote()
    assert store.read(evidence_leaves.count) == 20
    store.write(append)
    assert store.read(evidence_leaves.count) == 21
    store.close()


def test_a_session_that_would_hide_warnings_shows_them(cluster: Cluster, url: URL) -> None:
    execute(cluster.primary, "ALTER ROLE hearthgate SET client_min_messages = 'error'")
    store = opened(url, commit_s=0.2)
    cluster.standby.kill()
    with pytest.raises(StoreOutcomeUnknown):
        store.write(append)
    store.close()
