"""Persons whose lookup raises an alert: keyed digests of what identifies them, and of the worker of a relative."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import BindParameter, bindparam, delete, distinct, func, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion, numbered_values
from gateway.store.watch_schema import watch_keys

_DELETE = Statement(delete(watch_keys))
_COUNTS = Statement(
    select(watch_keys.c.reason, func.count(distinct(watch_keys.c.entry)).label("entries")).group_by(watch_keys.c.reason)
)
_ROWS_A_STATEMENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchKey:
    """One key of an entry. ``worker`` is empty where the entry concerns every worker."""

    key: str
    reason: str
    worker: str
    entry: str


@cache
def _put(count: int) -> Statement:
    return Statement(insertion(watch_keys, rows=count).on_conflict_do_nothing())


@cache
def _find(count: int) -> Statement:
    keys: list[BindParameter[str]] = [bindparam(f"key{number}") for number in range(count)]
    return Statement(
        select(watch_keys.c.reason)
        .where(
            watch_keys.c.key.in_(keys), watch_keys.c.worker.in_([bindparam("every_worker"), bindparam("its_worker")])
        )
        .distinct()
    )


def replace_all(tx: Transaction, rows: Sequence[WatchKey]) -> None:
    """Replace every entry by these."""
    tx.run(_DELETE, {})
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        _insert(tx, rows[start : start + _ROWS_A_STATEMENT])


def reasons(tx: Transaction, keys: Sequence[str], *, worker: str) -> frozenset[str]:
    """Return why any of these keys is watched: for every worker, or for this one."""
    if not keys:
        return frozenset()
    values = {f"key{number}": key for number, key in enumerate(keys)}
    rows = tx.rows(_find(len(keys)), {**values, "every_worker": "", "its_worker": worker})
    return frozenset(row.reason for row in rows)


def counts(tx: Transaction) -> dict[str, int]:
    """Return how many entries there are by reason."""
    return {row.reason: int(row.entries) for row in tx.rows(_COUNTS, {})}


def _insert(tx: Transaction, rows: Iterable[WatchKey]) -> None:
    several = [{"key": each.key, "reason": each.reason, "worker": each.worker, "entry": each.entry} for each in rows]
    tx.run(_put(len(several)), numbered_values(several))
