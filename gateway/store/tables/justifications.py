"""Lookups that a manager has to justify, and what came of it.

The lookup itself, who asked it and why, stays where it is; here stands only that it was chosen.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.schema import samples

_PUT = Statement(insertion(samples))
_GET = Statement(select(samples).where(samples.c.lookup_id == bindparam("lookup_id")))
_OPEN = Statement(select(samples).where(samples.c.settled_at.is_(None)).order_by(samples.c.due_at))
_ALL = Statement(select(samples).order_by(samples.c.due_at))
_OVERDUE = Statement(
    select(func.count().label("overdue"))
    .select_from(samples)
    .where(samples.c.settled_at.is_(None), samples.c.due_at <= bindparam("now"))
)
_SETTLE = Statement(
    update(samples)
    .where(samples.c.lookup_id == bindparam("lookup"), samples.c.settled_at.is_(None))
    .values(justified=bindparam("found"), sealed_finding=bindparam("finding"), settled_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledLookup:
    """One lookup to justify; ``justified`` is none until it is settled, ``sealed_finding`` holds the finding."""

    lookup_id: str
    client_id: str
    taken_at: datetime
    due_at: datetime
    justified: bool | None = None
    sealed_finding: bytes | None = None
    settled_at: datetime | None = None


def put(tx: Transaction, sample: SampledLookup) -> None:
    """Note that a lookup was chosen."""
    tx.run(
        _PUT,
        {
            "lookup_id": sample.lookup_id,
            "client_id": sample.client_id,
            "taken_at": to_microseconds(sample.taken_at),
            "due_at": to_microseconds(sample.due_at),
            "justified": None,
            "sealed_finding": None,
            "settled_at": None,
        },
    )


def get(tx: Transaction, *, lookup_id: str) -> SampledLookup | None:
    """Return a chosen lookup, or none."""
    rows = tx.rows(_GET, {"lookup_id": lookup_id})
    return _sampled_lookup(rows[0]) if rows else None


def list(tx: Transaction, *, is_settled: bool) -> tuple[SampledLookup, ...]:  # noqa: A001 - read as `justifications.list`
    """Return those that wait, the one that is due first first; with ``is_settled``, the others as well."""
    return tuple(_sampled_lookup(row) for row in tx.rows(_ALL if is_settled else _OPEN, {}))


def overdue(tx: Transaction, *, now: datetime) -> int:
    """Return how many wait past their time."""
    return int(tx.rows(_OVERDUE, {"now": to_microseconds(now)})[0].overdue)


def settle(tx: Transaction, *, lookup_id: str, justified: bool, sealed_finding: bytes, at: datetime) -> bool:
    """Note what a manager found; return false where that was noted before."""
    values = {"lookup": lookup_id, "found": int(justified), "finding": sealed_finding, "at": to_microseconds(at)}
    return tx.run(_SETTLE, values) == 1


def _sampled_lookup(row: Row) -> SampledLookup:
    return SampledLookup(
        lookup_id=row.lookup_id,
        client_id=row.client_id,
        taken_at=from_microseconds(row.taken_at),
        due_at=from_microseconds(row.due_at),
        justified=None if row.justified is None else bool(row.justified),
        sealed_finding=row.sealed_finding,
        settled_at=optional_from_microseconds(row.settled_at),
    )
