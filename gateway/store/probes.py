"""Which neighbouring subjects somebody asked about lately: keyed digests only, forgotten after a day."""

from datetime import datetime

from sqlalchemy import BindParameter, bindparam, delete, func, select, tuple_

from gateway.ports import Transaction
from gateway.store.moments import to_microseconds
from gateway.store.schema import probes
from gateway.store.statement import Statement, insertion

_BATCH: BindParameter[int] = bindparam("batch")
_INSERT = insertion(probes)
_NOTE = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["asker", "feature", "subject"],
        set_={"at": _INSERT.excluded.at},
        where=probes.c.at < bindparam("since"),
    )
)
_COUNT = Statement(
    select(func.count().label("subjects")).where(
        probes.c.asker == bindparam("asker"),
        probes.c.feature == bindparam("feature"),
        probes.c.at >= bindparam("since"),
    )
)
_ID = tuple_(probes.c.asker, probes.c.feature, probes.c.subject)
_OLD = select(probes.c.asker, probes.c.feature, probes.c.subject).where(probes.c.at < bindparam("before")).limit(_BATCH)
_ERASE = Statement(delete(probes).where(_ID.in_(_OLD)))


def note(tx: Transaction, *, asker: str, feature: str, subject: str, at: datetime, since: datetime) -> int:
    """Note that ``asker`` asked about ``subject`` and return how many different subjects share the feature since then.

    A subject that was noted since then already costs no write and returns 0: nothing new was learnt.
    """
    values = {"asker": asker, "feature": feature, "subject": subject, "at": to_microseconds(at)}
    if not tx.run(_NOTE, {**values, "since": to_microseconds(since)}):
        return 0
    rows = tx.rows(_COUNT, {"asker": asker, "feature": feature, "since": to_microseconds(since)})
    return int(rows[0].subjects)


def erase_before(tx: Transaction, *, moment: datetime, batch: int) -> int:
    """Forget at most ``batch`` subjects that were last asked about before ``moment``."""
    return tx.run(_ERASE, {"before": to_microseconds(moment), "batch": batch})
