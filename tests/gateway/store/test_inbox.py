"""The inbox's rows: a message is replaced only by a newer one of the same parties."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import permutations
from typing import Any

import pytest

from gateway.delivery import inbox as delivery_inbox
from gateway.ports import Store, Transaction
from gateway.store.tables import inbox
from gateway.store.tables.inbox import InboxMessage, InboxState
from tests.gateway.store.makers import NOW

EARLIER = InboxMessage(
    message="earlier",
    issuer="https://a.example",
    kind="alert",
    topic="safeguarding",
    from_service="housing",
    service="mental-health",
    reference="HG-ABCDEFGH",
    lane=0,
    digest="d",
    sealed=b"s",
    received_at=NOW,
    expires_at=NOW + timedelta(days=1),
    case_next_at=NOW,
    case_lease_until=NOW,
    escalate_at=NOW,
)
NEWER = replace(EARLIER, message="newer", supersedes="earlier")


def after(store: Store, *messages: InboxMessage) -> dict[str, InboxState]:
    """Store messages, each of which replaces what it may, and return their states."""
    for message in messages:
        store.write(partial(put, message))
    found = [store.read(partial(inbox.get, message=message.message)) for message in messages]
    return {each.message: each.state for each in found if each is not None}


def put(message: InboxMessage, tx: Transaction) -> None:
    inbox.put(tx, message)
    inbox.supersede(tx, message)


@pytest.mark.holds("A8")
def test_a_newer_message_of_the_same_parties_replaces(store: Store) -> None:
    assert after(store, EARLIER, NEWER) == {"earlier": InboxState.SUPERSEDED, "newer": InboxState.OPEN}


@pytest.mark.parametrize(
    "other",
    [{"service": "money-advice"}, {"from_service": "police"}, {"issuer": "https://b.example"}, {"kind": "notice"}],
)
def test_a_message_of_other_parties_takes_none_away(store: Store, other: dict[str, Any]) -> None:
    newer = replace(NEWER, reference="HG-HGFEDCBA", **other)
    assert after(store, EARLIER, newer) == {"earlier": InboxState.OPEN, "newer": InboxState.OPEN}
    assert store.read(lambda tx: inbox.find_successor(tx, EARLIER)) is None


def test_no_message_replaces_itself(store: Store) -> None:
    own = replace(EARLIER, supersedes="earlier")
    assert after(store, own) == {"earlier": InboxState.OPEN}
    assert store.read(lambda tx: inbox.find_successor(tx, own)) is None


def test_of_two_that_replace_each_other_one_is_left(store: Store) -> None:
    states = after(store, replace(EARLIER, supersedes="newer"), NEWER)
    assert states["earlier"] is InboxState.OPEN


@pytest.mark.holds("A8")
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_messages_that_replace_each_other_in_a_circle_one_is_left(store: Store, order: tuple[int, ...]) -> None:
    circle = [
        replace(EARLIER, message=f"m{n}", supersedes=f"m{(n + 1) % 3}", reference=f"HG-AAAAAAA{n}") for n in range(3)
    ]
    for n in order:
        store.write(partial(delivery_inbox._store, row=circle[n], now=NOW))
    found = [store.read(partial(inbox.get, message=each.message)) for each in circle]
    assert [each.state for each in found if each is not None].count(InboxState.OPEN) == 1
