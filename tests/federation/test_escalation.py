"""A red alert that the recipient does not read, at the nodes of its sender and its recipient."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.delivery.escalation import SenderServices
from gateway.delivery.inbox import DutyReader
from gateway.store.tables import delivery_events
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.inbox import InboxMessage, InboxState
from gateway.store.tables.outbox import OutboxState
from tests.simulator.queued import Sending, alert, sending
from tests.simulator.town import ASKER, COUNCIL, TRUST
from trust.exchange.message import Urgency
from trust.exchange.receipt import ReceiptState
from trust.exchange.refusal import Refusal
from trust.identifiers import RoleCode, ServiceSlug

SERVICE = ServiceSlug("mental-health")
READER = DutyReader(id="n-7", role=RoleCode("duty-nurse"))


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[Sending]:
    with sending(tmp_path) as made:
        yield made


def escalate(sent: Sending, *, minutes: int) -> None:
    """Let so many minutes pass, with a round at the end of each."""
    for _ in range(minutes):
        sent.clock.forward(minutes=1)
        sent.network.nodes[COUNCIL].delivery.escalation.round(sent.clock.now())


def escalated(sent: Sending, submission: str) -> list[str]:
    names = {"sender_warned", "fallback_named", "overdue", "undelivered"}
    return [event for event, _ in sent.events(sent.row(submission)) if event in names]


@pytest.mark.holds("A7")
def test_the_sender_is_warned_though_node_and_case_system_have_the_alert(sent: Sending) -> None:
    submission = sent.submit()
    sent.drain()
    (raw,) = sent.trust.attempts
    assert sent.trust.in_case_system(raw, seq=2) == 204
    escalate(sent, minutes=4)
    assert escalated(sent, submission) == []
    escalate(sent, minutes=1)
    assert escalated(sent, submission) == ["sender_warned"]
    escalate(sent, minutes=20)
    assert escalated(sent, submission) == ["sender_warned", "fallback_named"]
    kinds = [leaf["outcome"] for leaf in sent.network.leaves(COUNCIL) if leaf["kind"] == "escalated"]
    assert kinds == ["sender_warned", "fallback_named"]


@pytest.mark.holds("A7")
def test_a_reading_stops_the_warnings_and_no_decision_is_overdue_in_time(sent: Sending) -> None:
    submission = sent.submit()
    sent.drain()
    (raw,) = sent.trust.attempts
    escalate(sent, minutes=2)
    assert sent.trust.post(raw, ReceiptState.READ, seq=2, read_by="duty-officer") == 204
    escalate(sent, minutes=30)
    assert escalated(sent, submission) == []
    sent.clock.forward(hours=24)
    escalate(sent, minutes=1)
    assert escalated(sent, submission) == ["overdue"]


def test_a_recorded_decision_stops_the_clock(sent: Sending) -> None:
    submission = sent.submit()
    sent.drain()
    (raw,) = sent.trust.attempts
    assert sent.trust.post(raw, ReceiptState.READ, seq=2, read_by="duty-officer") == 204
    assert sent.trust.post(raw, ReceiptState.ANSWERED, seq=3, answer={"closed": "useful"}) == 204
    sent.clock.forward(hours=48)
    escalate(sent, minutes=1)
    assert escalated(sent, submission) == []


@pytest.mark.holds("A7")
def test_an_alert_that_no_node_takes_warns_all_the_same(sent: Sending) -> None:
    sent.trust.away = True
    submission = sent.submit()
    sent.drain()
    escalate(sent, minutes=15)
    assert escalated(sent, submission) == ["sender_warned", "fallback_named"]


def test_a_refused_alert_is_told_at_once(sent: Sending) -> None:
    sent.trust.refusal = Refusal(code="malformed_body", reason="It says nothing.", remedy="Say something.")
    submission = sent.submit()
    sent.drain()
    assert sent.row(submission).state is OutboxState.FAILED
    escalate(sent, minutes=1)
    assert escalated(sent, submission) == ["undelivered"]


def test_steps_survive_a_restart(sent: Sending) -> None:
    submission = sent.submit()
    sent.drain()
    escalate(sent, minutes=6)
    sent.network.start(COUNCIL)
    escalate(sent, minutes=20)
    assert escalated(sent, submission) == ["sender_warned", "fallback_named"]


def test_the_service_that_sent_an_alert_is_found_by_its_sealed_message(sent: Sending) -> None:
    row, node = sent.row(sent.submit()), sent.network.nodes[COUNCIL]
    senders = SenderServices(store=node.store, vault=node.vault, kinds=sent.network.kinds)
    assert f"{COUNCIL}#{senders.find(row.message)}" == ASKER
    assert senders.find("unknown") is None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sending]:
    """Real nodes at both ends; no case system receives, so the recipient's has to poll."""
    with sending(tmp_path, played=()) as made:
        yield made


def arrive(world: Sending, **changes: Any) -> tuple[str, InboxMessage]:
    submission = world.submit(alert(**changes))
    world.drain()
    inbox = world.network.nodes[TRUST].receiving.inbox
    return submission, inbox.page(SERVICE, state=InboxState.OPEN, after=None, limit=10)[-1]


def escalate_both(world: Sending, *, minutes: int) -> None:
    for _ in range(minutes):
        world.clock.forward(minutes=1)
        for entity in (COUNCIL, TRUST):
            world.network.nodes[entity].delivery.escalation.round(world.clock.now())


def received(world: Sending, row: InboxMessage) -> list[str]:
    store = world.network.nodes[TRUST].store
    seen = store.read(lambda tx: delivery_events.list(tx, message=row.message, side=DeliverySide.RECIPIENT))
    return [each.event for each in seen if each.event in {"unread", "fallback_named", "overdue", "unpolled"}]


@pytest.mark.holds("A7")
def test_a_reading_stops_the_bell_at_both_ends_and_not_the_clock(world: Sending) -> None:
    submission, row = arrive(world)
    world.network.nodes[TRUST].receiving.inbox.read(SERVICE, row.message, READER, now=world.clock.now())
    world.network.nodes[TRUST].directory.resolve(COUNCIL, now=world.clock.now())
    world.network.nodes[TRUST].delivery.relay.drain()
    escalate_both(world, minutes=20)
    assert (received(world, row), escalated(world, submission)) == ([], [])
    world.clock.forward(hours=24)
    escalate_both(world, minutes=1)
    assert (received(world, row), escalated(world, submission)) == (["overdue"], ["overdue"])


@pytest.mark.holds("A7")
def test_an_alert_that_no_one_reads_escalates_at_both_ends(world: Sending) -> None:
    submission, row = arrive(world)
    escalate_both(world, minutes=4)
    assert (received(world, row), escalated(world, submission)) == ([], [])
    escalate_both(world, minutes=12)
    assert [event for event in received(world, row) if event != "unpolled"] == ["unread", "fallback_named"]
    assert escalated(world, submission) == ["sender_warned", "fallback_named"]


@pytest.mark.holds("A7")
def test_an_inbox_that_no_client_polls_counts_as_unread_for_any_urgency(world: Sending) -> None:
    _, row = arrive(world, urgency=Urgency.GREEN)
    escalate_both(world, minutes=4)
    assert received(world, row) == []
    escalate_both(world, minutes=2)
    assert received(world, row) == ["unpolled"]
