"""Epoch of the store: each restore begins another, and nothing dated before it counts any more.

A copy knows less than the node it was taken from had seen by its end: message ids it had answered, statements it had
accepted. So a restored store refuses all that is dated before its new epoch (assertion A59), and says that it has not
yet been reconciled with the others until it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update

from gateway.ports import Transaction
from gateway.store.engine.claims_sqlite import ACCEPTED_AHEAD
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import epochs, trusted_chains
from gateway.store.tables import agreements, restore_holds

CONFIRMED = "store_confirmed"
"""Whether an administrator has confirmed what the others could not tell; a store restored before this mark was."""
_NUMBER, _NOT_BEFORE, _RECONCILED = _NAMES = ("store", "store_not_before", "store_reconciled")

_READ = Statement(select(epochs))
_INSERT = insertion(epochs)
_PUT = Statement(_INSERT.on_conflict_do_update(index_elements=["name"], set_={"value": _INSERT.excluded.value}))
_EMPTY_CHAINS = Statement(
    update(trusted_chains)
    .where(trusted_chains.c.superior_iat < bindparam("bound"))
    .values(
        statements=bindparam("none"),
        refreshed_at=bindparam("bound"),
        expires_at=bindparam("bound"),
        superior_iat=bindparam("bound"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreEpoch:
    """``not_before`` is none, and ``number`` 0, for a store that was never restored.

    ``confirmed``: an administrator has confirmed what no peer answered for (:mod:`gateway.store.tables.restore_holds`).
    """

    number: int = 0
    not_before: datetime | None = None
    reconciled: bool = True
    confirmed: bool = True

    def covers(self, dated: datetime) -> bool:
        """Return whether something of that date belongs to this epoch; what does not may have been seen and lost."""
        return self.not_before is None or dated >= self.not_before


NEVER_RESTORED = StoreEpoch()


def read(tx: Transaction) -> StoreEpoch:
    """Return the store's epoch."""
    return from_marks(marks(tx))


def marks(tx: Transaction) -> Mapping[str, int]:
    """Return every mark of the store, of the epoch and others, by name."""
    return {row.name: row.value for row in tx.rows(_READ, {})}


def from_marks(marks_by_name: Mapping[str, int]) -> StoreEpoch:
    """Read the epoch out of the store's marks."""
    if _NUMBER not in marks_by_name:
        return NEVER_RESTORED
    return StoreEpoch(
        number=marks_by_name[_NUMBER],
        not_before=from_microseconds(marks_by_name[_NOT_BEFORE]),
        reconciled=bool(marks_by_name[_RECONCILED]),
        confirmed=bool(marks_by_name.get(CONFIRMED, 1)),
    )


def begin(tx: Transaction, *, at: datetime) -> StoreEpoch:
    """Begin the next epoch in a store that was restored at ``at``; it ends the copy's chains.

    The epoch begins as much later as another party's clock may be ahead (the profile's section 2): the lost node may
    have accepted what was dated so.
    """
    number, start = read(tx).number + 1, at + ACCEPTED_AHEAD
    epoch = StoreEpoch(number=number, not_before=start, reconciled=False, confirmed=False)
    bound = to_microseconds(start)
    for name, value in zip(_NAMES, (epoch.number, bound, 0), strict=True):
        put_mark(tx, name, value)
    tx.run(_EMPTY_CHAINS, {"bound": bound, "none": "[]"})
    put_mark(tx, CONFIRMED, 0)
    restore_holds.hold_all(tx)
    return epoch


def confirm(tx: Transaction) -> None:
    """Note that an administrator has confirmed the rest, and release it."""
    put_mark(tx, CONFIRMED, 1)
    restore_holds.release_all(tx)
    agreements.touch(tx)


def set_reconciled(tx: Transaction) -> None:
    """Note that the others were asked what this store had missed."""
    put_mark(tx, _RECONCILED, 1)


def put_mark(tx: Transaction, name: str, value: int) -> None:
    """Set a mark of the store."""
    tx.run(_PUT, {"name": name, "value": value})
