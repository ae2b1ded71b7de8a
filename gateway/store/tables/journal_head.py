"""The digest of the last line of the administrators' journal, as the evidence committed to it."""

from datetime import datetime

from sqlalchemy import select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import to_microseconds
from gateway.store.schema import journal_head

_INSERT = insertion(journal_head)
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["only"], set_={"head": _INSERT.excluded.head, "at": _INSERT.excluded.at}
    )
)
_GET = Statement(select(journal_head.c.head))


def put(tx: Transaction, *, head: str, at: datetime) -> None:
    """Replace the head, in the transaction of its evidence leaf."""
    tx.run(_PUT, {"only": 1, "head": head, "at": to_microseconds(at)})


def get(tx: Transaction) -> str | None:
    """Return the head, if anything was recorded yet."""
    rows = tx.rows(_GET, {})
    return str(rows[0].head) if rows else None
