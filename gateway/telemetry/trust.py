"""Show how fresh what is known of others is, as metrics."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from prometheus_client import Gauge

from gateway.telemetry.metrics import shared_registry

_STAGES = ("normal", "alarm", "urgent_only", "closed", "none")
_known = Gauge(
    "hearthgate_federation_entities",
    "Entities known, by what the age of their last refresh allows; ended ones as none.",
    ("freshness",),
    registry=shared_registry,
    multiprocess_mode="mostrecent",
)
_oldest = Gauge(
    "hearthgate_trust_oldest_refresh_seconds",
    "Age of the last good refresh that is longest ago, among those that are still served.",
    registry=shared_registry,
    multiprocess_mode="mostrecent",
)


class TrustStanding(Protocol):
    """What :class:`gateway.federation.resolver.Standing` says of an entity."""

    @property
    def stage(self) -> str | None:
        """What its age allows, or none where no chain stands."""

    @property
    def age(self) -> timedelta | None:
        """How long ago it was last confirmed."""


def show_standings(standings: Iterable[TrustStanding]) -> None:
    """Show how fresh what is known of others is. Told by one process, for all."""
    every = tuple(standings)
    for stage in _STAGES:
        _known.labels(stage).set(sum((standing.stage or "none") == stage for standing in every))
    ages = [standing.age.total_seconds() for standing in every if standing.age is not None]
    _oldest.set(max(ages, default=0.0))
