"""The last comparison with each peer of what was sent, accepted and held; of case systems, with this node itself."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from gateway.ports import Transaction
from gateway.store.delivery_schema import reconciliations
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds

_INSERT = insertion(reconciliations)
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["peer", "service"],
        set_={name: _INSERT.excluded[name] for name in ("at", "sent", "accepted", "held", "holes")},
    )
)
_GET = Statement(
    select(reconciliations).where(
        reconciliations.c.peer == bindparam("its_peer"), reconciliations.c.service == bindparam("its_service")
    )
)
_LIST = Statement(select(reconciliations).order_by(reconciliations.c.peer, reconciliations.c.service))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """One comparison: how many messages there were at each stage, and how many ``holes``."""

    peer: str
    service: str
    at: datetime
    sent_count: int = 0
    accepted_count: int = 0
    held_count: int = 0
    holes: int = 0


def put(tx: Transaction, comparison: Reconciliation) -> None:
    """Store a comparison in place of the one before."""
    values = {
        "peer": comparison.peer,
        "service": comparison.service,
        "at": to_microseconds(comparison.at),
        "sent": comparison.sent_count,
        "accepted": comparison.accepted_count,
        "held": comparison.held_count,
        "holes": comparison.holes,
    }
    tx.run(_PUT, values)


def get(tx: Transaction, *, peer: str, service: str) -> Reconciliation | None:
    """Return the last comparison, or none."""
    rows = tx.rows(_GET, {"its_peer": peer, "its_service": service})
    return _comparison(rows[0]) if rows else None


def list_all(tx: Transaction) -> tuple[Reconciliation, ...]:
    """Return the last comparison of each pair."""
    return tuple(map(_comparison, tx.rows(_LIST, {})))


def _comparison(row: Row) -> Reconciliation:
    return Reconciliation(
        peer=row.peer,
        service=row.service,
        at=from_microseconds(row.at),
        sent_count=row.sent,
        accepted_count=row.accepted,
        held_count=row.held,
        holes=row.holes,
    )
