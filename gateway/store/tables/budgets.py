"""Budgets: for each asker the moment at which their bucket is full again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import BindParameter, bindparam, delete, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion, numbered_values
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import budgets

_BATCH: BindParameter[int] = bindparam("batch")
_FULL = select(budgets.c.key).where(budgets.c.due <= bindparam("now")).limit(_BATCH)
_ERASE = Statement(delete(budgets).where(budgets.c.key.in_(_FULL)))


@cache
def _get(count: int) -> Statement:
    keys: list[BindParameter[str]] = [bindparam(f"key{number}") for number in range(count)]
    return Statement(select(budgets.c.key, budgets.c.due).where(budgets.c.key.in_(keys)))


@cache
def _put(count: int) -> Statement:
    insert = insertion(budgets, rows=count)
    return Statement(insert.on_conflict_do_update(index_elements=["key"], set_={"due": insert.excluded.due}))


def due(tx: Transaction, *, keys: Sequence[str]) -> Mapping[str, datetime]:
    """Return the moments that were kept, none for a full bucket."""
    rows = tx.rows(_get(len(keys)), {f"key{number}": key for number, key in enumerate(keys)})
    return {row.key: from_microseconds(row.due) for row in rows}


def save(tx: Transaction, moments: Mapping[str, datetime]) -> None:
    """Keep new moments, all in one statement: a question has a few budgets, and everybody waits for its commit."""
    if moments:
        rows = ({"key": key, "due": to_microseconds(moment)} for key, moment in moments.items())
        tx.run(_put(len(moments)), numbered_values(rows))


def erase_full(tx: Transaction, *, now: datetime, batch: int) -> int:
    """Erase at most ``batch`` buckets that are full again: a new one is the same."""
    return tx.run(_ERASE, {"now": to_microseconds(now), "batch": batch})
