"""The preview of an agreement's end counts what would stop, and names no person."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.administration.agreement_preview import EndPreview, preview_end
from gateway.store.tables.delivery_events import DeliverySide
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.queued import Sending, sending
from tests.simulator.town import AGREEMENT, ASKER, COUNCIL, TRUST
from trust.identifiers import AgreementId, EntityId


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sending]:
    with sending(tmp_path, played=(), askers=[ASKER]) as made:
        yield made


def preview(network: Network, entity: EntityId, agreement: str = AGREEMENT) -> EndPreview:
    node, now = network.nodes[entity], network.clock.now()
    [standing] = node.agreements.standings(now=now)
    ref = replace(standing.agreement.ref, id=AgreementId(agreement))
    terms = replace(standing.agreement, ref=ref)
    return preview_end(node.store, node.vault.seal_key(), terms, entity, now)


def test_an_alert_that_waits_is_shown_at_both_ends(world: Sending) -> None:
    world.submit()
    world.drain()
    for entity, side in ((COUNCIL, DeliverySide.SENDER), (TRUST, DeliverySide.RECIPIENT)):
        [waiting] = preview(world.network, entity).waiting
        assert (waiting.side, waiting.kind, waiting.is_read) == (side, "alert", False)
        assert not preview(world.network, entity, "another").waiting


def test_questions_of_the_last_days_are_counted_by_clause_agency_and_role(pair: Network) -> None:
    client = pair.case_client()
    for _ in range(2):
        assert client.post_lookup(client.body()).status_code == 201
    asked, answered = preview(pair, COUNCIL), preview(pair, TRUST)
    [(request, count)] = answered.requests.items()
    assert (request.asker, request.holder, count) == (ASKER, f"{TRUST}#mental-health", 2)
    assert asked.requests[request] == count
    assert {each.holder.partition("#")[0] for each in asked.requests} == {COUNCIL, TRUST}
    assert set(asked.requests.values()) == {count}
    assert (asked.answers, answered.answers) == (asked.requests.total(), 0)
    assert asked.kept_until is not None
    pair.clock.forward(days=31)
    assert not preview(pair, COUNCIL).requests
    text = "\n".join([*asked.lines(), *answered.lines()])
    assert client.body()["subject"]["family_name"] not in text


def test_a_refused_question_is_not_counted(pair: Network) -> None:
    [held] = pair.nodes[TRUST].agreements.standings(now=pair.clock.now())
    hand = PeerHand(network=pair, agreement=held.agreement.ref)
    assert hand.ask(purpose="another")["status"] == "refused"
    assert not preview(pair, TRUST).requests
