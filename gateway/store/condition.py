"""In which condition the store and this machine are: what decides, before anything else, whether anybody is served.

The clock is this machine's, so each host that shares a store has a mark of its own.
"""

from dataclasses import dataclass
from datetime import timedelta

from gateway.ports import Transaction
from gateway.store.tables import store_epoch
from gateway.store.tables.store_epoch import NEVER_RESTORED, StoreEpoch

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCondition:
    """``clock_off`` is how far this machine's clock is behind the others', negative where it is ahead; 0 is right."""

    epoch: StoreEpoch = NEVER_RESTORED
    clock_off: timedelta = timedelta()


def read(tx: Transaction, *, host: str) -> NodeCondition:
    """Return the store's epoch, and what was last found out about the clock of a host."""
    marks = store_epoch.marks(tx)
    return NodeCondition(epoch=store_epoch.from_marks(marks), clock_off=marks.get(_clock(host), 0) * _MICROSECOND)


def record_clock(tx: Transaction, *, host: str, off: timedelta) -> None:
    """Note what was found out about the clock of a host."""
    store_epoch.put_mark(tx, _clock(host), off // _MICROSECOND)


def _clock(host: str) -> str:
    return f"clock {host}"
