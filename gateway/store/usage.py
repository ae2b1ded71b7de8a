"""How many questions each practitioner asked on each day, by role, to know what is usual."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import BindParameter, bindparam, delete, select, tuple_

from gateway.ports import Transaction
from gateway.store.schema import usage
from gateway.store.statement import Statement, insertion

USUAL_OVER = timedelta(days=7)
"""How far back it is looked what is usual for a role."""
_BATCH: BindParameter[int] = bindparam("batch")
_INSERT = insertion(usage)
_COUNT = Statement(
    _INSERT.on_conflict_do_update(index_elements=["role", "day", "asker"], set_={"count": usage.c.count + 1}).returning(
        usage.c.count
    )
)
_OTHERS = Statement(
    select(usage.c.count).where(
        usage.c.role == bindparam("role"), usage.c.day >= bindparam("since"), usage.c.asker != bindparam("asker")
    )
)
_ID = tuple_(usage.c.role, usage.c.day, usage.c.asker)
_OLD = select(usage.c.role, usage.c.day, usage.c.asker).where(usage.c.day < bindparam("before")).limit(_BATCH)
_ERASE = Statement(delete(usage).where(_ID.in_(_OLD)))


def count(tx: Transaction, *, role: str, asker: str, day: date) -> int:
    """Count one question and return how many it makes today."""
    rows = tx.rows(_COUNT, {"role": role, "day": day.isoformat(), "asker": asker, "count": 1})
    return int(rows[0].count)


def others(tx: Transaction, *, role: str, asker: str, since: date) -> Sequence[int]:
    """Return how many questions others in this role asked on each of their days since then."""
    return [int(row.count) for row in tx.rows(_OTHERS, {"role": role, "asker": asker, "since": since.isoformat()})]


def erase_before(tx: Transaction, *, day: date, batch: int) -> int:
    """Forget at most ``batch`` days before ``day``."""
    return tx.run(_ERASE, {"before": day.isoformat(), "batch": batch})
