"""Since when a superior is known to vouch for each federation key of this entity: the first sight of it counts."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import epochs

_PREFIX = "vouched-key:"
_NOTE = Statement(insertion(epochs).on_conflict_do_nothing(index_elements=["name"]))
_SINCE = Statement(select(epochs).where(epochs.c.name.startswith(_PREFIX)))


def record(tx: Transaction, *, kids: Iterable[str], seen_at: datetime) -> None:
    """Note keys that a fetched statement names; one that was noted before keeps its date."""
    for kid in kids:
        tx.run(_NOTE, {"name": _PREFIX + kid, "value": to_microseconds(seen_at)})


def since(tx: Transaction) -> dict[str, datetime]:
    """Return every key that was ever noted, by id, and when it was first seen."""
    return {row.name.removeprefix(_PREFIX): from_microseconds(row.value) for row in tx.rows(_SINCE, {})}
