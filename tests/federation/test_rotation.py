"""Keys change while everybody works: rotated, no request fails; revoked, nothing that they signed is believed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.app.node import Node, create_node
from gateway.app.wiring import ExternalPorts
from gateway.federation.entity_configuration import HISTORICAL_KEYS_PATH
from gateway.federation.fetch import CONFIGURATION_PATH
from gateway.keys.files import NODE_KEYS
from gateway.keys.rotation import apply, draft_revocation, draft_rotation
from gateway.keys.vault import read_records
from tests.simulator import faults
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import ANCHOR, COUNCIL, TRUST
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.historical_keys import Revocation, RevocationReason, parse_historical_keys
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner

ROTATED = (KeyUse.MESSAGE, KeyUse.OAUTH, KeyUse.DPOP, KeyUse.FEDERATION, KeyUse.EVIDENCE, KeyUse.ENCRYPTION)


class Workers:
    """Two workers of each node, which take turns in answering and asking."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.of = {entity: [node, self._another(node)] for entity, node in network.nodes.items()}
        self.client = network.case_client(COUNCIL)
        self.asked = 0

    def _another(self, node: Node) -> Node:
        network = self.network
        outside = ExternalPorts(
            clock=network.clock, transport=network.wire, case_systems=network.case_systems, sign_in=network.wire
        )
        return create_node(node.settings, outside)

    def turn(self) -> None:
        """Let the other worker of each node do what comes next."""
        for entity, workers in self.of.items():
            workers.reverse()
            self.network.wire.apps[entity] = workers[0].peer_app
        self.client.http = self.of[COUNCIL][0].case_app.test_client()

    def ask(self) -> None:
        """Ask once, and be answered by everybody."""
        self.turn()
        self.asked += 1
        asker = self.client.as_role("key-worker") | {"id": f"u-{self.asked % 4}"}
        view = self.client.look_up(practitioner=asker)
        assert {line["status"] for line in view["answers"]} == {"known"}, (self.network.clock.now(), view)

    def close(self) -> None:
        """Let go of the stores of the second workers."""
        for entity, workers in self.of.items():
            for worker in workers:
                if worker is not self.network.nodes[entity]:
                    worker.store.close()
                    worker.claims.close()


@pytest.fixture
def workers(pair: Network) -> Iterator[Workers]:
    made = Workers(pair)
    yield made
    made.close()


def folder(network: Network, entity: EntityId) -> Path:
    return network.folder_of(entity) / "keys"


def rotate(network: Network, entity: EntityId, use: KeyUse) -> None:
    """Do what `hearthgate trust key rotate` does."""
    at, keys = network.clock.now(), folder(network, entity)
    apply(
        keys, draft_rotation(read_records(keys, NODE_KEYS), use, at=at, awaits_superior=use is KeyUse.FEDERATION), at=at
    )


def revoke(network: Network, entity: EntityId, kid: str) -> None:
    """Do what `hearthgate trust key revoke` does."""
    at, keys = network.clock.now(), folder(network, entity)
    apply(keys, draft_revocation(read_records(keys, NODE_KEYS), kid, RevocationReason.COMPROMISED, at=at), at=at)


def signing(network: Network, entity: EntityId) -> dict[KeyUse, str]:
    vault = network.nodes[entity].vault
    return {use: vault.published(use).keys[0].kid for use in ROTATED}


@contextmanager
def without_the_anchor(network: Network) -> Iterator[None]:
    network.wire.faults[ANCHOR] = faults.down
    yield
    del network.wire.faults[ANCHOR]


@pytest.mark.holds("A38")
def test_every_key_of_both_sides_is_rotated_while_they_ask_and_no_request_fails(workers: Workers) -> None:
    network = workers.network
    before = {entity: signing(network, entity) for entity in network.nodes}

    def work(times: int, step: timedelta = timedelta(minutes=2)) -> None:
        for _ in range(times):
            network.clock.moment += step
            for node in network.nodes.values():
                node.keeper.round()
            workers.ask()

    work(1)
    with without_the_anchor(network):  # so that no node can fetch a key that is new to it
        for entity in network.nodes:
            for use in ROTATED:
                rotate(network, entity, use)
        workers.ask()
    work(4)
    for entity in network.nodes:  # the superior's administrators admit the requests, which name both keys
        network.enrol(entity, SuspensionState.ACTIVE)
    work(3)
    with without_the_anchor(network):  # just while the new keys begin to sign
        work(2)
    work(10)
    after = {entity: signing(network, entity) for entity in network.nodes}
    for entity in network.nodes:
        assert {use for use in ROTATED if after[entity][use] == before[entity][use]} == set()
        assert before[entity][KeyUse.MESSAGE] in network.nodes[entity].vault.published(KeyUse.MESSAGE).kids
    work(16, timedelta(days=1))
    for entity in network.nodes:
        vault = network.nodes[entity].vault
        assert vault.published(KeyUse.MESSAGE).kids == {after[entity][KeyUse.MESSAGE]}
        assert vault.published(KeyUse.FEDERATION).kids == {after[entity][KeyUse.FEDERATION]}
        assert [past.kid for past in vault.historical()] == [before[entity][KeyUse.FEDERATION]]
        network.enrol(entity, SuspensionState.ACTIVE)  # what `trust key announce` asks for
    work(4)


@pytest.fixture
def hand(pair: Network) -> PeerHand:
    return PeerHand(network=pair, agreement=pair.agree())


def stolen(network: Network, use: KeyUse) -> LocalSigner:
    return LocalSigner.from_pem((folder(network, COUNCIL) / f"{use}.pem").read_bytes(), use)


@pytest.mark.holds("A39")
def test_a_message_of_a_revoked_key_is_refused_however_far_it_is_dated_back(pair: Network, hand: PeerHand) -> None:
    thief = stolen(pair, KeyUse.MESSAGE)
    earlier = int(pair.clock.now().timestamp())
    assert hand.post(hand.signed(hand.message(), signer=thief)).status == 200
    revoke(pair, COUNCIL, thief.kid)
    pair.clock.forward(seconds=200)
    pair.nodes[TRUST].directory.refresh(COUNCIL, now=pair.clock.now())
    hand.forget_tokens()
    dated_back = hand.message(iat=earlier, exp=earlier + 300)
    answer = hand.post(hand.signed(dated_back, signer=thief))
    assert (answer.status, b"message-not-verified" in answer.body) == (400, True)
    # the same message stands where it is signed with the key that took over, so nothing else refused it
    assert hand.post(hand.signed(dated_back)).status == 200


def test_a_message_of_a_retired_key_that_is_dated_before_stands(pair: Network, hand: PeerHand) -> None:
    old = stolen(pair, KeyUse.MESSAGE)
    rotate(pair, COUNCIL, KeyUse.MESSAGE)
    pair.clock.forward(minutes=14)
    queued = hand.message()
    pair.clock.forward(minutes=1)
    pair.nodes[TRUST].directory.refresh(COUNCIL, now=pair.clock.now())
    assert hand.post(hand.signed(queued, signer=old)).status == 200
    pair.clock.forward(minutes=1)
    assert hand.post(hand.signed(hand.message(), signer=old)).status == 400


@pytest.mark.holds("A39")
def test_access_tokens_of_a_revoked_key_end_at_once_and_new_ones_are_had(pair: Network, hand: PeerHand) -> None:
    token = hand.token()
    assert hand.post(hand.signed(), token=token).status == 200
    vault = pair.nodes[TRUST].vault
    revoke(pair, TRUST, vault.signer(KeyUse.OAUTH).kid)
    assert hand.post(hand.signed(), token=token).status == 401
    assert pair.case_client().look_up()["answers"][0]["status"] == "known"


def test_revoked_and_gone_federation_keys_are_published_as_such_and_verify_nothing(pair: Network) -> None:
    before = pair.nodes[TRUST].vault.signer(KeyUse.FEDERATION).kid
    revoke(pair, TRUST, before)
    vault, now = pair.nodes[TRUST].vault, pair.clock.now()
    raw = pair.wire.deliver_text(TRUST + HISTORICAL_KEYS_PATH)
    history = parse_historical_keys(raw, issuer_keys=vault.published(KeyUse.FEDERATION), now=now)
    (past,) = history.keys
    assert (history.issuer, past.kid, past.revoked) == (TRUST, before, Revocation(at=now, reason="compromised"))
    stated = parse_entity_configuration(pair.wire.deliver_text(TRUST + CONFIGURATION_PATH), now=now)
    assert before not in stated.keys.kids
    assert stated.metadata["federation_entity"]["federation_historical_keys_endpoint"] == TRUST + HISTORICAL_KEYS_PATH


def test_a_next_key_is_published_at_once(pair: Network) -> None:
    before = pair.wire.deliver_text(TRUST + CONFIGURATION_PATH)
    assert pair.wire.deliver_text(TRUST + CONFIGURATION_PATH) == before
    rotate(pair, TRUST, KeyUse.MESSAGE)
    assert pair.wire.deliver_text(TRUST + CONFIGURATION_PATH) != before
