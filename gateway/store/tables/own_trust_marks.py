"""The trust marks that were issued to this node or authority, which it publishes with its entity configuration."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import marks_held

_INSERT = insertion(marks_held)
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["mark_type", "issuer"],
        set_={name: _INSERT.excluded[name] for name in ("raw", "added_at")},
    )
)
_LIST = Statement(select(marks_held).order_by(marks_held.c.mark_type, marks_held.c.issuer))
_REMOVE = Statement(
    delete(marks_held).where(marks_held.c.mark_type == bindparam("kind"), marks_held.c.issuer == bindparam("by"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTrustMark:
    """A mark as its issuer signed it; one of each type and issuer."""

    mark_type: str
    issuer: str
    raw: bytes
    added_at: datetime


def put(tx: Transaction, *, mark_type: str, issuer: str, raw: bytes, added_at: datetime) -> None:
    """Store a mark, in place of an earlier one of the same type and issuer."""
    tx.run(_PUT, {"mark_type": mark_type, "issuer": issuer, "raw": raw, "added_at": to_microseconds(added_at)})


def remove(tx: Transaction, *, mark_type: str, issuer: str) -> bool:
    """Forget a mark; return false where there is none."""
    return tx.run(_REMOVE, {"kind": mark_type, "by": issuer}) == 1


def list(tx: Transaction) -> tuple[OwnTrustMark, ...]:  # noqa: A001 - read as `own_trust_marks.list`
    """Return every mark, in the order of types and issuers."""
    return tuple(_mark(row) for row in tx.rows(_LIST, {}))


def _mark(row: Row) -> OwnTrustMark:
    return OwnTrustMark(
        mark_type=row.mark_type, issuer=row.issuer, raw=row.raw, added_at=from_microseconds(row.added_at)
    )
