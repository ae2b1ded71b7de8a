"""Gate that stops a node or an authority from serving while its clock or its store is wrong.

It may not while its clock is wrong (assertion A66): what it signed would be dated wrongly, and it would take what has
expired for good, or the other way round. It may not after a restore until it was reconciled with the others (A59).
Until then every request of others is answered 503 before anything is looked at, used up or stored, so that the caller
can repeat the very same request later; only suspensions, which their issuers have signed, are handed on, for others may
need them to be reconciled themselves.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from time import monotonic

from gateway.ports import Store, Transaction
from gateway.store import condition
from gateway.store.condition import NodeCondition

HELD_S = 1.0
"""How long a process believes that all is well before it looks into the store again."""


class ClockWrong(Exception):
    """This machine's clock is not that of the others, so nothing is signed and nothing is believed."""


class NotReconciled(Exception):
    """The store was restored, and the others were not asked yet what it missed."""


class ServingGate:
    """The condition of one process's node, as the keeper last found it. ``host`` is the machine's name."""

    def __init__(self, store: Store, *, host: str, seconds: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._host = host
        self._seconds = seconds
        self._well: tuple[float, NodeCondition] | None = None

    def check(self) -> None:
        """Raise :class:`ClockWrong` or :class:`NotReconciled`."""
        state = self.condition()
        if state.clock_off:
            raise ClockWrong(status_message(state))
        if not state.epoch.reconciled:
            raise NotReconciled(status_message(state))

    def check_confirmed(self) -> None:
        """Raise :class:`NotReconciled` also while an administrator has not confirmed the restore."""
        self.check()
        if not self.condition().epoch.confirmed:
            raise NotReconciled("The restore waits for `hearthgate restore confirm`.")

    def is_open(self) -> bool:
        """Look again, and return whether :meth:`check` passes: background work can wait for a read of the store."""
        self.invalidate()
        with suppress(ClockWrong, NotReconciled):  # the watch has told the administrator
            self.check()
            return True
        return False

    def not_before(self) -> datetime | None:
        """Return from when on what others signed counts; none where the store was never restored."""
        return self.condition().epoch.not_before

    def fault(self) -> str | None:
        """Return what is wrong in a sentence, for readiness."""
        state = self.condition()
        return status_message(state) or None

    def condition(self) -> NodeCondition:
        """Return the condition; one that is well is believed for a second, any other is looked at again."""
        at = self._seconds()
        if self._well is not None and at - self._well[0] < HELD_S:
            return self._well[1]
        state = self._store.read(self._read)
        well = not state.clock_off and state.epoch.reconciled and state.epoch.confirmed
        self._well = (at, state) if well else None
        return state

    def invalidate(self) -> None:
        """Believe nothing that was seen before."""
        self._well = None

    def _read(self, tx: Transaction) -> NodeCondition:
        return condition.read(tx, host=self._host)


def status_message(state: NodeCondition) -> str:
    """Return what is wrong, and what an administrator can do; nothing where all is well."""
    if state.clock_off:
        seconds = int(state.clock_off.total_seconds())
        way = "behind" if seconds > 0 else "ahead of"
        return (
            f"This machine's clock is {abs(seconds)} s {way} those of the others, so nothing is signed or answered. "
            "Let it follow a time service (timedatectl set-ntp true); it is looked at again within a minute."
        )
    if not state.epoch.reconciled:
        return (
            "This node was restored from a backup and is still catching up, so it answers 503. It retries every "
            "minute. Check that it can reach its superiors and peers; if no peer exists, `hearthgate restore confirm`."
        )
    return ""
