"""Escalations and bells in the store, on each database."""

from dataclasses import replace
from datetime import timedelta

from gateway.ports import Store
from gateway.store.tables import bells, escalations, outbox
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.escalations import EscalatingMessage
from gateway.store.tables.outbox import Lane, OutboxState
from tests.gateway.store.makers import LATER, NOW, make_outbox_row
from trust.exchange.escalation import EscalationStep

SENDER = DeliverySide.SENDER
SECOND = timedelta(seconds=1)


def put(store: Store, **changes: object) -> str:
    row = make_outbox_row(**{"lane": Lane.RED, "escalate_at": NOW, **changes})
    store.write(lambda tx: outbox.put(tx, row, sealed=b"sealed"))
    return row.message


def due(store: Store, after: timedelta = timedelta()) -> tuple[EscalatingMessage, ...]:
    return store.read(lambda tx: escalations.due(tx, side=SENDER, now=NOW + after, limit=10))


def claim(store: Store, message: EscalatingMessage) -> EscalatingMessage | None:
    return store.write(lambda tx: escalations.claim(tx, message, until=NOW + 60 * SECOND))


def test_red_messages_come_first_and_those_that_are_not_due_not_at_all(store: Store) -> None:
    amber, red = put(store, lane=Lane.AMBER, escalate_at=NOW - SECOND), put(store)
    put(store, escalate_at=NOW + SECOND)
    put(store, escalate_at=None)
    assert [each.message for each in due(store)] == [red, amber]


def test_one_process_claims_a_message_until_its_time_ends(store: Store) -> None:
    put(store)
    (message,) = due(store)
    claimed = claim(store, message)
    assert claimed is not None
    assert claim(store, message) is None
    assert due(store, 59 * SECOND) == ()
    (again,) = due(store, 60 * SECOND)
    steps = claimed.facts.steps | EscalationStep.UNREAD
    assert store.write(lambda tx: escalations.take(tx, claimed, steps, next_at=LATER))
    assert not store.write(lambda tx: escalations.take(tx, again, steps, next_at=None))
    taken = store.read(lambda tx: escalations.get(tx, message))
    assert taken is not None
    assert (taken.facts.steps, taken.escalate_at) == (EscalationStep.UNREAD, LATER)


def test_an_undelivered_message_is_found_until_that_was_told_or_is_being_told(store: Store) -> None:
    names = {put(store, state=state, escalate_at=None) for state in OutboxState}
    found = store.read(lambda tx: escalations.undelivered(tx, limit=10))
    assert len(found) == 3
    assert {each.message for each in found} < names
    claimed = claim(store, found[0])
    assert claimed is not None
    assert len(store.read(lambda tx: escalations.undelivered(tx, limit=10))) == 2
    store.write(lambda tx: escalations.take(tx, claimed, EscalationStep.UNDELIVERED, next_at=None))
    assert len(store.read(lambda tx: escalations.undelivered(tx, limit=10))) == 2


def test_a_lost_message_begins_again_and_keeps_what_is_no_step_of_a_bell(store: Store) -> None:
    every = EscalationStep(sum(EscalationStep) & ~EscalationStep.LOST)
    message = put(store, escalation=int(every), escalate_at=None)
    store.write(lambda tx: escalations.note_lost(tx, side=SENDER, message=message, now=NOW))
    (found,) = due(store)
    kept = EscalationStep.OVERDUE | EscalationStep.UNDELIVERED | EscalationStep.UNPOLLED
    assert found.facts.steps == kept | EscalationStep.LOST


def test_a_bell_has_its_last_test_and_its_last_ring(store: Store) -> None:
    def note(worked: bool, after: timedelta) -> None:
        store.write(lambda tx: bells.note_test(tx, service="duty", channel="mail", at=NOW + after, worked=worked))

    note(True, timedelta())
    store.write(lambda tx: bells.note_ring(tx, service="duty", channel="mail", at=LATER))
    (record,) = store.read(bells.list)
    assert (record.tested_at, record.worked, record.rung_at) == (NOW, True, LATER)
    note(False, SECOND)
    (failed,) = store.read(bells.list)
    assert failed == replace(record, tested_at=NOW + SECOND, worked=False)
