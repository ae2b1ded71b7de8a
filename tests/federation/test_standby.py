"""Nodes on PostgreSQL: an exchange, and a database that waits for its standby."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.postgres import Cluster, execute
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import BY_ENTITY, COUNCIL, JOBCENTRE, TRUST

CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture
def pair(tmp_path: Path, postgres_cluster: Cluster) -> Iterator[Network]:
    agencies = [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]]
    made = Network(tmp_path, agencies, stores={TRUST: postgres_cluster.url})
    yield made
    made.close()


@contextmanager
def without_standby(cluster: Cluster) -> Iterator[None]:
    """Stop the standby, and end each wait for it sooner than a node does."""
    cluster.standby.kill()
    is_over = Event()

    def end_waits() -> None:
        while not is_over.wait(0.1):
            execute(cluster.primary, CANCEL)

    thread = Thread(target=end_waits)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        cluster.standby.start()
        cluster.wait_until_synchronous()


def test_nodes_on_postgresql_answer_a_lookup(tmp_path: Path, new_postgres_url: Callable[[], str]) -> None:
    agencies = [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST], BY_ENTITY[JOBCENTRE]]
    network = Network(tmp_path, agencies, stores={each.entity_id: new_postgres_url() for each in agencies})
    network.agree()
    case_system = network.case_client()
    statuses = {service: line["status"] for service, line in case_system.lines().items()}
    assert len(statuses) > 2
    assert set(statuses.values()) == {"known"}
    assert case_system.post_eligibility().status_code == 200
    network.close()


@pytest.mark.holds("A1", "A3")
def test_a_message_is_answered_neither_first_nor_again_until_the_standby_has_it(
    pair: Network, postgres_cluster: Cluster
) -> None:
    hand = PeerHand(network=pair, agreement=pair.agree())
    raw, token = hand.signed(), hand.token()
    with without_standby(postgres_cluster):
        for _ in range(2):
            refused = hand.post(raw, token=token)
            assert refused.status == 503
            assert b"outcome-unknown" in refused.body
    answered = [hand.post(raw, token=token) for _ in range(2)]
    assert [each.status for each in answered] == [200, 200]
    assert answered[0].body == answered[1].body
    assert [leaf["kind"] for leaf in pair.leaves(TRUST)].count("received") == 1
