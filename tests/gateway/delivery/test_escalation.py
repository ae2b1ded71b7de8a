"""Escalation at both sides: each step once, by any process, also after one that died."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import pytest
from sqlalchemy import bindparam, update

from gateway.delivery.escalation import CLAIM, EscalationPorts, EscalationRound
from gateway.delivery.on_call import BellFailed, BellStep, OnCall
from gateway.ports import Store, StoreFull, Transaction
from gateway.runtime.background import AtOnce, LastHandler
from gateway.store.delivery_schema import inbox as inbox_table
from gateway.store.delivery_schema import outbox as outbox_table
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import to_microseconds
from gateway.store.tables import delivery_events, escalations, evidence_leaves, outbox
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.outbox import Lane, OutboxRow, OutboxState, OutboxType
from tests.simulator.clocks import SetClock
from trust.evidence.leaf import LeafKind, parse_leaf
from trust.identifiers import ServiceSlug

T = datetime(2026, 12, 4, 23, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DUTY, SENDING = ServiceSlug("duty"), ServiceSlug("families")
SENDER, RECIPIENT = DeliverySide.SENDER, DeliverySide.RECIPIENT
_PUT_INBOX = Statement(insertion(inbox_table))
_numbers = count(1)
ResultT = TypeVar("ResultT")


@dataclass
class Gong:
    """A bell in memory, that may be broken or die."""

    channel: str = "gong"
    broken: bool = False
    dies: bool = False
    meanwhile: Callable[[], None] | None = None
    rung: list[tuple[str, BellStep]] = field(default_factory=list)

    def ring(self, reference: str, step: BellStep, now: datetime) -> None:
        if self.meanwhile is not None:
            self.meanwhile()
        if self.broken:
            raise BellFailed("it is broken")
        if step is not BellStep.TEST:
            self.rung.append((reference, step))
        if self.dies:
            raise KeyboardInterrupt  # the process ends after the ring and before its record


@dataclass
class Place:
    """A node's store with the bells of a recipient's and a sender's service."""

    store: Store
    may_work: bool = True
    minute: float = 0
    duty: Gong = field(default_factory=Gong)
    sending: Gong = field(default_factory=Gong)
    polls: dict[ServiceSlug, datetime | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.on_call = OnCall({DUTY: (self.duty,), SENDING: (self.sending,)}, self.store)
        self.on_call.test(DUTY, T)
        self.on_call.test(SENDING, T)

    def another_process(self) -> EscalationRound:
        def last_polls(_: Transaction) -> Mapping[ServiceSlug, datetime | None]:
            return self.polls

        def sender_service(_: str) -> ServiceSlug:
            return SENDING

        return EscalationRound(
            EscalationPorts(
                store=self.store,
                on_call=self.on_call,
                sender_service=sender_service,
                last_polls=last_polls,
                attempt=AtOnce().attempt,
                clock=SetClock(T),
                may_work=lambda: self.may_work,
            )
        )

    def at(self, minutes: float) -> None:
        """Run the rounds of every minute of the first half hour, and then one."""
        while self.minute < minutes:
            self.minute = self.minute + 1 if self.minute < 31 else minutes
            self.another_process().round(T + self.minute * MINUTE)

    def receive(self, lane: Lane = Lane.RED, **changes: Any) -> str:
        message = f"received-{next(_numbers)}"
        values = dict.fromkeys(inbox_table.c.keys()) | {
            "message": message,
            "issuer": "https://police.example",
            "kind": "alert",
            "topic": "safeguarding",
            "from_service": "https://police.example#duty",
            "service": DUTY,
            "reference": "HG-RECEIVED",
            "lane": int(lane),
            "digest": "d",
            "received_at": to_microseconds(T),
            "expires_at": to_microseconds(T + timedelta(days=15)),
            "link": "pending",
            "case_state": "waiting",
            "case_attempts": 0,
            "case_next_at": 0,
            "case_lease_until": 0,
            "answer_seq": 0,
            "receipt_seq": 0,
            "state": "open",
            "escalation": 0,
            "decide_by": to_microseconds(T + timedelta(hours=24)),
            "escalate_at": to_microseconds(T + (5 * MINUTE if lane is Lane.RED else timedelta(hours=24))),
        }
        self.store.write(lambda tx: tx.run(_PUT_INBOX, {**values, **changes}))
        return message

    def send(self, lane: Lane = Lane.RED, state: OutboxState = OutboxState.STORED) -> str:
        message = f"sent-{next(_numbers)}"
        row = OutboxRow(
            message=message,
            typ=OutboxType.MESSAGE,
            kind="alert",
            peer="https://police.example",
            service="https://police.example#duty",
            reference="HG-SENT0000",
            lane=lane,
            order_key=message,
            digest="d",
            state=state,
            created_at=T,
            expires_at=T + timedelta(days=14),
            next_at=T,
            decide_by=T + timedelta(hours=24),
            escalate_at=T + (5 * MINUTE if lane is Lane.RED else timedelta(hours=24)),
        )
        self.store.write(lambda tx: outbox.put(tx, row, sealed=b""))
        return message

    def change(self, message: str, **values: Any) -> None:
        table = inbox_table if message.startswith("received") else outbox_table
        statement = Statement(
            update(table)
            .where(table.c.message == bindparam("its_message"))
            .values({n: bindparam(f"to_{n}") for n in values})
        )
        given = {f"to_{name}": value for name, value in values.items()}
        self.store.write(lambda tx: tx.run(statement, {**given, "its_message": message}))

    def events(self, message: str) -> list[tuple[str, str | None, float]]:
        side = RECIPIENT if message.startswith("received") else SENDER
        found = self.store.read(lambda tx: delivery_events.list(tx, message=message, side=side))
        return [(each.event, each.code, (each.at - T) / MINUTE) for each in found]

    def evidence(self, message: str) -> list[str]:
        leaves = [parse_leaf(each.leaf) for each in self.store.read(lambda tx: evidence_leaves.recent(tx, limit=1000))]
        return [each.outcome_code for each in leaves if each.message_id == message and each.kind is LeafKind.ESCALATED]


@pytest.fixture
def place(store: Store) -> Place:
    return Place(store)


@pytest.mark.holds("A7")
def test_a_red_alert_that_no_one_reads_rings_and_names_the_fallback(place: Place) -> None:
    message = place.receive()
    place.at(4)
    assert place.events(message) == []
    place.at(60)
    assert place.events(message) == [
        ("unread", None, 5),
        ("bell_rung", None, 5),
        ("fallback_named", None, 15),
    ]
    assert place.duty.rung == [("HG-RECEIVED", BellStep.UNREAD), ("HG-RECEIVED", BellStep.FALLBACK)]
    assert sorted(place.evidence(message)) == ["bell_rung", "fallback_named", "unread"]


@pytest.mark.holds("A7")
@pytest.mark.parametrize("case_state", ["waiting", "handed_over", "in_case_system"])
def test_no_state_of_the_case_system_stops_the_bell(place: Place, case_state: str) -> None:
    message = place.receive(case_state=case_state, in_case_system_at=to_microseconds(T + MINUTE))
    place.at(15)
    assert [event for event, _, _ in place.events(message)] == ["unread", "bell_rung", "fallback_named"]


@pytest.mark.holds("A7")
def test_a_reading_stops_the_bell_and_nothing_but_a_decision_the_clock(place: Place) -> None:
    read, decided = place.receive(), place.receive()
    for message in (read, decided):
        place.change(message, read_at=to_microseconds(T + MINUTE))
    place.change(decided, decided_at=to_microseconds(T + 2 * MINUTE))
    place.at(24 * 60)
    assert place.events(read) == [("overdue", None, 24 * 60)]
    assert place.events(decided) == []
    assert place.duty.rung == [("HG-RECEIVED", BellStep.OVERDUE)]


@pytest.mark.holds("A7")
def test_the_sender_is_warned_and_told_to_telephone(place: Place) -> None:
    message = place.send()
    place.at(24 * 60)
    assert place.events(message) == [
        ("sender_warned", None, 5),
        ("fallback_named", None, 15),
        ("overdue", None, 24 * 60),
    ]
    assert [step for _, step in place.sending.rung] == [BellStep.UNREAD, BellStep.UNANSWERED, BellStep.OVERDUE]
    assert sorted(place.evidence(message)) == ["fallback_named", "overdue", "sender_warned"]


@pytest.mark.parametrize("state", [OutboxState.FAILED, OutboxState.PARKED, OutboxState.HELD])
def test_a_red_alert_that_cannot_be_delivered_is_told_at_once(place: Place, state: OutboxState) -> None:
    message, amber = place.send(state=state), place.send(Lane.AMBER, state)
    place.at(1)
    assert place.events(message) == [("undelivered", None, 1)]
    assert place.events(amber) == []
    assert place.sending.rung == [("HG-SENT0000", BellStep.UNDELIVERED)]


def test_a_failure_that_comes_later_is_told_then(place: Place) -> None:
    message = place.send()
    place.at(8)
    place.change(message, state="failed")
    place.at(9)
    assert place.events(message) == [("sender_warned", None, 5), ("undelivered", None, 9)]


def test_what_a_person_read_and_closed_or_another_message_replaced_rings_no_more(place: Place) -> None:
    closed, replaced = place.receive(state="closed", read_at=to_microseconds(T)), place.receive(state="superseded")
    sent = place.send(state=OutboxState.CLOSED)
    place.at(24 * 60)
    assert place.events(closed) == place.events(replaced) == place.events(sent) == []


@pytest.mark.holds("A7")
def test_an_answer_without_a_reader_stops_no_bell(place: Place) -> None:
    message = place.receive(state="closed", decided_at=to_microseconds(T + MINUTE))
    place.at(24 * 60)
    assert [event for event, _, _ in place.events(message)] == ["unread", "bell_rung", "fallback_named"]


def test_amber_and_green_ring_for_no_one_and_are_overdue_at_both_sides(place: Place) -> None:
    received, sent = place.receive(Lane.AMBER), place.send(Lane.GREEN)
    place.at(24 * 60)
    assert place.events(received) == place.events(sent) == [("overdue", None, 24 * 60)]
    assert place.duty.rung == place.sending.rung == []


@pytest.mark.holds("A7")
def test_a_bell_that_no_channel_took_names_the_fallback_at_once_and_rings_again(place: Place) -> None:
    place.duty.broken = True
    message = place.receive()
    place.at(7)
    assert place.events(message) == [("unread", "bell_failed", 5), ("fallback_named", None, 5)]
    place.duty.broken = False
    place.at(30)
    assert place.events(message)[2:] == [("bell_rung", None, 8)]
    assert place.duty.rung == [("HG-RECEIVED", BellStep.UNREAD)]


def test_a_bell_that_was_not_tested_rings_and_names_the_fallback_at_once(place: Place) -> None:
    message = place.receive(received_at=to_microseconds(T + timedelta(days=8)))
    place.change(message, escalate_at=to_microseconds(T + timedelta(days=8, minutes=5)), decide_by=None)
    place.another_process().round(T + timedelta(days=8, minutes=5))
    assert [event for event, _, _ in place.events(message)] == ["unread", "bell_rung", "fallback_named"]


def test_a_service_without_a_bell_names_the_fallback_at_once(place: Place) -> None:
    message = place.receive(service="no-bell")
    place.at(30)
    assert place.events(message) == [("unread", "no_bell", 5), ("fallback_named", None, 5)]


@pytest.mark.holds("A7")
def test_an_inbox_that_no_client_polls_counts_as_unread(place: Place) -> None:
    messages = [place.receive(Lane.AMBER), place.receive(Lane.GREEN)]
    place.polls[DUTY] = T + MINUTE
    place.at(5)
    assert place.events(messages[0]) == []
    place.at(30)
    assert [place.events(message) for message in messages] == [[("unpolled", None, 6)]] * 2
    assert place.duty.rung == [("HG-RECEIVED", BellStep.UNPOLLED)]


def test_an_inbox_that_is_polled_or_empty_rings_for_no_one(place: Place) -> None:
    read = place.receive(Lane.AMBER, read_at=to_microseconds(T))
    acknowledged = place.receive(Lane.AMBER, case_state="in_case_system")
    place.polls[DUTY] = None
    place.at(30)
    assert place.events(read) == place.events(acknowledged) == []
    message = place.receive(Lane.AMBER)
    place.polls[DUTY] = T + timedelta(hours=1)
    place.at(60)
    assert place.events(message) == []


def test_an_inbox_that_was_never_polled_counts_as_unread(place: Place) -> None:
    message = place.receive(Lane.AMBER)
    place.polls[DUTY] = None
    place.at(5)
    assert place.events(message) == [("unpolled", None, 5)]


@pytest.mark.parametrize("side", [SENDER, RECIPIENT])
def test_a_message_that_a_case_system_lost_rings_for_any_urgency(place: Place, side: DeliverySide) -> None:
    message = place.receive(Lane.GREEN, read_at=to_microseconds(T)) if side is RECIPIENT else place.send(Lane.GREEN)
    place.at(30)
    place.store.write(lambda tx: escalations.note_lost(tx, side=side, message=message, now=T + 30 * MINUTE))
    place.at(31)
    first = "unread" if side is RECIPIENT else "sender_warned"
    assert {event for event, _, _ in place.events(message)} == {first, "fallback_named"} | (
        {"bell_rung"} if side is RECIPIENT else set()
    )
    bell = place.duty if side is RECIPIENT else place.sending
    assert (bell.rung[0][1]) is (BellStep.LOST if side is RECIPIENT else BellStep.UNREAD)


@dataclass
class SlowStore:
    """A store at which another process runs its whole round right after the first reading here."""

    store: Store
    other: EscalationRound | None
    now: datetime

    def read(self, work: Callable[[Transaction], ResultT]) -> ResultT:
        found = self.store.read(work)
        other, self.other = self.other, None
        if other is not None:
            other.round(self.now)
        return found

    def write(self, work: Callable[[Transaction], ResultT]) -> ResultT:
        return self.store.write(work)

    erase = write

    def is_nearly_full(self) -> bool:
        return self.store.is_nearly_full()

    def close(self) -> None: ...


@pytest.mark.holds("A15")
def test_two_processes_take_each_step_once(place: Place) -> None:
    message, now = place.receive(), T + 5 * MINUTE
    late = replace(place.another_process()._ports, store=SlowStore(place.store, place.another_process(), now))
    EscalationRound(late).round(now)
    assert place.duty.rung == [("HG-RECEIVED", BellStep.UNREAD)]
    assert [event for event, _, _ in place.events(message)] == ["unread", "bell_rung"]


def test_a_process_that_dies_after_the_ring_leaves_the_step_to_another(place: Place) -> None:
    message, now = place.receive(), T + 5 * MINUTE
    place.duty.dies = True
    with pytest.raises(KeyboardInterrupt):
        place.another_process().round(now)
    place.duty.dies = False
    place.another_process().round(now + CLAIM / 2)
    assert place.events(message) == []
    place.another_process().round(now + CLAIM)
    assert [event for event, _, _ in place.events(message)] == ["unread", "bell_rung"]
    assert place.duty.rung == [("HG-RECEIVED", BellStep.UNREAD)] * 2


def test_a_reading_during_the_ring_is_not_overwritten(place: Place) -> None:
    message = place.receive()

    def read() -> None:
        place.change(message, read_at=to_microseconds(T + 5 * MINUTE), escalate_at=None)

    place.duty.meanwhile = read
    place.another_process().round(T + 5 * MINUTE)
    place.another_process().round(T + 20 * MINUTE)
    place.another_process().round(T + timedelta(hours=24))
    assert [event for event, _, _ in place.events(message)] == ["unread", "bell_rung", "overdue"]


def test_a_channel_that_fails_is_tried_once_a_round(place: Place) -> None:
    calls: list[None] = []
    place.duty.broken, place.duty.meanwhile = True, lambda: calls.append(None)
    for _ in range(5):
        place.receive()
    place.another_process().round(T + 5 * MINUTE)
    assert len(calls) == 1


@dataclass
class FullStore(SlowStore):
    """A store whose disk is full until told otherwise."""

    other: EscalationRound | None = None
    now: datetime = T
    full: bool = True

    def write(self, work: Callable[[Transaction], ResultT]) -> ResultT:
        if self.full:
            raise StoreFull
        return self.store.write(work)

    erase = write


def ignore(*_: object) -> None: ...


def test_a_full_store_keeps_no_bell_from_ringing(place: Place) -> None:
    message, full = place.receive(), FullStore(place.store)
    attempt = LastHandler(crashed=ignore, notice=ignore)
    rounds = EscalationRound(replace(place.another_process()._ports, store=full, attempt=attempt))
    for minute in range(4, 10):
        rounds.round(T + minute * MINUTE)
    assert place.duty.rung == [("HG-RECEIVED", BellStep.UNREAD)]
    assert place.events(message) == []
    full.full = False
    rounds.round(T + 10 * MINUTE)
    assert place.events(message) == [("unread", None, 10), ("bell_rung", None, 10)]


def once() -> Callable[[float], bool]:
    """Return a wait that ends after one round."""
    waits = iter([False, True])

    def wait(_: float) -> bool:
        return next(waits)

    return wait


def test_no_round_is_made_while_the_node_may_not_work(place: Place) -> None:
    message = place.receive(escalate_at=to_microseconds(T), received_at=to_microseconds(T - 5 * MINUTE))
    rounds, place.may_work = place.another_process(), False
    rounds.run(once())
    assert place.events(message) == []
    place.may_work = True
    rounds.run(once())
    assert [event for event, _, _ in place.events(message)] == ["unread", "bell_rung"]
