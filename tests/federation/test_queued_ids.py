"""The ids of queued messages: used again, used by another agency, and sent again after they were forgotten."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.store.tables import flags, inbox, messages
from gateway.store.tables.inbox import InboxMessage, InboxState
from tests.simulator.agreements import ref_of
from tests.simulator.peer_hand import PeerHand, claims_in
from tests.simulator.queued import Sending, sending
from tests.simulator.town import ASKER, COUNCIL, HOUSING, TRUST
from trust import jose
from trust.claims import digest
from trust.exchange.alert import ALERT
from trust.exchange.message import TYP
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import KeyUse
from trust.strict_json import JsonObject


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sending]:
    with sending(tmp_path, played=(), askers=[ASKER, f"{HOUSING}#housing"]) as made:
        yield made


def hand_of(world: Sending, entity: EntityId) -> PeerHand:
    return PeerHand(network=world.network, agreement=ref_of(world.network), own=entity, kind=ALERT)


def sent(world: Sending) -> tuple[bytes, bytes]:
    """Send an alert, and return its bytes and its receipt's."""
    world.submit()
    world.drain()
    [(request, answer)] = world.network.wire.messages(TRUST)
    assert answer.status == 200
    return request.body, answer.body


def signed_again(hand: PeerHand, raw: bytes, change: Callable[[JsonObject], None]) -> bytes:
    """Return a message with something else in it, signed by a party's own key."""
    claims = claims_in(raw)
    change(claims)
    return jose.sign(claims, typ=TYP, signer=hand.signer(KeyUse.MESSAGE))


def inbox_rows(world: Sending) -> tuple[InboxMessage, ...]:
    store, service = world.network.nodes[TRUST].store, ServiceSlug("mental-health")
    return store.read(lambda tx: inbox.page(tx, service=service, state=InboxState.OPEN, after=None, limit=9))


@pytest.mark.holds("A4")
def test_the_id_of_an_alert_with_other_bytes_is_a_conflict_and_an_alarm(
    world: Sending, capsys: pytest.CaptureFixture[str]
) -> None:
    raw, receipt = sent(world)
    council = hand_of(world, COUNCIL)
    changed = signed_again(council, raw, lambda claims: claims.update(urgency="green"))
    answer = council.post(changed)
    assert (answer.status, json.loads(answer.body)["code"]) == (409, "message-id-reused")
    assert [row.digest for row in inbox_rows(world)] == [digest(raw)]
    said = capsys.readouterr()
    assert [line for line in (said.out + said.err).splitlines() if "id_reused" in line and "warning" in line]
    [flag] = world.network.nodes[TRUST].store.read(flags.list_open)
    assert (flag.code, flag.asker) == ("id_reused", COUNCIL)
    assert ("refused", "id_reused") in {(leaf["kind"], leaf["outcome"]) for leaf in world.network.leaves(TRUST)}
    assert council.post(raw).body == receipt


@pytest.mark.holds("A5")
def test_the_id_of_an_alert_from_another_agency_is_another_alert(world: Sending) -> None:
    raw, receipt = sent(world)
    housing = hand_of(world, HOUSING)
    other = signed_again(housing, raw, lambda claims: claims.update(iss=HOUSING, from_service="housing"))
    answer = housing.post(other)
    assert answer.status == 200
    assert (claims_in(answer.body)["state"], claims_in(answer.body)["aud"]) == ("stored", HOUSING)
    assert {(row.issuer, row.digest) for row in inbox_rows(world)} == {(COUNCIL, digest(raw)), (HOUSING, digest(other))}
    assert hand_of(world, COUNCIL).post(raw).body == receipt


@pytest.mark.holds("A13")
def test_an_alert_that_comes_again_after_its_id_was_forgotten_is_refused_as_expired(world: Sending) -> None:
    raw, _ = sent(world)
    network = world.network
    for _ in range(4):
        network.clock.forward(days=4)
        for entity in network.nodes:
            network.enrol(entity)
    store, now = network.nodes[TRUST].store, network.clock.now()
    assert store.write(lambda tx: messages.erase_expired(tx, now=now, batch=100)) > 1
    evidence = network.leaves(TRUST)
    answer = hand_of(world, COUNCIL).post(raw)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "message-untimely")
    assert len(inbox_rows(world)) == 1
    assert network.leaves(TRUST) == evidence
