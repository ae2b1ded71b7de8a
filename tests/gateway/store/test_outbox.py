"""The outbox and what stands beside it: leases, order, and what one pass may look at."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.ports import Store, Transaction
from gateway.store.tables import answers, delivery_events, outbox, peer_backoffs, submissions
from gateway.store.tables.answers import StoredAnswer
from gateway.store.tables.delivery_events import DeliveryEvent, DeliverySide
from gateway.store.tables.outbox import Lane, NextTry, OutboxRow, OutboxState
from gateway.store.tables.peer_backoffs import PeerBackoff
from gateway.store.tables.submissions import SubmissionRow
from tests.gateway.store.makers import COUNCIL, DIGEST, LATER, NOW, POLICE, make_outbox_row

_SECOND = timedelta(seconds=1)


def put(store: Store, **changes: Any) -> OutboxRow:
    row = make_outbox_row(**changes)
    store.write(lambda tx: outbox.put(tx, row, sealed=b"sealed"))
    return get(store, row)


def get(store: Store, row: OutboxRow) -> OutboxRow:
    found = store.read(lambda tx: outbox.get(tx, message=row.message))
    assert found is not None
    return found


def due(store: Store, *, peer: str = POLICE, lane: Lane = Lane.AMBER, after: timedelta = timedelta()) -> list[str]:
    rows = store.read(lambda tx: outbox.due(tx, peer=peer, lane=lane, now=NOW + after, limit=10))
    return [row.message for row in rows]


def lease(store: Store, row: OutboxRow, owner: str = "one", after: timedelta = timedelta()) -> bool:
    now = NOW + after
    return store.write(lambda tx: outbox.lease(tx, row, owner=owner, now=now, until=now + 60 * _SECOND))


def test_a_row_comes_back_as_it_was_stored(store: Store) -> None:
    row = put(store, escalate_at=LATER, decide_by=LATER, submission="s", supersedes="earlier")
    assert row.seq > 0
    assert (row.state, row.escalate_at, row.decide_by, row.supersedes) == (OutboxState.QUEUED, LATER, LATER, "earlier")
    assert store.read(lambda tx: outbox.sealed(tx, message=row.message)) == b"sealed"
    assert store.read(lambda tx: outbox.by_reference(tx, reference=row.reference)) == (row,)
    assert store.read(lambda tx: outbox.of_submission(tx, submission="s")) == (row,)


def test_one_relay_leases_a_row_until_its_lease_ends(store: Store) -> None:
    row = put(store)
    assert lease(store, row)
    assert not lease(store, row, "two", after=_SECOND)
    assert due(store, after=59 * _SECOND) == []
    assert due(store, after=61 * _SECOND) == [row.message]
    assert lease(store, row, "two", after=61 * _SECOND)
    again = NextTry(state=OutboxState.QUEUED, reason=None, again_at=NOW, faults=0, tried=True)
    assert not store.write(lambda tx: outbox.try_again(tx, row, again, owner="one"))
    assert store.write(lambda tx: outbox.try_again(tx, row, again, owner="two"))
    assert (get(store, row).attempts, get(store, row).lease_owner) == (1, None)


def test_a_row_waits_for_an_earlier_one_of_its_case_and_goes_once_that_is_settled(store: Store) -> None:
    first, second = put(store, order_key="case"), put(store, order_key="case")
    assert store.read(lambda tx: outbox.waits_until(tx, first)) is None
    assert store.read(lambda tx: outbox.waits_until(tx, second)) == NOW
    lease(store, first)
    assert store.read(lambda tx: outbox.waits_until(tx, second)) == NOW + 60 * _SECOND
    store.write(lambda tx: outbox.defer(tx, second, until=NOW + 60 * _SECOND))
    assert due(store, after=_SECOND) == []

    def settle(tx: Transaction) -> None:
        assert outbox.end(tx, first, OutboxState.PARKED, reason="refused")
        outbox.wake_next(tx, first, now=NOW + _SECOND)

    store.write(settle)
    assert due(store, after=_SECOND) == [second.message]
    assert store.read(lambda tx: outbox.waits_until(tx, second)) is None


def test_a_row_held_for_its_own_sake_blocks_no_other_of_its_case(store: Store) -> None:
    first, second = put(store, order_key="case"), put(store, order_key="case")
    store.write(lambda tx: outbox.hold(tx, first, reason="agreement_not_in_force"))
    assert store.read(lambda tx: outbox.waits_until(tx, second)) is None
    third, fourth = put(store, order_key="other"), put(store, order_key="other")
    store.write(lambda tx: outbox.hold(tx, third, reason=outbox.UNTRUSTED))
    assert store.read(lambda tx: outbox.waits_until(tx, fourth)) is not None


def test_the_peers_for_which_something_waits_are_found_with_their_backoff(store: Store) -> None:
    put(store, peer=COUNCIL)
    put(store, peer=POLICE)
    put(store, peer=POLICE)
    done = put(store, peer="https://done.example")
    store.write(lambda tx: outbox.end(tx, done, OutboxState.CLOSED, reason="closed"))
    backoff = PeerBackoff(peer=POLICE, failures=2, since=NOW, retry_at=LATER, reason="unreachable")
    store.write(lambda tx: peer_backoffs.put(tx, backoff))
    waiting = store.read(outbox.waiting_peers)
    assert {each.peer: each.backoff for each in waiting} == {COUNCIL: None, POLICE: backoff}
    assert store.write(lambda tx: peer_backoffs.clear(tx, peer=POLICE))
    assert not store.write(lambda tx: peer_backoffs.clear(tx, peer=POLICE))
    assert store.read(peer_backoffs.list) == ()


def test_no_row_that_is_over_is_leased_or_ended_again(store: Store) -> None:
    row = put(store)
    assert store.write(lambda tx: outbox.end(tx, row, OutboxState.CLOSED, reason="closed"))
    assert not store.write(lambda tx: outbox.end(tx, row, OutboxState.PARKED, reason="late"))
    assert not lease(store, row)
    assert store.write(lambda tx: outbox.retry(tx, get(store, row), now=LATER))
    assert due(store, after=LATER - NOW) == [row.message]


@pytest.mark.parametrize("lane", list(Lane))
def test_a_pass_looks_at_one_lane_and_no_further_than_it_is_told(store: Store, lane: Lane) -> None:
    rows = [put(store, lane=lane) for _ in range(3)]
    others = [each for each in Lane if each is not lane]
    assert due(store, lane=lane) == [row.message for row in rows]
    assert all(due(store, lane=other) == [] for other in others)
    limited = store.read(lambda tx: outbox.due(tx, peer=POLICE, lane=lane, now=NOW, limit=2))
    assert [row.message for row in limited] == [row.message for row in rows[:2]]


def test_events_are_read_in_their_order_by_side(store: Store) -> None:
    events = [
        DeliveryEvent(message="m", side=DeliverySide.SENDER, at=NOW, event="queued"),
        DeliveryEvent(message="m", side=DeliverySide.SENDER, at=NOW, event="held", code="untrusted"),
    ]
    store.write(lambda tx: delivery_events.put(tx, *events))
    other = DeliveryEvent(message="m", side=DeliverySide.RECIPIENT, at=NOW, event="stored")
    store.write(lambda tx: delivery_events.put(tx, other))
    found = store.read(lambda tx: delivery_events.list(tx, message="m", side=DeliverySide.SENDER))
    assert list(found) == events


def test_an_answer_of_one_number_is_stored_once(store: Store) -> None:
    first = StoredAnswer(message="m", seq=2, side=DeliverySide.SENDER, at=NOW, code="accepted", sealed=b"1")
    assert store.write(lambda tx: answers.put(tx, first))
    assert not store.write(lambda tx: answers.put(tx, replace(first, code="declined")))
    assert store.read(lambda tx: answers.list(tx, message="m", side=DeliverySide.SENDER)) == (first,)


def test_a_submission_under_the_same_key_is_the_first_one(store: Store) -> None:
    row = SubmissionRow(
        id="s-1",
        client_id="case-system",
        idempotency_key="key",
        request_digest=DIGEST,
        kind="alert",
        topic="safeguarding",
        urgency="red",
        case_key="case",
        incident="i-1",
        sealed_request=b"sealed",
        created_at=NOW,
    )
    assert store.write(lambda tx: submissions.create(tx, row)) is None
    assert store.write(lambda tx: submissions.create(tx, replace(row, id="s-2"))) == row
    assert store.read(lambda tx: submissions.get(tx, id="s-1")) == row
    assert store.read(lambda tx: submissions.of_incident(tx, incident="i-1")) == (row,)
    page = store.read(
        lambda tx: submissions.of_client(tx, client_id="case-system", kind="alert", before=(LATER, ""), limit=5)
    )
    assert page == (row,)
    assert store.write(lambda tx: submissions.close(tx, id="s-1", at=LATER))
