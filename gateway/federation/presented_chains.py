"""Chains that unknown parties showed of themselves, and what they are good for: they save fetches, and refresh nothing.

A chain's age is now minus the oldest date in it: its superiors' statements (WIRE.md section 1) and, being stricter,
what the party says of itself, so that nobody goes on with keys that it has since revoked. One that is younger than a
refresh may be is taken as it is, by this process, and forgotten when it no longer is; the superior is then asked as
about any stranger. Only where it cannot be asked does the chain go on to count, until an alarm would be due.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from gateway.federation.chain_store import VerifiedChain
from gateway.federation.freshness import REFRESH_AFTER
from gateway.runtime.rate_limit import MAX_KEYS
from trust.identifiers import EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedChain:
    """A verified chain that its own entity showed, and the oldest date in it."""

    held: VerifiedChain
    made_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Say whether it is taken as it is."""
        return now - self.made_at < REFRESH_AFTER and now < self.held.trusted.expires_at

    def is_usable(self, now: datetime) -> bool:
        """Say whether it counts where the superior cannot be asked."""
        trusted = self.held.trusted
        return now - self.made_at < trusted.bounds.alarm_after and now < trusted.expires_at


class PresentedChains:
    """Those of one process; the oldest make room."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._shown: OrderedDict[EntityId, PresentedChain] = OrderedDict()

    def put(self, shown: PresentedChain) -> None:
        """Remember a chain."""
        with self._lock:
            self._shown[shown.held.entity] = shown
            self._shown.move_to_end(shown.held.entity)
            if len(self._shown) > MAX_KEYS:
                self._shown.popitem(last=False)

    def get(self, entity: EntityId) -> PresentedChain | None:
        """Return what an entity showed last."""
        return self._shown.get(entity)

    def drop(self, entity: EntityId) -> None:
        """Forget what an entity showed."""
        with self._lock:
            self._shown.pop(entity, None)
