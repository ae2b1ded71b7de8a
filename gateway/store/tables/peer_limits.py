"""Rows of the outbox that wait because their peer takes no more from this node for a while."""

from datetime import datetime

from sqlalchemy import bindparam, or_, select, update

from gateway.ports import Transaction
from gateway.store.delivery_schema import WAITING, outbox
from gateway.store.engine.statement import Statement
from gateway.store.engine.timestamps import to_microseconds
from gateway.store.tables.outbox import Lane, OutboxRow

PEER_LIMITING, CLAUSE_LIMITING = "peer_limiting", "peer_limiting_clause"
"""Why rows wait that a peer turned away until later: of all that is not red, or of one clause."""

_LIMITED = (
    select(outbox.c.seq)
    .where(
        WAITING,
        outbox.c.peer == bindparam("its_peer"),
        outbox.c.lane >= bindparam("lowest"),
        outbox.c.lane <= bindparam("highest"),
        outbox.c.next_at < bindparam("until"),
        outbox.c.lease_owner.is_(None),
        outbox.c.state == "queued",
        outbox.c.typ == bindparam("its_typ"),
        or_(bindparam("its_clause") == "", outbox.c.clause == bindparam("its_clause")),
    )
    .order_by(outbox.c.next_at, outbox.c.seq)
    .limit(bindparam("most"))
)
_LIMIT = Statement(
    update(outbox).where(outbox.c.seq.in_(_LIMITED)).values(next_at=bindparam("until"), reason=bindparam("why"))
)


def limit(tx: Transaction, row: OutboxRow, *, reason: str, until: datetime, most: int) -> int:
    """Let rows wait that a peer would turn away as it did this one, the next ones first; return how many that are.

    Red rows are limited by themselves, and receipts are too.
    """
    is_red = row.lane is Lane.RED
    values = {
        "its_peer": row.peer,
        "lowest": int(Lane.RED if is_red else Lane.AMBER),
        "highest": int(Lane.RED if is_red else Lane.GREEN),
        "until": to_microseconds(until),
        "its_typ": row.typ,
        "its_clause": (row.clause or "") if reason == CLAUSE_LIMITING else "",
        "why": reason,
        "most": most,
    }
    return tx.run(_LIMIT, values)
