"""A replaced or ended version never binds again at any party's node, also after the loss of the newer one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.store.tables import agreements
from tests.simulator.agreements import call, post_call, restored
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import AGREEMENT, COUNCIL, POLICE, TRUST
from trust.agreements.agreement import Closure, InForce, NotInForce
from trust.agreements.ending import build_ending
from trust.exchange.message import AgreementRef
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner

SERVICE = f"{TRUST}#mental-health"


def stands(network: Network, entity: EntityId, ref: AgreementRef) -> InForce | NotInForce | None:
    return network.nodes[entity].agreements.find(ref, now=network.clock.now())


def closure(network: Network, entity: EntityId, ref: AgreementRef) -> Closure | None:
    standing = stands(network, entity, ref)
    return standing.closure if isinstance(standing, NotInForce) else None


def first_version(network: Network) -> AgreementRef:
    [held] = network.nodes[COUNCIL].agreements.standings(now=network.clock.now())
    return held.agreement.ref


def end(network: Network, entity: EntityId, ref: AgreementRef) -> None:
    node = network.nodes[entity]
    standing = stands(network, entity, ref)
    assert standing is not None
    assert node.countersigning.endings.end(standing.agreement, now=network.clock.now())


def calls(network: Network) -> int:
    return len([url for url in network.wire.asked if url.endswith("/signatures")])


def later(network: Network, entity: EntityId, **span: float) -> None:
    """Let time pass, keep every chain fresh, and make a round at one node."""
    network.clock.forward(**span)
    for each in network.nodes:
        network.enrol(each)
    network.nodes[entity].keeper.round()


@pytest.mark.holds("A72")
def test_ending_the_newer_version_does_not_bring_the_older_one_back(pair: Network) -> None:
    old = first_version(pair)
    hands = [PeerHand(network=pair, agreement=old)]
    assert hands[0].ask()["status"] == "known"
    new = pair.agree(pair.document(version=2))
    hands.append(PeerHand(network=pair, agreement=new))
    assert hands[1].ask()["status"] == "known"
    end(pair, TRUST, new)
    asked = pair.count(TRUST, "mental-health")
    told = [hand.ask()["reason"] for hand in hands]
    assert [reason["code"] for reason in told] == ["agreement_not_in_force"] * 2
    assert ["Version 2 has replaced it" in told[0]["text"], "has ended it" in told[1]["text"]] == [True, True]
    assert asked.finds == 0


@pytest.mark.holds("A72")
@pytest.mark.holds("S12")
def test_the_other_partys_node_learns_of_an_ending_and_stops(pair: Network) -> None:
    old = first_version(pair)
    new = pair.agree(pair.document(version=2))
    client = pair.case_client()
    end(pair, TRUST, new)
    assert isinstance(stands(pair, COUNCIL, new), InForce)
    pair.nodes[TRUST].keeper.round()
    refused = client.post_lookup(client.body())
    assert (refused.status_code, refused.get_json()["code"]) == (403, "not-permitted")
    assert f"{AGREEMENT} version 2: Thornmere Mental Health Trust has ended it." in refused.get_json()["detail"]
    assert [closure(pair, COUNCIL, ref) for ref in (old, new)] == [Closure.REPLACED, Closure.ENDED]


def test_an_ending_is_told_until_it_is_taken_in_and_then_no_more(pair: Network) -> None:
    ref = first_version(pair)
    end(pair, TRUST, ref)
    del pair.wire.apps[COUNCIL]
    pair.nodes[TRUST].keeper.round()
    assert closure(pair, COUNCIL, ref) is None
    pair.wire.apps[COUNCIL] = pair.nodes[COUNCIL].peer_app
    later(pair, TRUST, minutes=2)
    assert closure(pair, COUNCIL, ref) is Closure.ENDED
    epoch, told = pair.nodes[COUNCIL].store.read(agreements.epoch), calls(pair)
    later(pair, TRUST, hours=2)
    pair.start(TRUST)
    later(pair, TRUST, hours=2)
    later(pair, COUNCIL, hours=2)
    assert (pair.nodes[COUNCIL].store.read(agreements.epoch), calls(pair)) == (epoch, told)


def test_a_notice_proves_who_ended_what(pair: Network) -> None:
    ref = first_version(pair)
    now, ours = pair.clock.now(), pair.nodes[COUNCIL].vault.signer(KeyUse.FEDERATION)
    other = AgreementRef(id=ref.id, version=ref.version, digest="A" * 43)
    stolen = LocalSigner.generate(KeyUse.FEDERATION)
    theirs = pair.nodes[TRUST].vault.signer(KeyUse.FEDERATION)
    forged = [
        build_ending(other, Closure.ENDED, party=COUNCIL, signer=ours, now=now),
        build_ending(ref, Closure.ENDED, party=POLICE, signer=ours, now=now),
        build_ending(ref, Closure.ENDED, party=COUNCIL, signer=stolen, now=now),
        build_ending(ref, Closure.ENDED, party=COUNCIL, signer=theirs, now=now),
        build_ending(ref, Closure.ENDED, party=COUNCIL, signer=ours, now=now + timedelta(hours=1)),
        pair.signature(COUNCIL, ref).raw,
    ]
    for raw in forged:
        assert post_call(pair, ref, call(pair, ref, ending=raw)).status_code in {400, 403}
        assert isinstance(stands(pair, TRUST, ref), InForce)
    good = build_ending(ref, Closure.ENDED, party=COUNCIL, signer=ours, now=now)
    assert post_call(pair, ref, call(pair, ref, ending=good)).status_code == 200
    assert closure(pair, TRUST, ref) is Closure.ENDED


def test_a_version_that_has_not_begun_replaces_nothing_and_is_withdrawn_alone(pair: Network) -> None:
    old, tomorrow = first_version(pair), (pair.clock.now() + timedelta(days=1)).date().isoformat()
    new = pair.agree(pair.document(version=2, valid_from=tomorrow))
    assert isinstance(stands(pair, TRUST, old), InForce)
    end(pair, TRUST, new)
    pair.nodes[TRUST].keeper.round()
    pair.clock.forward(days=2)
    for entity in (TRUST, COUNCIL):
        assert closure(pair, entity, new) is Closure.WITHDRAWN
        assert isinstance(stands(pair, entity, old), InForce)


def test_a_version_takes_the_place_of_the_older_one_on_its_first_day(pair: Network) -> None:
    old, tomorrow = first_version(pair), (pair.clock.now() + timedelta(days=1)).date().isoformat()
    new = pair.agree(pair.document(version=2, valid_from=tomorrow))
    pair.clock.forward(days=1)
    assert [closure(pair, TRUST, old), type(stands(pair, TRUST, new))] == [Closure.REPLACED, InForce]


@pytest.mark.holds("A72")
def test_a_version_that_ran_out_keeps_its_place_above_the_older_one(pair: Network) -> None:
    old, today = first_version(pair), pair.clock.now().date().isoformat()
    new = pair.agree(pair.document(version=2, review_date=today, valid_until=today))
    pair.clock.forward(days=1)
    assert closure(pair, TRUST, old) is Closure.REPLACED
    standing = stands(pair, TRUST, new)
    assert isinstance(standing, NotInForce)
    assert (standing.closure, standing.reason) == (None, f"It ended on {today}.")


@pytest.mark.holds("A72")
def test_what_was_retired_stays_so_when_the_newer_version_can_no_longer_be_proved(pair: Network) -> None:
    """Its keys are gone, or the clock was set back: only the older version would be left."""
    old = first_version(pair)
    new = pair.agree(pair.document(version=2))
    pair.nodes[TRUST].keeper.round()
    spoilt = replace(pair.signature(COUNCIL, new), jwks=b'{"keys":[]}')
    pair.hold_signature(COUNCIL, new, spoilt)
    standing = stands(pair, TRUST, new)
    assert isinstance(standing, NotInForce)
    assert standing.missing == (COUNCIL,)
    assert closure(pair, TRUST, old) is Closure.REPLACED


@pytest.mark.holds("A72")
def test_a_restored_node_learns_from_the_other_party_what_it_ended(pair: Network) -> None:
    ref = first_version(pair)

    def ended() -> None:
        end(pair, TRUST, ref)
        pair.nodes[TRUST].keeper.round()

    node = restored(pair, TRUST, ended)
    assert isinstance(stands(pair, TRUST, ref), InForce)
    pair.clock.forward(seconds=1)
    asked = node.countersigning.ask_endings(now=pair.clock.now())
    assert (asked.responders, asked.closed) == (frozenset({COUNCIL}), frozenset({ref}))
    assert not asked.silent
    assert closure(pair, TRUST, ref) is Closure.ENDED


@pytest.mark.holds("A72")
def test_a_restored_node_learns_that_a_version_was_replaced_by_one_it_never_saw(pair: Network) -> None:
    old = first_version(pair)
    node = restored(pair, TRUST, lambda: pair.agree(pair.document(version=2)))
    assert isinstance(stands(pair, TRUST, old), InForce)
    del pair.wire.apps[COUNCIL]
    assert node.countersigning.ask_endings(now=pair.clock.now()).silent == {COUNCIL}
    pair.wire.apps[COUNCIL] = pair.nodes[COUNCIL].peer_app
    assert node.countersigning.ask_endings(now=pair.clock.now()).closed == {old}
    assert closure(pair, TRUST, old) is Closure.REPLACED
