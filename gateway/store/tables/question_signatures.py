"""Signatures of others' questions and decisions, sealed: neither holds a word about the person but what was decided on.

Beside a decision stand its outcome and what repetitions of it share, so that they can be counted without opening any.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import BindParameter, bindparam, delete, func, select, tuple_

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion, numbered_values
from gateway.store.schema import question_signatures

_BATCH: BindParameter[int] = bindparam("batch")
_GET = Statement(select(question_signatures.c.sealed).where(question_signatures.c.leaf == bindparam("its_leaf")))
_OLD = select(question_signatures.c.leaf).where(question_signatures.c.leaf < bindparam("before")).limit(_BATCH)
PAGE = 500
_COLUMNS = question_signatures.c
_REPEATED = Statement(
    select(
        _COLUMNS.repetition,
        _COLUMNS.outcome,
        func.min(_COLUMNS.leaf).label("leaf"),
        func.count().label("repetitions"),
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
_COUNT = Statement(
    select(func.count().label("decisions")).where(
        _COLUMNS.repetition.is_not(None), _COLUMNS.leaf >= bindparam("first"), _COLUMNS.leaf < bindparam("end")
    )
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

    repetition: bytes
    outcome: str
    leaf: bytes
    count: int


@cache
def _get_all(count: int) -> Statement:
    leaves: list[BindParameter[bytes]] = [bindparam(f"leaf{number}") for number in range(count)]
    return Statement(select(_COLUMNS.leaf, _COLUMNS.sealed).where(_COLUMNS.leaf.in_(leaves)))


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


def get_all(tx: Transaction, leaves: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return what is sealed beside each of these leaves."""
    if not leaves:
        return {}
    rows = tx.rows(_get_all(len(leaves)), {f"leaf{number}": leaf for number, leaf in enumerate(leaves)})
    return {bytes(row.leaf): bytes(row.sealed) for row in rows}


def page_of_decisions(
    tx: Transaction, *, first: bytes, end: bytes, after: RepeatedDecision | None = None
) -> tuple[RepeatedDecision, ...]:
    """Return up to :data:`PAGE` decisions of leaves whose ids lie from ``first`` to just before ``end``.

    Repetitions of one are counted. They come in the order of the index, and the next page begins ``after`` the last.
    """
    values = {
        "first": first,
        "end": end,
        "after": b"" if after is None else after.repetition,
        "after_outcome": "" if after is None else after.outcome,
        "limit": PAGE,
    }
    return tuple(
        RepeatedDecision(
            repetition=bytes(row.repetition), outcome=row.outcome, leaf=bytes(row.leaf), count=row.repetitions
        )
        for row in tx.rows(_REPEATED, values)
    )


def count_decisions(tx: Transaction, *, first: bytes, end: bytes) -> int:
    """Return how many decisions there are of leaves whose ids lie from ``first`` to just before ``end``."""
    return int(tx.rows(_COUNT, {"first": first, "end": end})[0].decisions)


def erase_before(tx: Transaction, *, before: bytes, batch: int) -> int:
    """Forget at most ``batch`` signatures of leaves whose ids sort below ``before``."""
    return tx.run(_ERASE, {"before": before, "batch": batch})
