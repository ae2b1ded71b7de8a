"""Daily counts of questions: of each practitioner by role, and of a whole agency by what came of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from sqlalchemy import BindParameter, bindparam, delete, func, select, tuple_

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion, numbered_values
from gateway.store.schema import usage

USUAL_OVER = timedelta(days=28)
"""How far back it is known what is usual."""
_BATCH: BindParameter[int] = bindparam("batch")
_KEY = (usage.c.agency, usage.c.counted, usage.c.asker, usage.c.day)
_OTHERS = Statement(
    select(usage.c.count).where(
        usage.c.agency == bindparam("agency"),
        usage.c.counted == bindparam("counted"),
        usage.c.day >= bindparam("since"),
        usage.c.asker != bindparam("asker"),
    )
)
_EARLIER = Statement(
    select(usage.c.count).where(
        usage.c.agency == bindparam("agency"),
        usage.c.counted == bindparam("counted"),
        usage.c.asker == bindparam("asker"),
        usage.c.day < bindparam("day"),
    )
)
_ASKED = Statement(
    select(func.coalesce(func.sum(usage.c.count), 0).label("asked")).where(
        usage.c.agency == bindparam("agency"), usage.c.asker != "", usage.c.day == bindparam("day")
    )
)
_OLD = select(*_KEY).where(usage.c.day < bindparam("before")).limit(_BATCH)
_ERASE = Statement(delete(usage).where(tuple_(*_KEY).in_(_OLD)))


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryCounter:
    """What is counted: questions in a role, or a word for those of a whole agency, whose ``asker`` is empty then."""

    agency: str
    counted: str
    asker: str = ""


@cache
def _count(rows: int) -> Statement:
    insert = insertion(usage, rows=rows)
    return Statement(
        insert.on_conflict_do_update(
            index_elements=["agency", "counted", "asker", "day"], set_={"count": usage.c.count + 1}
        ).returning(usage.c.counted, usage.c.count)
    )


def count(tx: Transaction, counters: Sequence[QueryCounter], *, day: date) -> Mapping[str, int]:
    """Count one question in each of some counters, and return by ``counted`` how many it makes today."""
    on = day.isoformat()
    values = numbered_values(
        {"agency": each.agency, "counted": each.counted, "asker": each.asker, "day": on, "count": 1}
        for each in counters
    )
    return {row.counted: int(row.count) for row in tx.rows(_count(len(counters)), values)}


def others(tx: Transaction, counter: QueryCounter, *, since: date) -> Sequence[int]:
    """Return how many questions others of this agency and role asked on each of their days since then."""
    parameters = {"agency": counter.agency, "counted": counter.counted, "asker": counter.asker}
    return [int(row.count) for row in tx.rows(_OTHERS, {**parameters, "since": since.isoformat()})]


def earlier(tx: Transaction, counter: QueryCounter, *, day: date) -> Sequence[int]:
    """Return what the counter came to on each day before ``day`` on which it counted anything."""
    parameters = {"agency": counter.agency, "counted": counter.counted, "asker": counter.asker}
    return [int(row.count) for row in tx.rows(_EARLIER, {**parameters, "day": day.isoformat()})]


def asked_by_agency(tx: Transaction, *, agency: str, day: date) -> int:
    """Return how many questions all practitioners of an agency asked on one day."""
    return int(tx.rows(_ASKED, {"agency": agency, "day": day.isoformat()})[0].asked)


def erase_before(tx: Transaction, *, day: date, batch: int) -> int:
    """Erase at most ``batch`` counts of days before ``day``."""
    return tx.run(_ERASE, {"before": day.isoformat(), "batch": batch})
