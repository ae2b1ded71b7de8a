"""Lookups of the node's own case systems: who asked and why, sealed, and the answers that came, sealed.

The answers are erased when their keeping ends. The account of each question (asker, service, time, reason) is not: the
asking agency alone can name the practitioner, and owes that to the person asked about (WIRE section 4).
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.schema import lookup_answers, lookups

RUNNING = "running"
COMPLETE = "complete"

_CREATE = Statement(insertion(lookups).on_conflict_do_nothing(index_elements=["client_id", "idempotency_key"]))
_FIND_BY_KEY = Statement(
    select(lookups).where(
        lookups.c.client_id == bindparam("client_id"), lookups.c.idempotency_key == bindparam("idempotency_key")
    )
)
_GET = Statement(select(lookups).where(lookups.c.id == bindparam("id"), lookups.c.client_id == bindparam("client_id")))
_FIND = Statement(select(lookups).where(lookups.c.id == bindparam("its_id")))
_ANSWERS = Statement(
    select(lookup_answers.c.service, lookup_answers.c.sealed, lookup_answers.c.at)
    .where(lookup_answers.c.lookup_id == bindparam("id"))
    .order_by(lookup_answers.c.service)
)
_ANSWER = select(
    lookups.c.id,
    bindparam("service", type_=lookup_answers.c.service.type),
    bindparam("sealed", type_=lookup_answers.c.sealed.type),
    bindparam("at", type_=lookup_answers.c.at.type),
).where(lookups.c.id == bindparam("lookup_id"))
_INSERT_ANSWER = insert(lookup_answers).from_select(["lookup_id", "service", "sealed", "at"], _ANSWER)
_ADD_ANSWER = Statement(
    _INSERT_ANSWER.on_conflict_do_update(
        index_elements=["lookup_id", "service"],
        set_={"sealed": _INSERT_ANSWER.excluded.sealed, "at": _INSERT_ANSWER.excluded.at},
    )
)
_COMPLETE = Statement(
    update(lookups)
    .where(lookups.c.id == bindparam("lookup_id"), lookups.c.completed_at.is_(None))
    .values(state=COMPLETE, completed_at=bindparam("at"))
)
_PAST_KEEPING = select(lookups.c.id).where(
    lookups.c.id == lookup_answers.c.lookup_id, lookups.c.keep_until <= bindparam("now")
)
# from the answers, which are few, to their lookups, which are kept
_EXPIRED = select(lookup_answers.c.lookup_id).where(_PAST_KEEPING.exists()).limit(bindparam("batch"))
_ERASE = Statement(delete(lookup_answers).where(lookup_answers.c.lookup_id.in_(_EXPIRED)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupRow:
    """One lookup. ``expected`` is the number of services asked; ``state`` is :data:`RUNNING` or :data:`COMPLETE`."""

    id: str
    client_id: str
    idempotency_key: str
    request_digest: str
    sealed_request: bytes | None
    created_at: datetime
    keep_until: datetime
    expected: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLookupAnswer:
    """What one service answered, sealed."""

    service: str
    sealed: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupWithAnswers:
    """A lookup and the answers so far, in the order of their services' names."""

    lookup: LookupRow
    completed_at: datetime | None
    answers: tuple[StoredLookupAnswer, ...]


_COLUMNS = tuple(field.name for field in fields(LookupRow))


def create(tx: Transaction, lookup: LookupRow) -> LookupRow | None:
    """Store a new lookup and return none, or return the one that its client already made under this key."""
    values: dict[str, Any] = {name: getattr(lookup, name) for name in _COLUMNS}
    values["created_at"] = to_microseconds(lookup.created_at)
    values["keep_until"] = to_microseconds(lookup.keep_until)
    if tx.run(_CREATE, {**values, "completed_at": None}):
        return None
    key = {"client_id": lookup.client_id, "idempotency_key": lookup.idempotency_key}
    return _lookup(tx.rows(_FIND_BY_KEY, key)[0])


def add_answer(tx: Transaction, *, lookup_id: str, service: str, sealed: bytes, at: datetime) -> bool:
    """Store a service's answer in place of an earlier one; return false where the lookup is already erased."""
    values = {"lookup_id": lookup_id, "service": service, "sealed": sealed, "at": to_microseconds(at)}
    return tx.run(_ADD_ANSWER, values) == 1


def complete(tx: Transaction, *, lookup_id: str, at: datetime) -> bool:
    """Note that no more answers are awaited; return false where that was noted before, or the lookup is erased."""
    return tx.run(_COMPLETE, {"lookup_id": lookup_id, "at": to_microseconds(at)}) == 1


def get(tx: Transaction, *, lookup_id: str, client_id: str) -> LookupWithAnswers | None:
    """Return a client's own lookup; another client's is as absent as one that never was."""
    rows = tx.rows(_GET, {"id": lookup_id, "client_id": client_id})
    if not rows:
        return None
    answers = tx.rows(_ANSWERS, {"id": lookup_id})
    return LookupWithAnswers(
        lookup=_lookup(rows[0]),
        completed_at=optional_from_microseconds(rows[0].completed_at),
        answers=tuple(
            StoredLookupAnswer(service=row.service, sealed=row.sealed, at=from_microseconds(row.at)) for row in answers
        ),
    )


def find(tx: Transaction, *, lookup_id: str) -> LookupRow | None:
    """Return any client's lookup, for this agency's own account of it."""
    rows = tx.rows(_FIND, {"its_id": lookup_id})
    return _lookup(rows[0]) if rows else None


def erase_expired(tx: Transaction, *, now: datetime, batch: int) -> int:
    """Erase the answers of about ``batch`` lookups past their keeping, and return how many answers went."""
    return tx.run(_ERASE, {"now": to_microseconds(now), "batch": batch})


def _lookup(row: Row) -> LookupRow:
    values = {name: getattr(row, name) for name in _COLUMNS}
    values["created_at"] = from_microseconds(row.created_at)
    values["keep_until"] = from_microseconds(row.keep_until)
    return LookupRow(**values)
