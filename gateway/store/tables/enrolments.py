"""Requests to be vouched for that wait for an administrator to compare thumbprints: so many at most, each for a while.

Nothing of them was believed when they came; strangers wrote them.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import enrolments

_INSERT = insertion(enrolments)
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["entity"],
        set_={name: _INSERT.excluded[name] for name in ("raw", "received_at", "expires_at")},
    )
)
_GET = Statement(
    select(enrolments).where(enrolments.c.entity == bindparam("entity"), enrolments.c.expires_at > bindparam("now"))
)
_LIST = Statement(
    select(enrolments)
    .where(enrolments.c.expires_at > bindparam("now"))
    .order_by(enrolments.c.received_at, enrolments.c.entity)
)
_OTHERS = Statement(
    select(func.count().label("others")).select_from(enrolments).where(enrolments.c.entity != bindparam("entity"))
)
_REMOVE = Statement(delete(enrolments).where(enrolments.c.entity == bindparam("asker")))
_ERASE = Statement(delete(enrolments).where(enrolments.c.expires_at <= bindparam("now")))


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEnrolment:
    """One request as received; ``expires_at`` is its own end."""

    entity: str
    raw: bytes = field(repr=False)
    received_at: datetime
    expires_at: datetime


def put(tx: Transaction, waiting: WaitingEnrolment, *, most: int | None, now: datetime) -> bool:
    """Store a request in the place of the entity's earlier one; return false where ``most`` others wait already.

    Those that have expired are erased first. ``None`` is for a request that always finds room.
    """
    tx.run(_ERASE, {"now": to_microseconds(now)})
    if most is not None and tx.rows(_OTHERS, {"entity": waiting.entity})[0].others >= most:
        return False
    values = {"entity": waiting.entity, "raw": waiting.raw, "received_at": to_microseconds(waiting.received_at)}
    tx.run(_PUT, {**values, "expires_at": to_microseconds(waiting.expires_at)})
    return True


def get(tx: Transaction, *, entity: str, now: datetime) -> WaitingEnrolment | None:
    """Return what waits of an entity, unless it has expired."""
    rows = tx.rows(_GET, {"entity": entity, "now": to_microseconds(now)})
    return _waiting(rows[0]) if rows else None


def list(tx: Transaction, *, now: datetime) -> tuple[WaitingEnrolment, ...]:  # noqa: A001 - as `enrolments.list`
    """Return every request that waits, the oldest first."""
    return tuple(_waiting(row) for row in tx.rows(_LIST, {"now": to_microseconds(now)}))


def remove(tx: Transaction, *, entity: str) -> bool:
    """Forget what waits of an entity; return false where nothing does."""
    return tx.run(_REMOVE, {"asker": entity}) == 1


def _waiting(row: Row) -> WaitingEnrolment:
    return WaitingEnrolment(
        entity=row.entity,
        raw=bytes(row.raw),
        received_at=from_microseconds(row.received_at),
        expires_at=from_microseconds(row.expires_at),
    )
