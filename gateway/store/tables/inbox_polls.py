"""The last poll of each inbox that a case system polls: one that no client polls counts as unread."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from gateway.ports import Transaction
from gateway.store.delivery_schema import inbox_polls
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds

_INSERT = insertion(inbox_polls)
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["service"],
        set_={"client_id": _INSERT.excluded.client_id, "polled_at": _INSERT.excluded.polled_at},
    )
)
_ALL = Statement(select(inbox_polls).order_by(inbox_polls.c.service))


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPoll:
    """One service's last poll, and the case system that made it."""

    service: str
    client_id: str
    polled_at: datetime


def record(tx: Transaction, poll: InboxPoll) -> None:
    """Note a poll in place of the one before."""
    tx.run(
        _PUT,
        {"service": poll.service, "client_id": poll.client_id, "polled_at": to_microseconds(poll.polled_at)},
    )


def list_all(tx: Transaction) -> tuple[InboxPoll, ...]:
    """Return the last poll of each service that was ever polled."""
    return tuple(
        InboxPoll(service=row.service, client_id=row.client_id, polled_at=from_microseconds(row.polled_at))
        for row in tx.rows(_ALL, {})
    )
