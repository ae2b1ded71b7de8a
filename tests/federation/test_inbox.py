"""The receiving side: real nodes at both ends, and a case system that a test makes fail."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Deadline, DeliveredMessage, MessageRejected, SourceUnavailable
from gateway.delivery import sending_policy
from gateway.delivery.inbox import DutyReader, NoSuchMessage
from gateway.ports import PeerRequest, PeerResponse, StoreFull, TransportError
from gateway.store.housekeeping import erase_expired
from gateway.store.retention import erase_accounts
from gateway.store.tables import delivery_events, flags, inbox
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.inbox import CaseState, InboxMessage, InboxState, LinkState
from gateway.store.tables.outbox import OutboxState
from tests.simulator.faults import MESSAGES
from tests.simulator.queued import FIELDS, VICTIM, Sending, alert, sending
from tests.simulator.town import COUNCIL, TRUST
from tests.simulator.wire import Pass
from trust.agreements.decision import LocalPolicy, Restriction
from trust.agreements.queued import ServiceKinds
from trust.exchange.alert import parse_body
from trust.exchange.errors import MalformedBody
from trust.exchange.message import Urgency
from trust.exchange.person import parse_subject
from trust.exchange.persons import ConcernedPerson, Part
from trust.identifiers import RoleCode, ServiceSlug

OK = 200
SERVICE = ServiceSlug("mental-health")
READER = DutyReader(id="n-7", role=RoleCode("duty-nurse"))


@dataclass
class CaseSystem:
    """A case system in memory; ``fault`` is raised instead of taking a message."""

    can_prove: bool = True
    fault: Exception | None = None
    stored: dict[str, DeliveredMessage] = field(default_factory=dict)
    calls: int = 0

    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        assert deadline.remaining_s() > 0
        self.calls += 1
        if self.fault is not None:
            raise self.fault
        self.stored[delivery.message_id] = delivery
        return f"C-{len(self.stored)}"

    def holds(self, message_ids: Sequence[str], *, deadline: Deadline) -> frozenset[str]:
        assert deadline.remaining_s() > 0
        return frozenset(message_ids) & self.stored.keys()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sending]:
    with sending(tmp_path, played=()) as world:
        yield world


def connect(world: Sending, system: CaseSystem) -> CaseSystem:
    """Give the trust's service a case system that takes messages."""
    adapter = world.network.adapter(TRUST, SERVICE)
    world.network.use_adapter(TRUST, SERVICE, replace(adapter, receiver=system))
    return system


def arrive(world: Sending, **changes: Any) -> tuple[str, InboxMessage]:
    """Send an alert, and return its submission and its row at the recipient."""
    submission = world.submit(alert(**changes))
    world.drain()
    return submission, inbox_rows(world)[-1]


def inbox_rows(world: Sending, state: InboxState = InboxState.OPEN) -> tuple[InboxMessage, ...]:
    return world.network.nodes[TRUST].receiving.inbox.page(SERVICE, state=state, after=None, limit=50)


def row_of(world: Sending, message: str) -> InboxMessage:
    found = world.network.nodes[TRUST].store.read(lambda tx: inbox.get(tx, message))
    assert found is not None
    return found


def work(world: Sending) -> None:
    """Have the recipient's case systems take what waits, and its receipts sent."""
    world.network.nodes[TRUST].receiving.rounds.case_systems.round(world.clock.now())
    answer(world)


def answer(world: Sending) -> None:
    world.network.nodes[TRUST].directory.resolve(COUNCIL, now=world.clock.now())
    world.network.nodes[TRUST].delivery.relay.drain()


def test_an_alert_is_stored_cut_to_the_clause_and_receipted(world: Sending) -> None:
    submission, row = arrive(world)
    assert world.row(submission).state is OutboxState.STORED
    _, document = world.network.nodes[TRUST].receiving.inbox.get(SERVICE, row.message)
    assert [each["part"] for each in document["persons"]] == ["victim"]
    assert [each["text"] for each in document["statements"]] == ["She was seen with a fresh injury."]
    assert document["practitioner"]["name"] == "Ada Fellbrook"
    assert "Skell" not in str(document)


@pytest.mark.holds("A3")
@pytest.mark.holds("A67")
@pytest.mark.parametrize("is_permitted", [True, False])
def test_a_duplicate_gets_the_original_outcome_byte_for_byte(world: Sending, *, is_permitted: bool) -> None:
    if not is_permitted:
        withdraw(world)
    submission = world.submit(alert())
    world.network.wire.faults[TRUST] = _answer_lost
    world.drain()
    assert world.row(submission).state is OutboxState.QUEUED
    del world.network.wire.faults[TRUST]
    restore(world)  # what holds by now changes nothing of what was said
    world.clock.forward(minutes=10)
    world.drain()
    receipts = [each.body for _, each in world.network.wire.messages(TRUST) if each.status == OK]
    assert len(receipts) > 1
    assert len(set(receipts)) == 1
    assert world.row(submission).state is (OutboxState.STORED if is_permitted else OutboxState.FAILED)
    assert len(inbox_rows(world)) == is_permitted


def withdraw(world: Sending, *restrictions: Restriction) -> None:
    """Have the recipient withdraw the clause on its own side, so that every message under it fails."""
    services = world.network.nodes[TRUST].services
    assert isinstance(services, dict)
    clause = Restriction(agreement=world.network.document()["id"], clause="alert")
    services[SERVICE] = replace(services[SERVICE], policy=LocalPolicy(restrictions=restrictions or (clause,)))


def restore(world: Sending) -> None:
    """Have it withdraw another clause instead."""
    withdraw(world, Restriction(agreement="another", clause="alert"))


def _answer_lost(request: PeerRequest, go_on: Pass) -> PeerResponse:
    response = go_on()
    if request.url.endswith(MESSAGES):
        raise TransportError("lost")
    return response


@pytest.mark.holds("A10")
def test_a_full_store_gives_no_receipt(world: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    node = world.network.nodes[TRUST]
    submission = world.submit(alert())

    def full(_work: object) -> None:
        raise StoreFull

    with monkeypatch.context() as patch:
        patch.setattr(node.store, "write", full)
        world.drain()
    assert world.row(submission).state is OutboxState.QUEUED
    world.clock.forward(minutes=10)
    world.drain()
    assert world.row(submission).state is OutboxState.STORED


@pytest.mark.holds("A69")
def test_the_case_system_proves_arrival_by_its_list(world: Sending) -> None:
    system = connect(world, CaseSystem())
    submission, row = arrive(world)
    system.fault = SourceUnavailable("away")
    work(world)
    assert row_of(world, row.message).case_state is CaseState.WAITING
    system.fault = None
    world.clock.forward(minutes=20)
    work(world)
    work(world)
    stored = row_of(world, row.message)
    assert (stored.case_state, stored.proof, stored.sealed is not None) == (CaseState.IN_CASE_SYSTEM, "held", True)
    assert world.row(submission).progress == "in_case_system"
    assert world.row(submission).proof == "held"
    assert system.stored[row.message].reference == row.reference


def test_a_case_system_without_a_list_cannot_prove_arrival(world: Sending) -> None:
    connect(world, CaseSystem(can_prove=False))
    submission, row = arrive(world)
    work(world)
    assert row_of(world, row.message).proof == "none"
    assert world.row(submission).proof == "none"


@pytest.mark.holds("A68")
def test_a_refusal_by_the_case_system_is_told_after_the_receipt(world: Sending) -> None:
    connect(world, CaseSystem(fault=MessageRejected("no")))
    submission, row = arrive(world)
    assert world.row(submission).state is OutboxState.STORED
    work(world)
    told = world.row(submission)
    assert (told.state, told.reason) == (OutboxState.FAILED, "case_system_refused")
    stored = row_of(world, row.message)
    assert (stored.case_state, stored.sealed is not None) == (CaseState.REJECTED, True)
    assert stored.escalate_at is not None


@pytest.mark.holds("A70")
def test_what_the_case_system_loses_is_found_told_and_escalated(world: Sending) -> None:
    system = connect(world, CaseSystem())
    submission, row = arrive(world, urgency=Urgency.GREEN)
    work(world)
    work(world)
    rounds = world.network.nodes[TRUST].receiving.rounds
    rounds.verify_daily(world.clock.now())
    assert row_of(world, row.message).case_state is CaseState.IN_CASE_SYSTEM
    system.stored.clear()
    world.clock.forward(hours=24)
    rounds.verify_daily(world.clock.now())
    answer(world)
    assert row_of(world, row.message).case_state is CaseState.LOST
    told = world.row(submission)
    assert (told.state, told.reason) == (OutboxState.FAILED, "lost_in_case_system")
    world.network.nodes[TRUST].delivery.escalation.round(world.clock.now())
    seen = world.network.nodes[TRUST].store.read(
        lambda tx: delivery_events.list(tx, message=row.message, side=DeliverySide.RECIPIENT)
    )
    assert {"lost", "unread"} <= {each.event for each in seen}


def test_reading_is_told_once_and_stops_the_bell(world: Sending) -> None:
    submission, row = arrive(world)
    desk = world.network.nodes[TRUST].receiving.inbox
    desk.read(SERVICE, row.message, READER, now=world.clock.now())
    desk.read(SERVICE, row.message, replace(READER, id="n-8"), now=world.clock.now() + timedelta(minutes=1))
    answer(world)
    assert world.row(submission).progress == "read"
    assert row_of(world, row.message).read_role == "duty-nurse"
    assert [event for event, _ in world.events(world.row(submission))].count("read") == 1
    with pytest.raises(NoSuchMessage):
        desk.read(ServiceSlug("another"), row.message, READER, now=world.clock.now())


@pytest.mark.parametrize("code", ["useful", "wrong-person"])
def test_an_alert_is_closed_with_a_code_and_a_wrong_one_is_a_possible_breach(world: Sending, code: str) -> None:
    submission, row = arrive(world)
    desk = world.network.nodes[TRUST].receiving.inbox
    with pytest.raises(MalformedBody):
        desk.answer(SERVICE, row.message, {"closed": "fine"}, actor="duty-nurse", now=world.clock.now())
    desk.answer(SERVICE, row.message, {"closed": code}, actor="duty-nurse", now=world.clock.now())
    answer(world)
    assert world.row(submission).decision == code
    assert row_of(world, row.message).state is InboxState.CLOSED
    for entity in (TRUST, COUNCIL):
        open_flags = world.network.nodes[entity].store.read(flags.list_open)
        breaches = [each for each in open_flags if each.code == "possible_breach"]
        assert len(breaches) == (code == "wrong-person")


@pytest.mark.holds("A8")
@pytest.mark.parametrize("late", [False, True])
def test_the_newer_version_stands_whichever_came_first(world: Sending, *, late: bool) -> None:
    first = world.submit(alert())
    if late:  # the first one is lost on the way, and comes after the one that takes its place
        world.network.wire.faults[TRUST] = _lost
        world.drain()
        del world.network.wire.faults[TRUST]
    else:
        world.drain()
    world.submit(alert(supersedes=first))
    for _ in range(6):
        world.clock.forward(minutes=20)
        world.drain()
    assert len(inbox_rows(world)) == 1
    assert len(inbox_rows(world, InboxState.SUPERSEDED)) == 1


def _lost(request: PeerRequest, go_on: Pass) -> PeerResponse:
    if request.url.endswith(MESSAGES):
        raise TransportError("lost")
    return go_on()


def test_a_message_is_linked_only_beyond_doubt_and_receipted_alike(world: Sending) -> None:
    system = connect(world, CaseSystem())
    _, row = arrive(world)
    work(world)
    assert row_of(world, row.message).link is LinkState.NOT_LINKED
    assert system.stored[row.message].not_linked


def test_nothing_is_erased_before_a_person_closed_it(world: Sending) -> None:
    connect(world, CaseSystem())
    _, row = arrive(world)
    work(world)
    work(world)
    node, later = world.network.nodes[TRUST], world.clock.now() + timedelta(days=400)
    assert node.store.erase(lambda tx: inbox.erase_settled(tx, before=later, batch=10)) == 0
    node.receiving.inbox.answer(SERVICE, row.message, {"closed": "useful"}, actor="duty", now=world.clock.now())
    assert erase_accounts(node.store, before=later) > 0
    assert row_of(world, row.message).sealed is not None
    assert erase_expired(node.store, node.claims, now=later).inbox == 1
    with pytest.raises(NoSuchMessage):
        node.receiving.inbox.get(SERVICE, row.message)
    assert erase_accounts(node.store, before=later) > 0
    assert node.store.read(lambda tx: inbox.get(tx, row.message)) is None


def test_the_recipient_refuses_what_its_kind_of_service_may_not_receive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clause: dict[str, Any] = {"topics": ["school-notice"], "fields_by_role": {"key-worker": [*FIELDS, "home_educated"]}}
    statement = {"field": "circumstances", "text": "Seen.", "about": ["p1"], "standing": "fact", "source": "key worker"}
    details = {"home_educated": False}
    body = parse_body({"topic": "school-notice", "details": details, "statements": [{**statement, "on": "2026-03-02"}]})
    pupil = ConcernedPerson(ref="p1", part=Part.CHILD, subject=parse_subject(VICTIM, this_year=2026))
    with sending(tmp_path, played=(), **clause) as world:
        monkeypatch.setattr(sending_policy, "ServiceKinds", lambda **_kinds: ServiceKinds())  # a sender that is lax
        submission = world.submit(alert(body=body, topic="school-notice", persons=(pupil,)))
        world.drain()
        row = world.row(submission)
        assert (row.state, row.reason) == (OutboxState.FAILED, "recipient_kind_not_permitted")
        assert inbox_rows(world) == ()
