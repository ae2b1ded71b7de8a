"""The maintenance that this node announces to its peers, if any."""

from sqlalchemy import delete, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import maintenance
from trust.federation.maintenance import Maintenance

_INSERT = insertion(maintenance)
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["only"], set_={"begins": _INSERT.excluded.begins, "ends": _INSERT.excluded.ends}
    )
)
_GET = Statement(select(maintenance.c.begins, maintenance.c.ends))
_END = Statement(delete(maintenance))


def put(tx: Transaction, announced: Maintenance) -> None:
    """Announce a maintenance in place of an earlier one."""
    tx.run(_PUT, {"only": 1, "begins": to_microseconds(announced.begins), "ends": to_microseconds(announced.ends)})


def get(tx: Transaction) -> Maintenance | None:
    """Return what is announced, which may be over."""
    rows = tx.rows(_GET, {})
    if not rows:
        return None
    return Maintenance(begins=from_microseconds(rows[0].begins), ends=from_microseconds(rows[0].ends))


def end(tx: Transaction) -> bool:
    """Announce none any more; false where none was announced."""
    return tx.run(_END, {}) > 0
