"""Decisions to share or not to share outside agreements; a review makes a new one and never changes the old."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

from sqlalchemy import BindParameter, and_, bindparam, func, or_, select, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion, numbered_values
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.sharing_schema import AWAITS_REVIEW, sharing_decisions, sharing_keys

_PUT = Statement(insertion(sharing_decisions))
_GET = Statement(select(sharing_decisions).where(sharing_decisions.c.id == bindparam("its_id")))
_NEWEST = (sharing_decisions.c.decided_at.desc(), sharing_decisions.c.id.desc())
_BEFORE = or_(
    sharing_decisions.c.decided_at < bindparam("before_at"),
    and_(sharing_decisions.c.decided_at == bindparam("before_at"), sharing_decisions.c.id < bindparam("before_id")),
)
_PAGE = Statement(
    select(sharing_decisions)
    .where(sharing_decisions.c.service == bindparam("its_service"), _BEFORE)
    .order_by(*_NEWEST)
    .limit(bindparam("most"))
)
_ALL = Statement(select(sharing_decisions).order_by(*_NEWEST).limit(bindparam("most")))
_DUE = Statement(
    select(sharing_decisions)
    .where(AWAITS_REVIEW, sharing_decisions.c.review_at <= bindparam("by"))
    .order_by(sharing_decisions.c.review_at, sharing_decisions.c.id)
    .limit(bindparam("most"))
)
_COUNT_DUE = Statement(
    select(func.count().label("number"))
    .select_from(sharing_decisions)
    .where(AWAITS_REVIEW, sharing_decisions.c.review_at <= bindparam("by"))
)
_REVIEW = Statement(
    update(sharing_decisions)
    .where(AWAITS_REVIEW, sharing_decisions.c.id == bindparam("its_id"))
    .values(reviewed_at=bindparam("at"), next_decision=bindparam("its_next"))
)


@cache
def _put_keys(count: int) -> Statement:
    return Statement(insertion(sharing_keys, rows=count))


@cache
def _about(count: int) -> Statement:
    keys: list[BindParameter[str]] = [bindparam(f"key{number}") for number in range(count)]
    items = select(sharing_keys.c.decision).where(sharing_keys.c.key.in_(keys))
    return Statement(
        select(sharing_decisions).where(sharing_decisions.c.id.in_(items)).order_by(*_NEWEST).limit(bindparam("most"))
    )


class SharingOutcome(StrEnum):
    """What a named person decided: at first, or at the review of an earlier decision."""

    NOT_SHARED = "not_shared"
    SHARED = "shared"
    MAY_SHARE = "may_share"
    """A review ended the decision not to share."""
    UPHELD = "upheld"
    """A second person agrees that it was right to share."""
    NOT_UPHELD = "not_upheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingRow:
    """One decision. ``recipient`` is a service in full, where the decision is about one.

    ``review_at`` is the end of the day by which it is reviewed; ``next_decision`` is what the review decided.
    """

    id: str
    service: str
    outcome: SharingOutcome
    ground: str
    recipient: str | None
    decided_at: datetime
    review_at: datetime | None
    sealed: bytes
    reviewed_at: datetime | None = None
    next_decision: str | None = None

    def is_overdue(self, now: datetime) -> bool:
        """Say whether its review is late."""
        return self.review_at is not None and self.reviewed_at is None and self.review_at <= now


def put(tx: Transaction, decision: SharingRow, keys: Iterable[str]) -> None:
    """Store a decision, to be found by these keys of the person."""
    tx.run(
        _PUT,
        {
            "id": decision.id,
            "service": decision.service,
            "outcome": str(decision.outcome),
            "ground": decision.ground,
            "recipient": decision.recipient,
            "decided_at": to_microseconds(decision.decided_at),
            "review_at": None if decision.review_at is None else to_microseconds(decision.review_at),
            "reviewed_at": None,
            "next_decision": None,
            "sealed": decision.sealed,
        },
    )
    rows = [{"key": key, "decision": decision.id} for key in dict.fromkeys(keys)]
    if rows:
        tx.run(_put_keys(len(rows)), numbered_values(rows))


def get(tx: Transaction, *, id: str) -> SharingRow | None:  # noqa: A002 - the column's name
    """Return a decision, or none."""
    rows = tx.rows(_GET, {"its_id": id})
    return _decision(rows[0]) if rows else None


def page(
    tx: Transaction, *, services: Iterable[str], before: tuple[datetime, str], limit: int
) -> tuple[SharingRow, ...]:
    """Return decisions of these services from before a place, newest first."""
    decisions: list[SharingRow] = []
    for service in services:
        values = {
            "its_service": service,
            "before_at": to_microseconds(before[0]),
            "before_id": before[1],
            "most": limit,
        }
        decisions.extend(map(_decision, tx.rows(_PAGE, values)))
    return tuple(sorted(decisions, key=lambda each: (each.decided_at, each.id), reverse=True)[:limit])


def list_all(tx: Transaction, *, limit: int) -> tuple[SharingRow, ...]:
    """Return decisions of every service, newest first."""
    return tuple(map(_decision, tx.rows(_ALL, {"most": limit})))


def about(tx: Transaction, keys: Sequence[str], *, limit: int) -> tuple[SharingRow, ...]:
    """Return decisions about a person with one of these keys, newest first."""
    if not keys:
        return ()
    values: dict[str, str | int] = {f"key{number}": key for number, key in enumerate(keys)}
    return tuple(map(_decision, tx.rows(_about(len(keys)), {**values, "most": limit})))


def list_due(tx: Transaction, *, by: datetime, limit: int) -> tuple[SharingRow, ...]:
    """Return decisions whose review is due by a moment, the earliest first."""
    return tuple(map(_decision, tx.rows(_DUE, {"by": to_microseconds(by), "most": limit})))


def overdue(tx: Transaction, *, now: datetime) -> int:
    """Return how many reviews are late."""
    return int(tx.rows(_COUNT_DUE, {"by": to_microseconds(now)})[0].number)


def review(tx: Transaction, *, id: str, next_decision: str, at: datetime) -> bool:  # noqa: A002 - the column's name
    """Note which decision a review made; return false where it was reviewed before."""
    return tx.run(_REVIEW, {"its_id": id, "its_next": next_decision, "at": to_microseconds(at)}) == 1


def _decision(row: Row) -> SharingRow:
    return SharingRow(
        id=row.id,
        service=row.service,
        outcome=SharingOutcome(row.outcome),
        ground=row.ground,
        recipient=row.recipient,
        decided_at=from_microseconds(row.decided_at),
        review_at=optional_from_microseconds(row.review_at),
        sealed=row.sealed,
        reviewed_at=optional_from_microseconds(row.reviewed_at),
        next_decision=row.next_decision,
    )
