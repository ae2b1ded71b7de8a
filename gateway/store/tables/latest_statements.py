"""The newest statement ever seen of each issuer about each subject, so that an older one is known for what it is.

An entity configuration is its issuer's statement about itself. Rows are never erased: what was seen stays seen after
the chain that held it has expired or ended.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import seen_statements
from gateway.store.tables import store_epoch
from trust.identifiers import EntityId

_INSERT = insertion(seen_statements)
_NOTE = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["issuer", "subject"],
        set_={"issued_at": _INSERT.excluded.issued_at, "seen_at": _INSERT.excluded.seen_at},
        where=seen_statements.c.issued_at < _INSERT.excluded.issued_at,
    )
)
_NEWEST = Statement(
    select(seen_statements.c.issued_at).where(
        seen_statements.c.issuer == bindparam("issuer"), seen_statements.c.subject == bindparam("subject")
    )
)


def record(tx: Transaction, *, issued_at: Mapping[tuple[EntityId, EntityId], datetime], seen_at: datetime) -> None:
    """Note when statements were made, by issuer and subject; an older date than the one noted changes nothing."""
    for (issuer, subject), moment in issued_at.items():
        values = {"issuer": issuer, "subject": subject, "issued_at": to_microseconds(moment)}
        tx.run(_NOTE, {**values, "seen_at": to_microseconds(seen_at)})


def latest(tx: Transaction, *, issuer: str, subject: str) -> datetime | None:
    """Return when the newest statement that was seen was made, or none where none was.

    In a restored store, what its superior states of an entity counts as seen up to the restore: the lost store may have
    seen it.
    """
    rows = tx.rows(_NEWEST, {"issuer": issuer, "subject": subject})
    issued_at = from_microseconds(rows[0].issued_at) if rows else None
    floor = None if issuer == subject else store_epoch.read(tx).not_before
    return max((moment for moment in (issued_at, floor) if moment is not None), default=None)
