"""Periodic maintenance of a node: erase expired data, refresh trust chains, collect missing signatures.

1. It runs in a process of its own, so no request waits for it and it takes no thread of a pool.
2. Each step stands under its own last handler (:mod:`gateway.runtime.background`), and may be lost or done twice.
3. The parties of agreements in force are found by name: strangers, who share one budget, lock no partner out.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.resolver import EntityStatus, FederationResolver
from gateway.health.serving_gate import ClockWrong, NotReconciled
from gateway.ports import ClaimStore, Clock, Store
from gateway.runtime.background import Attempt, Wait, run_rounds
from gateway.runtime.rate_limit import Cooldown
from gateway.store.housekeeping import erase_expired
from gateway.store.retention import erase_accounts
from trust.errors import TrustError
from trust.identifiers import EntityId

ROUND_S = 60.0
"""Seconds between two rounds. What would be too old before the next one is refreshed, so that no request waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRounds:
    """The rounds of one node."""

    store: Store
    claims: ClaimStore
    destroy_old_seals: Callable[[], None]
    """Destroy the daily keys of what is kept for a day (:mod:`gateway.keys.daily_seal`)."""
    accounts_kept: timedelta
    """For how long what accounts for a question is kept."""
    directory: FederationResolver
    clock: Clock
    attempt: Attempt
    """Do one step under the last handler."""
    parties: Callable[[datetime], Iterable[EntityId]]
    """Return the parties of the agreements in force."""
    check_health: Callable[[], None]
    """Look after the condition of the node itself (:mod:`gateway.health.checks`)."""
    check_serving: Callable[[], None]
    """Raise while the node may do nothing (:mod:`gateway.health.serving_gate`)."""
    show_freshness: Callable[[Sequence[EntityStatus]], None]
    """Show how fresh what is known is, as metrics."""
    show_backlog: Callable[[datetime], None]
    """Show what waits for people of this agency, as a metric."""
    record_vouched_keys: Callable[[datetime], None]
    """Note which federation keys the superior vouches for, so that a new one may begin to sign."""
    collect_signatures: Callable[[datetime], None]
    """Ask the parties of agreements for what signatures are still missing."""
    renew_marks: Callable[[datetime], None]
    """Ask for this entity's own trust marks, before those that it has end."""
    own_chain: Callable[[datetime], None]
    """Compare what the superior vouches for with this entity's own keys."""
    lately: Cooldown = field(default_factory=lambda: Cooldown(REFRESH_AFTER - timedelta(seconds=ROUND_S)))
    """Unknown parties that a round asked about; one without a superior is not asked about in the next."""

    def run(self, wait: Wait) -> None:
        """Make a round every minute until ``wait`` says that it is time to stop."""
        self.attempt("condition", self.check_health)
        run_rounds(self.attempt, wait, ROUND_S, (("condition", self.check_health), ("round", self.round)))

    def round(self) -> None:
        """Erase what has expired, refresh the chains that are no longer fresh, and see what came of it.

        While the clock is wrong nothing is: what it takes for expired is still needed once it is right (A66).
        """
        if not self.attempt("condition", self._is_fit):
            return
        now = self.clock.now()
        self.attempt("erase_expired", lambda: erase_expired(self.store, self.claims, now=now))
        self.attempt("daily_seal", self.destroy_old_seals)
        self.attempt("retention", lambda: erase_accounts(self.store, before=now - self.accounts_kept))
        self.attempt("suspensions", lambda: self.directory.catch_up(now=now))
        self.attempt("key_revocations", lambda: self.directory.collect_key_revocations(now=now))
        standings = self.attempt("chains", lambda: self.directory.statuses(now=now)) or ()
        self.attempt("show_backlog", lambda: self.show_backlog(now))
        self.attempt("show_freshness", lambda: self.show_freshness(standings))
        for standing in standings:  # those above others come first, so that below them one answer is enough
            if standing.due(now, within=timedelta(seconds=ROUND_S)):
                self._refresh(standing.entity)
        trusted = frozenset(each.entity for each in standings if each.trusted is not None)
        self.attempt("parties", lambda: self._find_parties(trusted, now))
        self.attempt("vouched_keys", lambda: self._record_vouched_keys(now))
        self.attempt("own_chain", lambda: self.own_chain(now))
        self.attempt("signatures", lambda: self.collect_signatures(now))
        self.attempt("marks", lambda: self.renew_marks(now))

    def _is_fit(self) -> bool:
        with suppress(ClockWrong, NotReconciled):  # the watch has told the administrator
            self.check_serving()
            return True
        return False

    def _find_parties(self, trusted: frozenset[EntityId], now: datetime) -> None:
        """Find the parties that are not known yet, or again: strangers who use up what may be found keep none out."""
        until = monotonic() + ROUND_S
        for entity in sorted(frozenset(self.parties(now)) - trusted):
            if monotonic() < until and self.lately.acquire(entity, now):
                self._refresh(entity)

    def _record_vouched_keys(self, now: datetime) -> None:
        with suppress(TrustError):  # the directory has told the administrator
            self.record_vouched_keys(now)

    def _refresh(self, entity: EntityId) -> None:
        def ask() -> None:
            with suppress(TrustError):  # the directory has told the administrator, and every request asks it again
                self.directory.refresh(entity, now=self.clock.now())

        self.attempt("refresh", ask)
