"""Answers of recipients to queued messages, sealed, at both sides. The one of the highest number stands."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from gateway.ports import Transaction
from gateway.store.delivery_schema import answers
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.tables.delivery_events import DeliverySide

_PUT = Statement(insertion(answers).on_conflict_do_nothing(index_elements=["message", "seq", "side"]))
_LIST = Statement(
    select(answers)
    .where(answers.c.message == bindparam("its_message"), answers.c.side == bindparam("its_side"))
    .order_by(answers.c.seq)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """One answer. ``seq`` is its number at the recipient, ``code`` its outcome or status, without a person."""

    message: str
    seq: int
    side: DeliverySide
    at: datetime
    code: str
    sealed: bytes


def put(tx: Transaction, answer: StoredAnswer) -> bool:
    """Store an answer; return false where one of this number is there already."""
    values = {
        "message": answer.message,
        "seq": answer.seq,
        "side": answer.side,
        "at": to_microseconds(answer.at),
        "code": answer.code,
        "sealed": answer.sealed,
    }
    return tx.run(_PUT, values) == 1


def list(tx: Transaction, *, message: str, side: DeliverySide) -> tuple[StoredAnswer, ...]:  # noqa: A001 - read as `answers.list`
    """Return the answers to a message, in the recipient's own order; the last one stands."""
    return tuple(map(_answer, tx.rows(_LIST, {"its_message": message, "its_side": side})))


def _answer(row: Row) -> StoredAnswer:
    return StoredAnswer(
        message=row.message,
        seq=row.seq,
        side=DeliverySide(row.side),
        at=from_microseconds(row.at),
        code=row.code,
        sealed=row.sealed,
    )
