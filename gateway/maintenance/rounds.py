"""Steps and parts that the rounds of a node and of an authority share."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.resolver import FederationResolver
from gateway.ports import Clock, Store
from gateway.runtime.background import Attempt
from gateway.runtime.rate_limit import Cooldown
from trust.errors import TrustError
from trust.identifiers import EntityId

ROUND_S = 60.0
"""Seconds between two rounds. What would be too old before the next one is refreshed, so that no request waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRounds:
    """The parts of every entity's rounds."""

    store: Store
    directory: FederationResolver
    clock: Clock
    attempt: Attempt
    """Do one step under the last handler."""
    check_health: Callable[[], None]
    """Look after the condition of the entity itself (:mod:`gateway.health.checks`)."""
    may_work: Callable[[], bool]
    """Return whether the entity may do anything now (:mod:`gateway.health.serving_gate`)."""
    record_vouched_keys: Callable[[datetime], None]
    """Note which federation keys the superiors vouch for, so that a new one may begin to sign."""
    renew_marks: Callable[[datetime], None]
    """Ask for this entity's own trust marks, before those that it has end."""
    own_chain: Callable[[datetime], None]
    """Compare what the superiors vouch for with this entity's own keys."""
    lately: Cooldown = field(default_factory=lambda: Cooldown(REFRESH_AFTER - timedelta(seconds=ROUND_S)))
    """Unknown entities that a round asked about; one that cannot be resolved is not asked about in the next."""

    def refresh(self, entity: EntityId) -> None:
        """Ask the superior of an entity; the caller does it under the last handler."""
        with suppress(TrustError):  # the directory has told the administrator, and every request asks it again
            self.directory.refresh(entity, now=self.clock.now())

    def refresh_unknown(self, entities: Iterable[EntityId], now: datetime) -> None:
        """Ask about entities that no round asked about of late, within the time of one round."""
        until = monotonic() + ROUND_S
        for entity in entities:
            if monotonic() < until and self.lately.acquire(entity, now):
                self.attempt("refresh", partial(self.refresh, entity))
