"""Periodic maintenance of a node: erase expired data, refresh trust chains, collect missing signatures.

1. It runs in a process of its own, so no request waits for it and it takes no thread of a pool.
2. Each step stands under its own last handler (:mod:`gateway.runtime.background`), and may be lost or done twice.
3. The parties of agreements in force are found by name: strangers, who share one budget, lock no partner out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from gateway.federation.resolver import EntityStatus
from gateway.maintenance.rounds import ROUND_S, EntityRounds
from gateway.ports import ClaimStore
from gateway.runtime.background import Wait, run_rounds
from gateway.store.housekeeping import erase_expired
from gateway.store.retention import erase_accounts, erase_consents
from trust.identifiers import EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRounds(EntityRounds):
    """The rounds of one node."""

    claims: ClaimStore
    destroy_old_seals: Callable[[], None]
    """Destroy the daily keys of what is kept for a day (:mod:`gateway.keys.daily_seal`)."""
    accounts_kept: timedelta
    """For how long what accounts for a question is kept."""
    consents_kept: timedelta
    """For how long a consent that ended is kept."""
    parties: Callable[[datetime], Iterable[EntityId]]
    """Return the parties of the agreements in force."""
    show_freshness: Callable[[Sequence[EntityStatus]], None]
    """Show how fresh what is known is, as metrics."""
    show_backlog: Callable[[datetime], None]
    """Show what waits for people of this agency, as a metric."""
    warn_of_dates: Callable[[datetime], None]
    """Warn of the reviews and ends of agreements that draw near, as a metric and in the log."""
    show_on_call: Callable[[datetime], None]
    """Show how many on-call channels count as absent, as a metric."""
    end_consents: Callable[[datetime], None]
    """End the consents that have run out, and tell the services that rely on those that ended."""
    flag_late_reviews: Callable[[datetime], None]
    """Raise a flag for decisions not to share whose day of review has passed."""
    escalate_break_glass: Callable[[datetime], None]
    """Tell the reviewer's manager of uses of break-glass that were not reviewed in time."""
    collect_signatures: Callable[[datetime], None]
    """Ask the parties of agreements for what signatures are still missing."""

    def run(self, wait: Wait) -> None:
        """Make a round every minute until ``wait`` says that it is time to stop."""
        self.attempt("condition", self.check_health)
        run_rounds(self.attempt, wait, ROUND_S, (("condition", self.check_health), ("round", self.round)))

    def round(self) -> None:
        """Erase what has expired, refresh the chains that are no longer fresh, and see what came of it.

        While the clock is wrong nothing is: what it takes for expired is still needed once it is right (A66).
        """
        if not self.attempt("condition", self.may_work):
            return
        now = self.clock.now()
        self.attempt("erase_expired", lambda: erase_expired(self.store, self.claims, now=now))
        self.attempt("daily_seal", self.destroy_old_seals)
        self.attempt("retention", lambda: erase_accounts(self.store, before=now - self.accounts_kept))
        self.attempt("consent_retention", lambda: erase_consents(self.store, before=now - self.consents_kept))
        self.attempt("suspensions", lambda: self.directory.catch_up(now=now))
        self.attempt("key_revocations", lambda: self.directory.collect_key_revocations(now=now))
        standings = self.attempt("chains", lambda: self.directory.statuses(now=now)) or ()
        self.attempt("show_backlog", lambda: self.show_backlog(now))
        self.attempt("agreement_dates", lambda: self.warn_of_dates(now))
        self.attempt("show_on_call", lambda: self.show_on_call(now))
        self.attempt("show_freshness", lambda: self.show_freshness(standings))
        for standing in standings:  # those above others come first, so that below them one answer is enough
            if standing.due(now, within=timedelta(seconds=ROUND_S)):
                self.attempt("refresh", partial(self.refresh, standing.entity))
        trusted = frozenset(each.entity for each in standings if each.trusted is not None)
        self.attempt("parties", lambda: self._find_parties(trusted, now))
        self.attempt("vouched_keys", lambda: self.record_vouched_keys(now))
        self.attempt("own_chain", lambda: self.own_chain(now))
        self.attempt("consents", lambda: self.end_consents(now))
        self.attempt("sharing_reviews", lambda: self.flag_late_reviews(now))
        self.attempt("break_glass", lambda: self.escalate_break_glass(now))
        self.attempt("signatures", lambda: self.collect_signatures(now))
        self.attempt("marks", lambda: self.renew_marks(now))

    def _find_parties(self, trusted: frozenset[EntityId], now: datetime) -> None:
        """Find the parties that are not known yet, or again: strangers who use up what may be found keep none out."""
        self.refresh_unknown(sorted(frozenset(self.parties(now)) - trusted), now)
