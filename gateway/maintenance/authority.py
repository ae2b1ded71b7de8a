"""Periodic maintenance of an authority: mind its machine, and keep fresh what it knows of its members.

Where it stands under others, it also keeps its own chain, and takes up their suspensions, which it hands on. It asks
those above it and its own members, which an administrator admitted; no stranger makes it ask anything.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from gateway.maintenance.rounds import ROUND_S, EntityRounds
from gateway.runtime.background import Wait, run_rounds
from gateway.store.tables import members
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityRounds(EntityRounds):
    """The rounds of one authority."""

    own: EntityId
    under_others: bool

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
        if not self.attempt("condition", self.may_work):
            return
        now = self.clock.now()
        if self.under_others:
            self.attempt("refresh", partial(self.refresh, self.own))
            self.attempt("vouched_keys", lambda: self.record_vouched_keys(now))
            self.attempt("own_chain", lambda: self.own_chain(now))
            self.attempt("marks", lambda: self.renew_marks(now))
        self.attempt("suspensions", lambda: self.directory.catch_up(now=now))
        self.attempt("key_revocations", lambda: self.directory.collect_key_revocations(now=now))
        self.attempt("members", lambda: self.refresh_unknown(self._due(now), now))

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
