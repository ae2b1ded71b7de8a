"""Signatures of others' questions and decisions, sealed: neither holds a word about the person but what was decided on.

Beside a decision stand its outcome and what repetitions of it share, so that they can be counted without opening any.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import BindParameter, bindparam, delete, func, select, tuple_

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion, numbered_values
from gateway.store.schema import question_signatures

_BATCH: BindParameter[int] = bindparam("batch")
_GET = Statement(select(question_signatures.c.sealed).where(question_signatures.c.leaf == bindparam("its_leaf")))
_OLD = select(question_signatures.c.leaf).where(question_signatures.c.leaf < bindparam("before")).limit(_BATCH)
PAGE = 1_000
_COLUMNS = question_signatures.c
_REPEATED = Statement(
    select(
        _COLUMNS.repetition,
        _COLUMNS.outcome,
        func.min(_COLUMNS.leaf).label("leaf"),
        func.count().label("count"),
    )
    .where(
        tuple_(_COLUMNS.repetition, _COLUMNS.outcome) > tuple_(bindparam("after"), bindparam("after_outcome")),
        _COLUMNS.repetition.is_not(None),
        _COLUMNS.leaf >= bindparam("first"),
        _COLUMNS.leaf < bindparam("end"),
    )
    .group_by(_COLUMNS.repetition, _COLUMNS.outcome)
    .order_by(_COLUMNS.repetition, _COLUMNS.outcome)
    .limit(bindparam("limit"))
)
_ERASE = Statement(delete(question_signatures).where(question_signatures.c.leaf.in_(_OLD)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """What stands in clear of a decision. ``repetition`` is equal for equal requests of one day."""

    repetition: bytes
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedDecision:
    """A decision that was made ``count`` times alike; ``leaf`` is the id of one of them."""

    leaf: bytes
    outcome: str
    count: int


@cache
def _put(count: int) -> Statement:
    return Statement(insertion(question_signatures, rows=count))


def put(tx: Transaction, rows: Sequence[tuple[bytes, bytes, StoredDecision | None]]) -> None:
    """Keep what is sealed beside leaves."""
    if rows:
        values = (
            {
                "leaf": leaf,
                "sealed": sealed,
                "repetition": None if decision is None else decision.repetition,
                "outcome": None if decision is None else decision.outcome,
            }
            for leaf, sealed, decision in rows
        )
        tx.run(_put(len(rows)), numbered_values(values))


def get(tx: Transaction, *, leaf: bytes) -> bytes | None:
    """Return the sealed signature of the message whose *received* leaf this is, or none."""
    rows = tx.rows(_GET, {"its_leaf": leaf})
    return bytes(rows[0].sealed) if rows else None


def repeated_decisions(tx: Transaction, *, first: bytes, end: bytes) -> Iterator[RepeatedDecision]:
    """Yield the decisions of leaves whose ids lie from ``first`` to just before ``end``, repetitions counted.

    They are read page by page, in the order of the index, so that memory does not grow with them.
    """
    after, outcome = b"", ""
    while True:
        values = {"first": first, "end": end, "after": after, "after_outcome": outcome, "limit": PAGE}
        rows = tx.rows(_REPEATED, values)
        for row in rows:
            yield RepeatedDecision(leaf=bytes(row.leaf), outcome=row.outcome, count=row.count)
        if len(rows) < PAGE:
            return
        after, outcome = bytes(rows[-1].repetition), rows[-1].outcome


def erase_before(tx: Transaction, *, before: bytes, batch: int) -> int:
    """Forget at most ``batch`` signatures of leaves whose ids sort below ``before``."""
    return tx.run(_ERASE, {"before": before, "batch": batch})
