"""Budgets: for each asker the moment at which their bucket is full again."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BindParameter, bindparam, delete, select

from gateway.ports import Transaction
from gateway.store.moments import from_microseconds, to_microseconds
from gateway.store.schema import budgets
from gateway.store.statement import Statement, insertion

_BATCH: BindParameter[int] = bindparam("batch")
_INSERT = insertion(budgets)
_GET = Statement(select(budgets.c.due).where(budgets.c.key == bindparam("key")))
_PUT = Statement(_INSERT.on_conflict_do_update(index_elements=["key"], set_={"due": _INSERT.excluded.due}))
_FULL = select(budgets.c.key).where(budgets.c.due <= bindparam("now")).limit(_BATCH)
_ERASE = Statement(delete(budgets).where(budgets.c.key.in_(_FULL)))


def due(tx: Transaction, *, key: str) -> datetime | None:
    """Return the moment that was kept, or none for a full bucket."""
    rows = tx.rows(_GET, {"key": key})
    return from_microseconds(rows[0].due) if rows else None


def keep(tx: Transaction, moments: Sequence[tuple[str, datetime]]) -> None:
    """Keep new moments."""
    for key, moment in moments:
        tx.run(_PUT, {"key": key, "due": to_microseconds(moment)})


def erase_full(tx: Transaction, *, now: datetime, batch: int) -> int:
    """Forget at most ``batch`` buckets that are full again, which nobody can tell from new ones."""
    return tx.run(_ERASE, {"now": to_microseconds(now), "batch": batch})
