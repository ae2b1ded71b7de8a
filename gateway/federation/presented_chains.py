"""Chains that unknown parties present; they save fetches, and refresh nothing.

1. The age of a chain is counted from its oldest date: of its superiors' statements (exchange profile section 6) and of
   its own configuration, so that keys which the party has revoked since do not last longer.
2. While it is younger than a refresh interval, it is used as it is, in this process only. Then its superior is asked,
   as about any stranger.
3. Where the superior cannot be asked, it is used until an alarm would be due.
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
    """A verified chain that its own entity presented, and the oldest date in it."""

    chain: VerifiedChain
    oldest_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Return whether it is used as it is."""
        return now - self.oldest_at < REFRESH_AFTER and now < self.chain.trusted.expires_at

    def is_usable(self, now: datetime) -> bool:
        """Return whether it is used where the superior cannot be asked."""
        trusted = self.chain.trusted
        return now - self.oldest_at < trusted.bounds.alarm_after and now < trusted.expires_at


class PresentedChains:
    """The presented chains of one process; the oldest make room."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._chains: OrderedDict[EntityId, PresentedChain] = OrderedDict()

    def put(self, presented: PresentedChain) -> None:
        """Keep a chain."""
        with self._lock:
            self._chains[presented.chain.entity] = presented
            self._chains.move_to_end(presented.chain.entity)
            if len(self._chains) > MAX_KEYS:
                self._chains.popitem(last=False)

    def get(self, entity: EntityId) -> PresentedChain | None:
        """Return the chain that an entity presented last."""
        return self._chains.get(entity)

    def drop(self, entity: EntityId) -> None:
        """Remove the chain of an entity."""
        with self._lock:
            self._chains.pop(entity, None)
