"""Periodic maintenance of an authority: mind its machine, and keep fresh what it knows of its members.

Where it stands under others, it also keeps its own chain, and takes up their suspensions, which it hands on. It asks
those above it and its own members, which an administrator admitted; no stranger makes it ask anything.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.resolver import FederationResolver
from gateway.health.serving_gate import ClockWrong, NotReconciled
from gateway.maintenance.node import ROUND_S
from gateway.ports import Clock, Store
from gateway.runtime.background import Attempt, Wait, run_rounds
from gateway.runtime.rate_limit import Cooldown
from gateway.store.tables import members
from trust.errors import TrustError
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityRounds:
    """The rounds of one authority."""

    own: EntityId
    under_others: bool
    store: Store
    directory: FederationResolver
    clock: Clock
    attempt: Attempt
    """Do one step under the last handler."""
    check_health: Callable[[], None]
    """Look after the condition of the authority itself (:mod:`gateway.health.checks`)."""
    check_serving: Callable[[], None]
    """Raise while the authority may do nothing (:mod:`gateway.health.serving_gate`)."""
    record_vouched_keys: Callable[[datetime], None]
    """Note which federation keys the superiors vouch for, so that a new one may begin to sign."""
    renew_marks: Callable[[datetime], None]
    """Ask for this authority's own trust marks, before those that it has end."""
    own_chain: Callable[[datetime], None]
    """Compare what the superiors vouch for with this authority's own keys."""
    lately: Cooldown = field(default_factory=lambda: Cooldown(REFRESH_AFTER - timedelta(seconds=ROUND_S)))
    """Members that a round asked; one that does not answer is not asked in the next."""

    def run(self, wait: Wait) -> None:
        """Make a round at once and every minute, until ``wait`` says that it is time to stop."""
        steps = (("condition", self.check_health), ("round", self.round))
        for step, work in steps:
            self.attempt(step, work)
        run_rounds(self.attempt, wait, ROUND_S, steps)

    def round(self) -> None:
        """Refresh what is no longer fresh: this authority's own chain first, since its members' lead through it.

        While the clock is wrong nothing is signed or believed (A66).
        """
        if not self.attempt("condition", self._is_fit):
            return
        now = self.clock.now()
        if self.under_others:
            self._refresh(self.own)
            self.attempt("vouched_keys", lambda: self._record_vouched_keys(now))
            self.attempt("own_chain", lambda: self.own_chain(now))
            self.attempt("marks", lambda: self.renew_marks(now))
        self.attempt("suspensions", lambda: self.directory.catch_up(now=now))
        self.attempt("key_revocations", lambda: self.directory.collect_key_revocations(now=now))
        until = monotonic() + ROUND_S
        for entity in self.attempt("members", lambda: self._due(now)) or ():
            if monotonic() < until and self.lately.acquire(entity, now):
                self._refresh(entity)

    def _is_fit(self) -> bool:
        with suppress(ClockWrong, NotReconciled):  # the watch has told the administrator
            self.check_serving()
            return True
        return False

    def _due(self, now: datetime) -> list[EntityId]:
        """Return the members that are not known yet or soon no longer fresh."""
        fresh = {
            standing.entity
            for standing in self.directory.statuses(now=now)
            if standing.trusted is not None and not standing.due(now, within=timedelta(seconds=ROUND_S))
        }
        every = self.store.read(members.list)
        active = [EntityId(member.entity) for member in every if member.state == SuspensionState.ACTIVE]
        return [entity for entity in active if entity not in fresh]

    def _record_vouched_keys(self, now: datetime) -> None:
        with suppress(TrustError):  # the directory has told the administrator
            self.record_vouched_keys(now)

    def _refresh(self, entity: EntityId) -> None:
        def ask() -> None:
            with suppress(TrustError):  # the directory has told the administrator
                self.directory.refresh(entity, now=self.clock.now())

        self.attempt("refresh", ask)
