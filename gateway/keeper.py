"""What a node does unasked: forget in time, keep its trust in others fresh, and collect missing signatures.

Whom an agreement in force names it finds by itself: strangers in a flood, who share one budget, lock no partner out.

It runs in a process of its own, so that no request waits for it and no pool's threads are taken. Every step is safe to
lose and to do twice: a node whose keeper is down still refuses what has expired, and refreshes a chain when it is asked
for it.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol

from gateway.directory.federation import FederationDirectory, Standing
from gateway.directory.limits import Lately
from gateway.directory.stages import REFRESH_AFTER
from gateway.fitness import ClockWrong, NotReconciled
from gateway.ports import Clock, StoreBusy, StoreFull
from gateway.store.housekeeping import ErasingClaims, ErasingStore, erase_expired
from trust.errors import TrustError
from trust.identifiers import EntityId

ROUND_S = 60.0
"""Seconds between two rounds. What would be too old before the next one is refreshed, so that no request waits."""


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
    parties: Callable[[datetime], Iterable[EntityId]]
    """Return whom administrators made agreements with."""
    mind: Callable[[], None]
    """Look after the condition of the node itself (:mod:`gateway.minding`)."""
    refuse_unfit: Callable[[], None]
    """Raise while the node may do nothing (:mod:`gateway.fitness`)."""
    watch: Callable[[Sequence[Standing]], None]
    """Show how fresh what is known is, as metrics."""
    show_waiting: Callable[[datetime], None]
    """Show what waits for people of this agency, as a metric."""
    note_vouched: Callable[[datetime], None]
    """Note which federation keys the superior vouches for, so that a new one may begin to sign."""
    collect: Callable[[datetime], None]
    """Ask the parties of agreements for what signatures are still missing."""
    renew_marks: Callable[[datetime], None]
    """Ask for this entity's own trust marks, before those that it has end."""
    lately: Lately = field(default_factory=lambda: Lately(REFRESH_AFTER - timedelta(seconds=ROUND_S)))
    """Which unknown parties a round asked about; for whom nobody vouches is not asked about in the next."""

    def run(self, wait: Callable[[float], bool]) -> None:
        """Make a round every minute until ``wait``, which sleeps so many seconds, says that it is time to stop."""
        self.mind()
        while not wait(ROUND_S):
            self.mind()
            self.round()

    def round(self) -> None:
        """Erase what has expired, refresh the chains that are no longer fresh, and see what came of it.

        While the clock is wrong nothing is: what it takes for expired is still needed once it is right (A66).
        """
        try:
            self.refuse_unfit()
        except (ClockWrong, NotReconciled):
            return  # whoever minds the node has told the administrator
        now = self.clock.now()
        try:
            erase_expired(self.store, self.claims, now=now)
            self.directory.catch_up(now=now)
            standings = self.directory.known(now=now)
            self.show_waiting(now)
        except (StoreBusy, StoreFull):
            self.notice("housekeeping_failed")
            return
        self.watch(standings)
        for standing in standings:  # those above others come first, so that below them one answer is enough
            if standing.due(now, within=timedelta(seconds=ROUND_S)):
                self._refresh(standing.entity)
        try:
            self._meet(frozenset(each.entity for each in standings if each.trusted is not None), now)
            with suppress(TrustError):  # the directory has told the administrator
                self.note_vouched(now)
            self.collect(now)
            self.renew_marks(now)
        except (StoreBusy, StoreFull):
            self.notice("housekeeping_failed")

    def _meet(self, known: frozenset[EntityId], now: datetime) -> None:
        """Find the parties that are not known yet, or again: strangers who use up what may be found keep none out."""
        until = monotonic() + ROUND_S
        for entity in sorted(frozenset(self.parties(now)) - known):
            if monotonic() < until and self.lately.first(entity, now):
                self._refresh(entity)

    def _refresh(self, entity: EntityId) -> None:
        try:
            self.directory.refresh(entity, now=self.clock.now())
        except TrustError:
            return  # the directory has told the administrator, and every request asks it anew
        except (StoreBusy, StoreFull):
            self.notice("housekeeping_failed")
