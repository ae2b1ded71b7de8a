"""A party leaves an agreement; the others go on without it, at every node."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.administration import decisions
from gateway.store.tables import agreements
from tests.simulator.agreements import call, post_call, restored
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.settings_files import read_node
from tests.simulator.town import BY_ENTITY, COUNCIL, POLICE, TRUST
from trust.agreements.agreement import Agreement, Closure, InForce, NotInForce
from trust.agreements.ending import build_ending
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Network]:
    """Give the council, the mental health trust and the police."""
    network = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST], BY_ENTITY[POLICE]])
    network.agree()
    yield network
    network.close()


def standing_at(network: Network, entity: EntityId) -> InForce | NotInForce:
    [standing] = network.nodes[entity].agreements.standings(now=network.clock.now())
    return standing


def leave(network: Network, entity: EntityId) -> Agreement:
    agreement = standing_at(network, entity).agreement
    assert network.nodes[entity].countersigning.endings.leave(agreement, now=network.clock.now())
    return agreement


def explain_refusal(network: Network) -> str:
    """Return the explanation of the last refusal at the trust."""
    settings = read_node(network.folder_of(TRUST) / "hearthgate.toml")
    refused = [leaf for leaf in network.leaves(TRUST) if leaf["kind"] == "refused"]
    explained = decisions.explain(settings, str(refused[-1]["message"]["id"]))
    assert explained.ok
    return "\n".join(explained.lines)


def parties(network: Network, entity: EntityId) -> set[EntityId]:
    return {party.entity for party in standing_at(network, entity).agreement.parties}


@pytest.mark.holds("S12")
@pytest.mark.holds("A72")
def test_a_party_leaves_and_the_others_go_on(three: Network) -> None:
    hand = PeerHand(network=three, agreement=leave(three, COUNCIL).ref)
    assert hand.ask()["status"] == "known"
    three.nodes[COUNCIL].keeper.round()
    day = three.clock.now().date().isoformat()
    reason = hand.ask()["reason"]
    assert reason["code"] == "service_not_party"
    assert f"left it on {day}" in reason["text"]
    explained = explain_refusal(three)
    assert f"of {hand.agreement.id} version {hand.agreement.version}" in explained
    assert f"left it on {day}" in explained
    assert "Replayed with its recorded inputs: the same answer." in explained
    own = standing_at(three, COUNCIL)
    assert isinstance(own, NotInForce)
    assert own.closure is Closure.LEFT
    for entity in (TRUST, POLICE):
        assert isinstance(standing_at(three, entity), InForce)
        assert parties(three, entity) == {TRUST, POLICE}


def test_where_one_party_is_left_nothing_flows(three: Network) -> None:
    for entity in (COUNCIL, POLICE):
        leave(three, entity)
        three.nodes[entity].keeper.round()
    last = standing_at(three, TRUST)
    assert isinstance(last, NotInForce)
    assert last.closure is None
    assert last.reason.endswith("No other party is left.")


@pytest.mark.holds("A72")
def test_a_notice_without_the_leavers_signature_changes_nothing(three: Network) -> None:
    agreement, now = standing_at(three, TRUST).agreement, three.clock.now()
    ref, ours = agreement.ref, three.nodes[COUNCIL].vault.signer(KeyUse.FEDERATION)
    forged = [
        build_ending(ref, Closure.LEFT, party=POLICE, signer=ours, now=now),
        build_ending(ref, Closure.LEFT, party=COUNCIL, signer=LocalSigner.generate(KeyUse.FEDERATION), now=now),
        build_ending(ref, Closure.LEFT, party=COUNCIL, signer=ours, now=now + timedelta(hours=1)),
    ]
    for raw in forged:
        assert post_call(three, ref, call(three, ref, ending=raw)).status_code in {400, 403}
        assert parties(three, TRUST) == {COUNCIL, TRUST, POLICE}
    stored = agreements.StoredEnding(
        agreement_id=ref.id, version=ref.version, entity=POLICE, state=Closure.LEFT, raw=forged[0], jwks=b'{"keys":[]}'
    )
    three.nodes[TRUST].store.write(lambda tx: agreements.put_leaving(tx, stored, added_at=now))
    assert parties(three, TRUST) == {COUNCIL, TRUST, POLICE}


@pytest.mark.holds("A72")
def test_no_later_signature_brings_a_leaver_back(three: Network) -> None:
    ref = leave(three, COUNCIL).ref
    three.nodes[COUNCIL].keeper.round()
    three.clock.forward(minutes=2)
    fresh = three.signature(COUNCIL, ref)
    post_call(three, ref, call(three, ref, signature=fresh.raw))
    three.hold_signature(COUNCIL, ref, fresh)
    assert parties(three, TRUST) == {TRUST, POLICE}
    own = standing_at(three, COUNCIL)
    assert isinstance(own, NotInForce)
    assert own.closure is Closure.LEFT


def test_a_party_that_was_away_learns_of_a_leaving_from_any_other(three: Network) -> None:
    agreement = leave(three, COUNCIL)
    del three.wire.apps[POLICE]
    three.nodes[COUNCIL].keeper.round()
    three.stop(COUNCIL)
    three.wire.apps[POLICE] = three.nodes[POLICE].peer_app
    assert parties(three, POLICE) == {COUNCIL, TRUST, POLICE}
    three.nodes[POLICE].countersigning.offer(agreement, TRUST, now=three.clock.now())
    assert parties(three, POLICE) == {TRUST, POLICE}


@pytest.mark.holds("A72")
def test_a_leaver_restored_from_a_backup_learns_that_it_left(three: Network) -> None:
    def leave_at_all() -> None:
        leave(three, COUNCIL)
        three.nodes[COUNCIL].keeper.round()

    node = restored(three, COUNCIL, leave_at_all)
    agreement = standing_at(three, COUNCIL).agreement
    assert isinstance(standing_at(three, COUNCIL), InForce)
    three.clock.forward(seconds=1)
    node.countersigning.offer(agreement, TRUST, now=three.clock.now())
    own = standing_at(three, COUNCIL)
    assert isinstance(own, NotInForce)
    assert own.closure is Closure.LEFT


def test_only_those_that_the_agreement_names_end_it_for_all(tmp_path: Path) -> None:
    network = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST], BY_ENTITY[POLICE]])
    ref = network.agree(network.document(ended_by=[TRUST]))
    now, ours = network.clock.now(), network.nodes[COUNCIL].vault.signer(KeyUse.FEDERATION)
    for closure, status in ((Closure.ENDED, 400), (Closure.WITHDRAWN, 400), (Closure.REPLACED, 200)):
        raw = build_ending(ref, closure, party=COUNCIL, signer=ours, now=now)
        assert post_call(network, ref, call(network, ref, ending=raw)).status_code == status
        assert isinstance(standing_at(network, TRUST), InForce)
    assert network.nodes[TRUST].countersigning.endings.end(standing_at(network, TRUST).agreement, now=now)
    network.nodes[TRUST].keeper.round()
    ended = standing_at(network, COUNCIL)
    assert isinstance(ended, NotInForce)
    assert ended.closure is Closure.ENDED
    network.close()
