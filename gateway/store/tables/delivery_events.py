"""The steps of each queued message at this node, in the order in which they came about. No person stands in them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, select

from gateway.ports import Transaction
from gateway.store.delivery_schema import delivery_events
from gateway.store.engine.statement import Row, Statement
from gateway.store.engine.timestamps import from_microseconds, to_microseconds

_COLUMNS = ("message", "side", "at", "event", "code", "actor")
_PUT = Statement(delivery_events.insert().values({name: bindparam(name) for name in _COLUMNS}))
_LIST = Statement(
    select(delivery_events)
    .where(delivery_events.c.message == bindparam("its_message"), delivery_events.c.side == bindparam("its_side"))
    .order_by(delivery_events.c.seq)
)


class DeliverySide(StrEnum):
    """The side of a delivery that this node is on. A message between two services of one node is on both."""

    SENDER = "sender"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEvent:
    """One step of one message. ``message`` is this node's own name for it (:func:`trust.evidence.leaf.message_key`).

    ``code`` says more, such as a reason; ``actor`` is a role, a client's id or an administrator, never a practitioner.
    """

    message: str
    side: DeliverySide
    at: datetime
    event: str
    code: str | None = None
    actor: str | None = None


def put(tx: Transaction, *events: DeliveryEvent) -> None:
    """Append events in the transaction of what they tell."""
    for each in events:
        values = {name: getattr(each, name) for name in _COLUMNS}
        tx.run(_PUT, {**values, "at": to_microseconds(each.at)})


def list(tx: Transaction, *, message: str, side: DeliverySide) -> tuple[DeliveryEvent, ...]:  # noqa: A001 - read as `delivery_events.list`
    """Return the events of a message, oldest first."""
    return tuple(map(_event, tx.rows(_LIST, {"its_message": message, "its_side": side})))


def of_messages(
    tx: Transaction, messages: Iterable[str], *, side: DeliverySide
) -> dict[str, tuple[DeliveryEvent, ...]]:
    """Return the events of several messages, by message."""
    return {message: list(tx, message=message, side=side) for message in messages}


def _event(row: Row) -> DeliveryEvent:
    return DeliveryEvent(
        message=row.message,
        side=DeliverySide(row.side),
        at=from_microseconds(row.at),
        event=row.event,
        code=row.code,
        actor=row.actor,
    )
