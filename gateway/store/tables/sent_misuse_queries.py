"""Our queries about another agency's message that may be misuse; reason and answer rest sealed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, func, select, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.schema import misuse_asked

_PUT = Statement(insertion(misuse_asked).on_conflict_do_nothing(index_elements=["asker", "message"]))
_FIND = Statement(
    select(misuse_asked).where(
        misuse_asked.c.asker == bindparam("its_asker"), misuse_asked.c.message == bindparam("its_message")
    )
)
_OVERDUE = Statement(
    select(func.count().label("overdue"))
    .select_from(misuse_asked)
    .where(misuse_asked.c.state != "answered", misuse_asked.c.due_at <= bindparam("now"))
)
_LIST = Statement(select(misuse_asked).order_by(misuse_asked.c.asked_at, misuse_asked.c.query))
_SETTLE = Statement(
    update(misuse_asked)
    .where(misuse_asked.c.query == bindparam("its_query"), misuse_asked.c.state != "answered")
    .values(state=bindparam("new_state"), sealed_answer=bindparam("answer"), answered_at=bindparam("at"))
)


class SentQueryState(StrEnum):
    """What the asking agency has said so far."""

    PENDING = "pending"
    ANSWERED = "answered"
    UNKNOWN = "unknown"
    """It says that it sent no such message, which its own signature disproves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMisuseQuery:
    """One query about one message; ``query`` is our own id of it, ``asker`` the agency that sent the message."""

    query: str
    asker: str
    message: str
    asked_at: datetime
    due_at: datetime
    sealed_query: bytes
    state: SentQueryState = SentQueryState.PENDING
    sealed_answer: bytes | None = None
    answered_at: datetime | None = None


def put(tx: Transaction, query: SentMisuseQuery) -> bool:
    """Store a new query; return false where there is one about the message already."""
    values = {
        "query": query.query,
        "asker": query.asker,
        "message": query.message,
        "asked_at": to_microseconds(query.asked_at),
        "due_at": to_microseconds(query.due_at),
        "state": query.state,
        "sealed_query": query.sealed_query,
        "sealed_answer": None,
        "answered_at": None,
    }
    return tx.run(_PUT, values) == 1


def find(tx: Transaction, *, asker: str, message: str) -> SentMisuseQuery | None:
    """Return the query about a message, or none."""
    rows = tx.rows(_FIND, {"its_asker": asker, "its_message": message})
    return _query(rows[0]) if rows else None


def list(tx: Transaction) -> tuple[SentMisuseQuery, ...]:  # noqa: A001 - read as `sent_misuse_queries.list`
    """Return every query, the oldest first."""
    return tuple(_query(row) for row in tx.rows(_LIST, {}))


def overdue(tx: Transaction, *, now: datetime) -> int:
    """Return how many still have no name past their time."""
    return int(tx.rows(_OVERDUE, {"now": to_microseconds(now)})[0].overdue)


def settle(tx: Transaction, *, query: str, state: SentQueryState, sealed_answer: bytes, at: datetime) -> bool:
    """Store what was said; return false where the practitioner was named before."""
    values = {"its_query": query, "new_state": state, "answer": sealed_answer, "at": to_microseconds(at)}
    return tx.run(_SETTLE, values) == 1


def _query(row: Row) -> SentMisuseQuery:
    return SentMisuseQuery(
        query=row.query,
        asker=row.asker,
        message=row.message,
        asked_at=from_microseconds(row.asked_at),
        due_at=from_microseconds(row.due_at),
        sealed_query=row.sealed_query,
        state=SentQueryState(row.state),
        sealed_answer=row.sealed_answer,
        answered_at=optional_from_microseconds(row.answered_at),
    )
