"""Two nodes compare their messages: what was lost between them, or behind one of them, is found and escalated."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from gateway.administration.checks.reconciliation import check_reconciliations
from gateway.administration.message_comparison import compare_messages
from gateway.delivery.reconciliation import MESSAGE_MISSING, PATH, Reconciler
from gateway.ports import TransportError
from gateway.store.delivery_schema import inbox as inbox_table
from gateway.store.engine.statement import Statement
from gateway.store.tables import flags, inbox
from gateway.store.tables.inbox import CaseChange, CaseState, InboxState
from gateway.store.tables.outbox import OutboxState
from tests.simulator.copies import LATER, Kept, mind
from tests.simulator.faults import dated
from tests.simulator.queued import Sending, alert, sending
from tests.simulator.town import ANCHOR, COUNCIL, HOUSING, TRUST
from tests.simulator.wire import Pass
from trust.exchange.escalation import EscalationStep
from trust.exchange.message import Urgency
from trust.exchange.receipt import ArrivalProof
from trust.identifiers import ServiceSlug

SERVICE = ServiceSlug("mental-health")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sending]:
    with sending(tmp_path, played=()) as world:
        yield world


def reconciler(world: Sending) -> Reconciler:
    return world.network.nodes[COUNCIL].delivery.reconciler


def deliver(world: Sending, urgency: Urgency = Urgency.GREEN) -> str:
    submission = world.submit(alert(urgency=urgency))
    world.drain()
    return submission


def is_lost(world: Sending, submission: str) -> bool:
    return EscalationStep.LOST in EscalationStep(world.row(submission).escalation)


def prove(world: Sending, message: str, after: CaseState, proof: str | None = None) -> None:
    now = world.clock.now()
    change = CaseChange(before=CaseState.WAITING, after=after, next_at=now, proof=proof)
    assert world.network.nodes[TRUST].store.write(lambda tx: inbox.change_case_state(tx, message, change, now=now))


def forget_everything(world: Sending) -> None:
    """Lose the recipient's inbox, as a restore from an old backup does."""
    world.network.nodes[TRUST].store.write(lambda tx: tx.run(Statement(inbox_table.delete()), {}))


@pytest.mark.holds("A70")
def test_a_message_that_the_recipient_lost_is_found_and_escalated_at_both_nodes(world: Sending) -> None:
    submission = deliver(world)
    forget_everything(world)
    (result,) = reconciler(world).compare(world.clock.now()).values()
    assert result is not None
    assert (result.sent_count, result.accepted_count, result.held_count, result.holes) == (1, 0, 0, 1)
    assert is_lost(world, submission)
    assert world.events(world.row(submission))[-1] == ("missing", "unknown")
    raised = world.network.nodes[TRUST].store.read(flags.list_open)
    assert [(each.code, each.asker) for each in raised] == [(MESSAGE_MISSING, COUNCIL)]
    world.clock.forward(hours=1)
    reconciler(world).compare(world.clock.now())
    assert [code for event, code in world.events(world.row(submission)) if event == "missing"] == ["unknown"]


@pytest.mark.holds("A70")
def test_a_message_that_is_lost_a_second_time_is_escalated_again_and_stands_in_the_evidence(world: Sending) -> None:
    submission = deliver(world)
    forget_everything(world)
    for _ in range(2):
        reconciler(world).compare(world.clock.now())
        world.drain()  # it is sent again, and receipted
        assert is_lost(world, submission)
    missing = [each for each in world.network.leaves(COUNCIL) if each.get("outcome") == "missing"]
    assert [code for event, code in world.events(world.row(submission)) if event == "missing"] == ["unknown"] * 2
    assert len(missing) == 2


def test_what_is_found_again_is_a_new_hole_when_its_case_system_loses_it_again(world: Sending) -> None:
    submission = deliver(world)
    store = world.network.nodes[TRUST].store
    message = world.network.nodes[TRUST].receiving.inbox.page(SERVICE, state=InboxState.OPEN, after=None, limit=5)[0]
    before = CaseState.WAITING
    for after, lost in ((CaseState.LOST, True), (CaseState.IN_CASE_SYSTEM, False), (CaseState.LOST, True)):
        now, proof = world.clock.now(), ArrivalProof.HELD if after is CaseState.IN_CASE_SYSTEM else None
        change = CaseChange(before=before, after=after, next_at=now, proof=proof)
        assert store.write(partial(inbox.change_case_state, message=message.message, change=change, now=now))
        before = after
        reconciler(world).compare(now)
        assert is_lost(world, submission) is lost
    assert [code for event, code in world.events(world.row(submission)) if event == "missing"] == ["lost"] * 2


def test_the_doctor_warns_of_a_peer_that_was_never_compared(world: Sending) -> None:
    deliver(world)
    settings, now = world.network.nodes[COUNCIL].settings, world.clock.now()
    assert list(check_reconciliations(settings, now)) == []
    (line,) = check_reconciliations(settings, now + timedelta(hours=30))
    assert (line.warning, line.name.startswith(TRUST)) == (True, True)
    reconciler(world).compare(now)
    assert "compared" in next(iter(check_reconciliations(settings, now))).detail


@pytest.mark.holds("A70")
def test_a_message_that_no_case_system_proved_within_a_day_is_a_hole(world: Sending) -> None:
    submission = deliver(world)
    for wait, lost in ((timedelta(hours=20), False), (timedelta(hours=5), True)):
        world.clock.forward(seconds=wait.total_seconds())
        reconciler(world).compare(world.clock.now())
        assert is_lost(world, submission) is lost


@pytest.mark.parametrize(
    ("case_state", "proof", "lost"),
    [
        (CaseState.IN_CASE_SYSTEM, ArrivalProof.HELD, False),
        (CaseState.IN_CASE_SYSTEM, ArrivalProof.NONE, False),
        (CaseState.LOST, None, True),
    ],
)
def test_the_case_systems_word_counts(world: Sending, case_state: CaseState, proof: str | None, *, lost: bool) -> None:
    submission = deliver(world)
    message = (
        world.network.nodes[TRUST].receiving.inbox.page(SERVICE, state=InboxState.OPEN, after=None, limit=5)[0].message
    )
    prove(world, message, case_state, proof)
    world.clock.forward(hours=30)
    (result,) = reconciler(world).compare(world.clock.now()).values()
    assert result is not None
    assert result.held_count == int(proof == ArrivalProof.HELD)
    assert is_lost(world, submission) is lost


def test_a_recipient_that_does_not_answer_is_asked_again_and_no_hole(world: Sending) -> None:
    submission = deliver(world)

    def away(_request: object, _forward: Pass) -> object:
        raise TransportError("away")

    world.network.wire.faults[TRUST] = away  # type: ignore[assignment]
    assert reconciler(world).compare(world.clock.now()) == {TRUST: None}
    assert not is_lost(world, submission)
    del world.network.wire.faults[TRUST]
    due = world.clock.now() - timedelta(hours=23)
    assert reconciler(world).compare(world.clock.now(), unless_since=due)[TRUST] is not None
    assert reconciler(world).compare(world.clock.now(), unless_since=due) == {}


def test_no_member_learns_of_anothers_message(world: Sending) -> None:
    deliver(world)
    thief = world.network.nodes[HOUSING].delivery.reconciler
    batch = next(reconciler(world)._batches(TRUST, world.clock.now()))
    world.network.nodes[HOUSING].directory.resolve(TRUST, now=world.clock.now())
    assert [str(each) for each in thief._ask(TRUST, batch, world.clock.now())] == ["unknown"]


def test_a_query_is_good_once(world: Sending) -> None:
    deliver(world)
    reconciler(world).compare(world.clock.now())
    (query,) = [request for request, _ in world.network.wire.log if request.url == TRUST + PATH]
    again = (
        world.network.nodes[TRUST]
        .peer_app.test_client()
        .post(PATH, base_url=TRUST, data=query.body, content_type="application/jwt")
    )
    assert again.status_code == 409


def test_an_administrator_compares_at_once(world: Sending) -> None:
    deliver(world)
    node = world.network.nodes[COUNCIL]
    whole = compare_messages(node.receiving.rounds, node.delivery.reconciler, now=world.clock.now())
    assert whole.ok
    assert whole.lines == [
        "own case systems: 0 lost",
        f"{TRUST}: 1 sent, 1 accepted, 0 held by a case system, 0 missing",
    ]
    forget_everything(world)
    assert not compare_messages(node.receiving.rounds, node.delivery.reconciler, now=world.clock.now()).ok


@pytest.mark.holds("A70")
def test_a_message_that_a_restored_recipient_forgot_is_sent_again(world: Sending) -> None:
    for entity in (ANCHOR, COUNCIL, TRUST):
        world.network.wire.faults[entity] = dated(world.clock)
    kept = Kept.of(world.network, TRUST)
    submission = deliver(world)
    kept.restore()
    world.clock.forward(seconds=LATER)
    mind(world.network, TRUST)
    found = reconciler(world).compare(world.clock.now())[TRUST]
    assert found is not None
    assert (found.accepted_count, found.holes) == (0, 1)
    assert is_lost(world, submission)
    lost = world.row(submission)
    assert lost.state is OutboxState.QUEUED
    assert ("lost", None) in world.events(lost)
    world.drain()
    sent = world.row(submission)
    assert (sent.state, sent.digest) == (OutboxState.STORED, lost.digest)
    again = reconciler(world).compare(world.clock.now())[TRUST]
    assert again is not None
    assert again.holes == 0
