"""The warnings of days of agreements that were given, one row for each version, kind of day and stage."""

from datetime import datetime

from sqlalchemy import select

from gateway.ports import Transaction
from gateway.store.agreement_schema import agreement_warnings
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import to_microseconds
from trust.agreements.due_dates import DueDate

Key = tuple[str, int, str, str]

_KEY = ("agreement_id", "version", "kind", "stage")
_PUT = Statement(insertion(agreement_warnings).on_conflict_do_nothing(index_elements=list(_KEY)))
_LOAD = Statement(select(*(agreement_warnings.c[name] for name in _KEY)))


def key(due: DueDate) -> Key:
    """Return what makes a warning the same as another."""
    return due.agreement.id, due.agreement.version, due.kind.value, due.stage.value


def put(tx: Transaction, due: DueDate, *, at: datetime) -> bool:
    """Record a warning; return false where it was recorded before, by this process or another."""
    values = dict(zip(_KEY, key(due), strict=True))
    return tx.run(_PUT, {**values, "warned_at": to_microseconds(at)}) > 0


def load_all(tx: Transaction) -> frozenset[Key]:
    """Return the warnings that were given."""
    return frozenset((row.agreement_id, row.version, row.kind, row.stage) for row in tx.rows(_LOAD, {}))
