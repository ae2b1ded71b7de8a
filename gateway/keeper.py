"""What a node does unasked: forget in time, keep its trust in others fresh, and collect missing signatures.

It runs in a process of its own, so that no request waits for it and no pool's threads are taken. Every step is safe to
lose and to do twice: a node whose keeper is down still refuses what has expired, and refreshes a chain when it is asked
for it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.directory.federation import FederationDirectory
from gateway.directory.stages import REFRESH_AFTER
from gateway.ports import Clock, StoreBusy, StoreFull
from gateway.store.housekeeping import ErasingClaims, ErasingStore, erase_expired
from trust.errors import TrustError
from trust.identifiers import EntityId

ROUND_S = 60.0
"""Seconds between two rounds: well within the five minutes after which a chain is asked for again."""


class Notice(Protocol):
    """Hear of a round that could not be finished; the next one tries again."""

    def __call__(self, code: str) -> None:
        """Note it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """The rounds of one node."""

    store: ErasingStore
    claims: ErasingClaims
    directory: FederationDirectory
    clock: Clock
    notice: Notice
    note_vouched: Callable[[datetime], None]
    """Note which federation keys the superior vouches for, so that a new one may begin to sign."""
    collect: Callable[[datetime], None]
    """Ask the parties of agreements for what signatures are still missing."""

    def run(self, wait: Callable[[float], bool]) -> None:
        """Make a round every minute until ``wait``, which sleeps so many seconds, says that it is time to stop."""
        while not wait(ROUND_S):
            self.round()

    def round(self) -> None:
        """Erase what has expired, refresh the chains that are no longer fresh, and see what came of it."""
        now = self.clock.now()
        try:
            erase_expired(self.store, self.claims, now=now)
            standings = self.directory.known(now=now)
        except (StoreBusy, StoreFull):
            self.notice("housekeeping_failed")
            return
        for standing in standings:
            trusted = standing.trusted
            if trusted is None or now - trusted.refreshed_at < REFRESH_AFTER:
                continue
            self._refresh(trusted.entity_id)
        try:
            with suppress(TrustError):  # the directory has told the administrator
                self.note_vouched(now)
            self.collect(now)
        except (StoreBusy, StoreFull):
            self.notice("housekeeping_failed")

    def _refresh(self, entity: EntityId) -> None:
        try:
            self.directory.refresh(entity, now=self.clock.now())
        except TrustError:
            return  # the directory has told the administrator, and every request asks it anew
        except (StoreBusy, StoreFull):
            self.notice("housekeeping_failed")
