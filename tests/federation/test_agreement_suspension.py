"""A named party suspends an agreement for all, at every node, and it is resumed by one that is named, too."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.store.tables import agreement_suspensions, outbox
from gateway.store.tables.agreement_suspensions import StoredStandstill
from gateway.store.tables.agreements import StoredSignature
from gateway.store.tables.outbox import OutboxRow, OutboxState
from tests.simulator.agreements import call, post_call
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.queued import RECIPIENTS, alert, alert_clause, case_caller
from tests.simulator.town import BY_ENTITY, COUNCIL, HOUSING, TRUST
from trust import strict_json
from trust.agreements.agreement import Closure, InForce, NotInForce
from trust.agreements.suspending import AgreementSuspension, SuspendedState, build_suspension, next_notice
from trust.exchange.envelope import AgreementRef
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, LocalSigner

EVERYBODY = (COUNCIL, TRUST, HOUSING)
EVERYBODY_NAMED = (COUNCIL, HOUSING, TRUST)
SUSPENDED = SuspendedState.SUSPENDED
REASON = "A partner reported that the clause lets out too much."


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Network]:
    """Give three parties; the council and the housing association may suspend their agreement."""
    network = Network(tmp_path, [BY_ENTITY[each] for each in EVERYBODY])
    document = network.document(suspended_by=[COUNCIL, HOUSING])
    network.agree({**document, "clauses": [*document["clauses"], alert_clause()]})
    for each in RECIPIENTS:
        network.nodes[COUNCIL].directory.resolve(each, now=network.clock.now())
    yield network
    network.close()


def standing_at(network: Network, entity: EntityId) -> InForce | NotInForce:
    [standing] = network.nodes[entity].agreements.standings(now=network.clock.now())
    return standing


def change(network: Network, entity: EntityId) -> AgreementSuspension:
    """Have a party suspend the agreement, or resume it, and its node tell the others."""
    network.nodes[entity].keeper.round()  # it forgets the waits of what it has told before
    standing = standing_at(network, entity)
    state = SuspendedState.SUSPENDED if isinstance(standing, InForce) else SuspendedState.RESUMED
    notice = network.nodes[entity].countersigning.suspensions.change(
        standing.agreement.ref, state, REASON, now=network.clock.now()
    )
    assert notice is not None
    network.nodes[entity].keeper.round()
    return notice


def in_force(network: Network) -> set[bool]:
    return {isinstance(standing_at(network, each), InForce) for each in EVERYBODY}


def submit(network: Network) -> str:
    """Hand in an alert for the trust, which is not sent yet."""
    return network.nodes[COUNCIL].delivery.submitter.submit(
        case_caller(network).client.client_id, alert(), idempotency_key="k", now=network.clock.now()
    )


def sent(network: Network, submission: str) -> OutboxRow:
    """Send what is due, and return how the delivery of a submission stands."""
    node = network.nodes[COUNCIL]
    node.delivery.relay.sweep()
    node.delivery.relay.drain()
    [row] = node.store.read(lambda tx: outbox.of_submission(tx, submission=submission))
    return row


def test_a_suspension_is_in_effect_at_every_node_until_another_named_party_resumes_it(town: Network) -> None:
    hand = PeerHand(network=town, agreement=standing_at(town, TRUST).agreement.ref)
    assert hand.ask()["status"] == "known"
    change(town, COUNCIL)
    assert in_force(town) == {False}
    day = town.clock.now().date().isoformat()
    for each in EVERYBODY:
        standing = standing_at(town, each)
        assert isinstance(standing, NotInForce)
        assert standing.reason == f"{BY_ENTITY[COUNCIL].name} has suspended it since {day}."
        assert standing.closure is None
    change(town, HOUSING)
    assert in_force(town) == {True}
    assert hand.ask()["status"] == "known"


def test_an_alert_waits_while_the_agreement_is_suspended_and_is_sent_once_it_is_resumed(town: Network) -> None:
    submission = submit(town)
    change(town, COUNCIL)
    waiting = sent(town, submission)
    assert (waiting.state, waiting.reason) == (OutboxState.HELD, "agreement_not_in_force")
    town.clock.forward(minutes=1)
    change(town, COUNCIL)
    town.clock.forward(hours=1)
    assert sent(town, submission).state is OutboxState.STORED


def test_an_alert_of_a_sender_that_does_not_know_yet_waits_too(town: Network) -> None:
    submission, housing = submit(town), town.nodes[HOUSING].countersigning
    agreement, now = standing_at(town, HOUSING).agreement, town.clock.now()
    assert housing.suspensions.change(agreement.ref, SUSPENDED, REASON, now=now)
    housing.offer(agreement, TRUST, now=now)
    assert isinstance(standing_at(town, COUNCIL), InForce)
    assert isinstance(standing_at(town, TRUST), NotInForce)
    assert sent(town, submission).state is OutboxState.HELD
    town.clock.forward(minutes=2)
    town.nodes[HOUSING].keeper.round()
    assert isinstance(standing_at(town, COUNCIL), NotInForce)
    change(town, HOUSING)
    town.clock.forward(hours=2)
    assert sent(town, submission).state is OutboxState.STORED


def test_each_party_is_told_until_it_has_the_notice(town: Network) -> None:
    suspensions, agreement = town.nodes[COUNCIL].countersigning.suspensions, standing_at(town, COUNCIL).agreement
    app = town.wire.apps.pop(TRUST)
    change(town, COUNCIL)
    now = town.clock.now()
    assert suspensions.deliveries(agreement, now=now) == {TRUST: False, HOUSING: True}
    assert suspensions.deliveries(agreement, now=now) == {TRUST: False, HOUSING: True}
    assert isinstance(standing_at(town, TRUST), InForce)
    town.wire.apps[TRUST] = app
    town.clock.forward(minutes=2)
    town.nodes[COUNCIL].keeper.round()
    assert suspensions.deliveries(agreement, now=now) == {TRUST: True, HOUSING: True}
    assert isinstance(standing_at(town, TRUST), NotInForce)
    change(town, COUNCIL)
    assert set(suspensions.deliveries(agreement, now=now).values()) == {True}
    assert in_force(town) == {True}


def test_a_notice_of_one_that_is_not_named_or_did_not_sign_changes_nothing(town: Network) -> None:
    ref, now = standing_at(town, TRUST).agreement.ref, town.clock.now()
    ours = town.nodes[COUNCIL].vault.signer(KeyUse.FEDERATION)
    trust = town.nodes[TRUST].vault.signer(KeyUse.FEDERATION)
    own, of_housing, of_trust = (
        next_notice(ref, None, SUSPENDED, party=each, reason=REASON, now=now) for each in EVERYBODY_NAMED
    )
    forged = {
        "unnamed": build_suspension(of_trust, signer=trust),
        "another party's name": build_suspension(of_housing, signer=ours),
        "a strange key": build_suspension(own, signer=LocalSigner.generate(KeyUse.FEDERATION)),
        "another wording": build_suspension(replace(own, agreement=replace(ref, digest="x" * 43)), signer=ours),
        "tomorrow": build_suspension(replace(own, told_at=own.told_at + 86_400), signer=ours),
    }
    for name, raw in forged.items():
        assert post_call(town, ref, call(town, ref, suspension=raw)).status_code in {400, 403}, name
        assert in_force(town) == {True}, name
    jwks = strict_json.dumps(KeySet.of(KeyUse.FEDERATION, [trust.public]).to_jwks())
    for entity, rank, raw in ((TRUST, 1, forged["unnamed"]), (HOUSING, 2, forged["another party's name"])):
        signed = StoredSignature(raw=raw, jwks=jwks)
        stored = StoredStandstill(agreement_id=ref.id, version=ref.version, entity=entity, rank=rank, signed=signed)
        hold(town, ref, stored)
        assert isinstance(standing_at(town, TRUST), InForce)


def hold(network: Network, ref: AgreementRef, stored: StoredStandstill) -> None:
    """Write a notice into the trust's store, past everything that verifies it."""
    now = network.clock.now()
    assert network.nodes[TRUST].store.write(
        lambda tx: agreement_suspensions.put(tx, agreement=ref, notice=stored, added_at=now)
    )


def test_a_node_that_is_not_named_cannot_suspend_even_in_its_own_store(town: Network) -> None:
    change(town, TRUST)
    assert in_force(town) == {True}


def test_an_old_notice_never_comes_back(town: Network) -> None:
    ref = standing_at(town, TRUST).agreement.ref
    signer = town.nodes[COUNCIL].vault.signer(KeyUse.FEDERATION)
    suspended, resumed = change(town, COUNCIL), change(town, COUNCIL)
    assert (suspended.told_at, suspended.seq, resumed.seq) == (resumed.told_at, 0, 1)
    assert in_force(town) == {True}
    assert (
        post_call(town, ref, call(town, ref, suspension=build_suspension(suspended, signer=signer))).status_code == 200
    )
    assert in_force(town) == {True}
    town.clock.forward(minutes=5)
    change(town, HOUSING)
    assert post_call(town, ref, call(town, ref, suspension=build_suspension(resumed, signer=signer))).status_code == 200
    assert in_force(town) == {False}


def test_a_node_that_lost_a_notice_gets_it_from_any_party(town: Network) -> None:
    app = town.wire.apps.pop(TRUST)
    change(town, COUNCIL)
    town.stop(COUNCIL)
    town.wire.apps[TRUST] = app
    assert isinstance(standing_at(town, TRUST), InForce)
    town.nodes[TRUST].countersigning.ask_endings(now=town.clock.now())
    standing = standing_at(town, TRUST)
    assert isinstance(standing, NotInForce)
    assert standing.reason.startswith(BY_ENTITY[COUNCIL].name)


def leave(town: Network, entity: EntityId) -> None:
    """Have a party leave, and its node tell the others."""
    node, agreement = town.nodes[entity], standing_at(town, entity).agreement
    node.keeper.round()
    assert node.countersigning.endings.leave(agreement, now=town.clock.now())
    node.keeper.round()


def remaining(town: Network, left: EntityId) -> set[bool]:
    return {isinstance(standing_at(town, each), InForce) for each in EVERYBODY if each != left}


def test_what_a_party_suspended_before_it_left_waits_for_another_to_resume_it(town: Network) -> None:
    change(town, COUNCIL)
    agreement = standing_at(town, COUNCIL).agreement
    leave(town, COUNCIL)
    left = standing_at(town, COUNCIL)
    assert isinstance(left, NotInForce)
    assert left.closure is Closure.LEFT
    assert remaining(town, COUNCIL) == {False}
    town.clock.forward(minutes=5)
    change(town, HOUSING)
    assert remaining(town, COUNCIL) == {True}
    late = next_notice(agreement.ref, None, SUSPENDED, party=COUNCIL, reason=REASON, now=town.clock.now())
    raw = build_suspension(late, signer=town.nodes[COUNCIL].vault.signer(KeyUse.FEDERATION))
    assert post_call(town, agreement.ref, call(town, agreement.ref, suspension=raw)).status_code == 400
    assert remaining(town, COUNCIL) == {True}


def test_a_suspension_outlasts_that_of_a_party_that_left(town: Network) -> None:
    change(town, COUNCIL)
    town.clock.forward(minutes=2)
    node, agreement = town.nodes[HOUSING], standing_at(town, HOUSING).agreement
    again = node.countersigning.suspensions.change(agreement.ref, SUSPENDED, REASON, now=town.clock.now())
    assert again is not None
    leave(town, HOUSING)
    assert remaining(town, HOUSING) == {False}
    town.clock.forward(minutes=2)
    change(town, COUNCIL)
    assert remaining(town, HOUSING) == {True}


def test_what_a_party_resumed_is_as_before_once_it_left(town: Network) -> None:
    change(town, COUNCIL)
    town.clock.forward(minutes=2)
    change(town, HOUSING)
    assert in_force(town) == {True}
    leave(town, HOUSING)
    assert remaining(town, HOUSING) == {False}
