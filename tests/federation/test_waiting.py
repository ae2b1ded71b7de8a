"""Every round of maintenance counts what waits for people, in a form that an alarm can be set on."""

import re
from datetime import timedelta

import pytest

from gateway.accountability.sampling import WITHIN
from gateway.store.tables import flags
from tests.federation.suspicion import Suspicion
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL, TRUST
from trust.identifiers import EntityId

_LINE = re.compile(r'^hearthgate_pending_reviews\{queue="(\w+)"\} ([0-9.]+)$', re.MULTILINE)


def waiting(network: Network, entity: EntityId) -> dict[str, int]:
    """Return the numbers that are shown after a round of this node's keeper."""
    node = network.nodes[entity]
    node.keeper.round()
    text = node.operations_app.test_client().get("/metrics").text
    return {what: int(float(number)) for what, number in _LINE.findall(text)}


@pytest.fixture
def suspicion(pair: Network) -> Suspicion:
    return Suspicion(network=pair)


def test_a_flag_is_counted_until_its_review(pair: Network) -> None:
    store, now = pair.nodes[TRUST].store, pair.clock.now()
    assert waiting(pair, TRUST)["flags"] == 0
    store.write(lambda tx: flags.raise_flag(tx, code="over_budget", asker=f"{COUNCIL} p", at=now))
    assert waiting(pair, TRUST)["flags"] == 1
    store.write(lambda tx: flags.review(tx, code="over_budget", asker=f"{COUNCIL} p", by="M. Ellery", at=now))
    assert waiting(pair, TRUST)["flags"] == 0


def test_a_lookup_is_counted_once_its_manager_is_late(pair: Network) -> None:
    pair.case_client(sample_percent=100).look_up()
    assert waiting(pair, COUNCIL)["lookups_to_justify"] == 0
    pair.clock.forward(days=WITHIN.days, minutes=1)
    assert waiting(pair, COUNCIL)["lookups_to_justify"] == 1


def test_a_query_about_misuse_is_counted_by_both_once_it_is_late_and_until_it_is_answered(suspicion: Suspicion) -> None:
    network, message = suspicion.network, suspicion.message
    asked = suspicion.asking().ask(message, "Looked up at three in the morning.", now=network.clock.now())
    late = asked.due_at - network.clock.now() + timedelta(minutes=1)

    def counted() -> tuple[int, int]:
        return waiting(network, COUNCIL)["misuse_to_answer"], waiting(network, TRUST)["misuse_answers"]

    assert counted() == (0, 0)
    network.clock.forward(seconds=late.total_seconds())
    assert counted() == (1, 1)
    suspicion.release()
    suspicion.asking().ask(message, "ignored", now=network.clock.now())
    assert counted() == (0, 0)
