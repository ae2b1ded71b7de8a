"""Queries from holders about a message of ours that may be misuse; reason and answer rest sealed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, func, select, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.schema import misuse_received

_MINE = (misuse_received.c.holder == bindparam("its_holder")) & (misuse_received.c.query == bindparam("its_query"))
_PUT = Statement(insertion(misuse_received).on_conflict_do_nothing(index_elements=["holder", "query"]))
_GET = Statement(select(misuse_received).where(_MINE))
_OPEN_OF = Statement(
    select(func.count().label("open"))
    .select_from(misuse_received)
    .where(misuse_received.c.holder == bindparam("its_holder"), misuse_received.c.state == "open")
)
_OVERDUE = Statement(
    select(func.count().label("overdue"))
    .select_from(misuse_received)
    .where(misuse_received.c.state == "open", misuse_received.c.due_at <= bindparam("now"))
)
_LIST = Statement(select(misuse_received).order_by(misuse_received.c.received_at, misuse_received.c.query))
_ANSWER = Statement(
    update(misuse_received)
    .where(_MINE, misuse_received.c.state == "open")
    .values(state="answered", sealed_answer=bindparam("answer"), answered_at=bindparam("at"))
)


class ReceivedQueryState(StrEnum):
    """What has become of a query."""

    OPEN = "open"
    """Two people have not named the practitioner yet."""
    ANSWERED = "answered"
    """They have, and the holder is told when it asks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMisuseQuery:
    """One query; ``query`` is the holder's own id of it."""

    holder: str
    query: str
    received_at: datetime
    due_at: datetime
    sealed_query: bytes
    state: ReceivedQueryState = ReceivedQueryState.OPEN
    sealed_answer: bytes | None = None
    answered_at: datetime | None = None


def put(tx: Transaction, received: ReceivedMisuseQuery) -> bool:
    """Store a new query; return false for one that is here already."""
    values = {
        "holder": received.holder,
        "query": received.query,
        "received_at": to_microseconds(received.received_at),
        "due_at": to_microseconds(received.due_at),
        "state": received.state,
        "sealed_query": received.sealed_query,
        "sealed_answer": None,
        "answered_at": None,
    }
    return tx.run(_PUT, values) == 1


def get(tx: Transaction, *, holder: str, query: str) -> ReceivedMisuseQuery | None:
    """Return a query, or none."""
    rows = tx.rows(_GET, {"its_holder": holder, "its_query": query})
    return _query(rows[0]) if rows else None


def count_open(tx: Transaction, *, holder: str) -> int:
    """Return how many queries of one holder wait for a name."""
    return int(tx.rows(_OPEN_OF, {"its_holder": holder})[0].open)


def overdue(tx: Transaction, *, now: datetime) -> int:
    """Return how many wait for a name past their time."""
    return int(tx.rows(_OVERDUE, {"now": to_microseconds(now)})[0].overdue)


def list(tx: Transaction) -> tuple[ReceivedMisuseQuery, ...]:  # noqa: A001 - read as `received_misuse_queries.list`
    """Return every query, the oldest first."""
    return tuple(_query(row) for row in tx.rows(_LIST, {}))


def answer(tx: Transaction, *, holder: str, query: str, sealed_answer: bytes, at: datetime) -> bool:
    """Store the answer; return false where there is one already."""
    values = {"its_holder": holder, "its_query": query, "answer": sealed_answer, "at": to_microseconds(at)}
    return tx.run(_ANSWER, values) == 1


def _query(row: Row) -> ReceivedMisuseQuery:
    return ReceivedMisuseQuery(
        holder=row.holder,
        query=row.query,
        received_at=from_microseconds(row.received_at),
        due_at=from_microseconds(row.due_at),
        sealed_query=row.sealed_query,
        state=ReceivedQueryState(row.state),
        sealed_answer=row.sealed_answer,
        answered_at=optional_from_microseconds(row.answered_at),
    )
