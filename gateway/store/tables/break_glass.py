"""Uses of break-glass and their reviews. The person who asked stands here as a keyed digest."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select, update

from gateway.ports import Transaction
from gateway.store.break_glass_schema import break_glass
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds

_OPEN = break_glass.c.reviewed_at.is_(None)
_LATE = and_(_OPEN, break_glass.c.due_at <= bindparam("now"))
_BARRED = or_(_LATE, and_(break_glass.c.justified == 0, break_glass.c.lifted_at.is_(None)))
_OF_PERSON = or_(break_glass.c.person == bindparam("its_person"), break_glass.c.person == bindparam("its_earlier_name"))
_OLDEST_FIRST = (break_glass.c.used_at, break_glass.c.lookup_id)
_PUT = Statement(insertion(break_glass))
_GET = Statement(select(break_glass).where(break_glass.c.lookup_id == bindparam("its_id")))
_LIST = Statement(select(break_glass).order_by(*_OLDEST_FIRST))
_LIST_OPEN = Statement(select(break_glass).where(or_(_OPEN, _BARRED)).order_by(*_OLDEST_FIRST))
_BARS = Statement(select(break_glass).where(_OF_PERSON, _BARRED).order_by(*_OLDEST_FIRST).limit(1))
_UNREVIEWED = Statement(select(func.count().label("uses")).select_from(break_glass).where(_OF_PERSON, _OPEN))
_TO_ESCALATE = Statement(
    select(break_glass).where(_LATE, break_glass.c.escalated_at.is_(None)).order_by(*_OLDEST_FIRST).limit(100)
)
_ESCALATE = Statement(
    update(break_glass)
    .where(break_glass.c.lookup_id == bindparam("its_id"), break_glass.c.escalated_at.is_(None))
    .values(escalated_at=bindparam("at"))
)
_WAITING = Statement(select(func.count().label("uses")).select_from(break_glass).where(_OPEN))
_OVERDUE = Statement(select(func.count().label("uses")).select_from(break_glass).where(_LATE))
_REVIEW = Statement(
    update(break_glass)
    .where(break_glass.c.lookup_id == bindparam("its_id"), _OPEN)
    .values(justified=bindparam("verdict"), sealed_finding=bindparam("finding"), reviewed_at=bindparam("at"))
)
_LIFT = Statement(
    update(break_glass)
    .where(
        break_glass.c.lookup_id == bindparam("its_id"),
        break_glass.c.justified == 0,
        break_glass.c.lifted_at.is_(None),
    )
    .values(lifted_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassUse:
    """One use. ``justified`` is none until it is reviewed; ``sealed_finding`` holds what the reviewer wrote.

    ``person`` is the keyed digest of who signed in, the same from each case system; ``practitioner`` is their name in
    the flags of this one.
    """

    lookup_id: str
    client_id: str
    practitioner: str
    person: str
    code: str
    used_at: datetime
    due_at: datetime
    escalated_at: datetime | None = None
    justified: bool | None = None
    sealed_finding: bytes | None = None
    reviewed_at: datetime | None = None
    lifted_at: datetime | None = None

    def is_overdue(self, now: datetime) -> bool:
        """Say whether it waits past its time."""
        return self.reviewed_at is None and self.due_at <= now


_COLUMNS = tuple(field.name for field in fields(BreakGlassUse))


def put(tx: Transaction, use: BreakGlassUse) -> None:
    """Store a new use."""
    values: dict[str, Any] = {name: getattr(use, name) for name in _COLUMNS}
    tx.run(_PUT, values | {"used_at": to_microseconds(use.used_at), "due_at": to_microseconds(use.due_at)})


def get(tx: Transaction, lookup_id: str) -> BreakGlassUse | None:
    """Return the use that a lookup was."""
    rows = tx.rows(_GET, {"its_id": lookup_id})
    return _use(rows[0]) if rows else None


def list(tx: Transaction, *, with_reviewed: bool, now: datetime) -> tuple[BreakGlassUse, ...]:  # noqa: A001 - read as `break_glass.list`
    """Return uses, the oldest first: those that wait or bar their person, or all."""
    rows = tx.rows(_LIST, {}) if with_reviewed else tx.rows(_LIST_OPEN, {"now": to_microseconds(now)})
    return tuple(map(_use, rows))


def bar(tx: Transaction, use: BreakGlassUse) -> BreakGlassUse | None:
    """Return the oldest use for which a new one's person is suspended: late to be reviewed, or not justified."""
    rows = tx.rows(_BARS, {**_names(use), "now": to_microseconds(use.used_at)})
    return _use(rows[0]) if rows else None


def unreviewed(tx: Transaction, use: BreakGlassUse) -> int:
    """Return how many uses of a new one's person wait for a review."""
    return int(tx.rows(_UNREVIEWED, _names(use))[0].uses)


def to_escalate(tx: Transaction, *, now: datetime) -> tuple[BreakGlassUse, ...]:
    """Return late uses of which the reviewer's manager has not been told."""
    return tuple(map(_use, tx.rows(_TO_ESCALATE, {"now": to_microseconds(now)})))


def escalate(tx: Transaction, lookup_id: str, *, at: datetime) -> bool:
    """Note that the manager is told; return false where that was noted before."""
    return tx.run(_ESCALATE, {"its_id": lookup_id, "at": to_microseconds(at)}) == 1


def waiting(tx: Transaction) -> int:
    """Return how many wait for a review."""
    return int(tx.rows(_WAITING, {})[0].uses)


def overdue(tx: Transaction, *, now: datetime) -> int:
    """Return how many wait past their time."""
    return int(tx.rows(_OVERDUE, {"now": to_microseconds(now)})[0].uses)


def review(tx: Transaction, lookup_id: str, *, justified: bool, sealed_finding: bytes, at: datetime) -> bool:
    """Store a review; return false where there is one."""
    values = {"its_id": lookup_id, "verdict": int(justified), "finding": sealed_finding, "at": to_microseconds(at)}
    return tx.run(_REVIEW, values) == 1


def lift(tx: Transaction, lookup_id: str, *, at: datetime) -> bool:
    """End the suspension for a use that was not justified; return false where there is none."""
    return tx.run(_LIFT, {"its_id": lookup_id, "at": to_microseconds(at)}) == 1


def _names(use: BreakGlassUse) -> dict[str, str]:
    return {"its_person": use.person, "its_earlier_name": use.practitioner}


def _use(row: Row) -> BreakGlassUse:
    values = {name: getattr(row, name) for name in _COLUMNS}
    for name in ("used_at", "due_at"):
        values[name] = from_microseconds(values[name])
    for name in ("escalated_at", "reviewed_at", "lifted_at"):
        values[name] = optional_from_microseconds(values[name])
    values["justified"] = None if row.justified is None else bool(row.justified)
    return BreakGlassUse(**values)
