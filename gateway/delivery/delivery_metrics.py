"""Metrics of deliveries: how attempts end, how long each peer's oldest row waits, and what case systems refuse."""

from datetime import datetime
from threading import Lock

from prometheus_client import Counter, Gauge

from gateway.delivery.dispatch import SendAttempt
from gateway.telemetry.metrics import peer_label, shared_registry
from trust.identifiers import EntityId

_attempts = Counter(
    "hearthgate_delivery_attempts",
    "Attempts to send a queued message or receipt.",
    ("type", "ending"),
    registry=shared_registry,
)
_oldest = Gauge(
    "hearthgate_oldest_undelivered_seconds",
    "Age in seconds of the oldest undelivered message or receipt, by peer.",
    ("peer",),
    registry=shared_registry,
    multiprocess_mode="mostrecent",
)

_case_systems = Counter(
    "hearthgate_case_system_failures",
    "Messages that a service's case system did not take or does not prove to hold.",
    ("service", "failure"),
    registry=shared_registry,
)


def count_case_system_failure(service: str, failure: str) -> None:
    """Count one failure of the case system of one of this node's own services."""
    _case_systems.labels(service, failure).inc()


class DeliveryMetrics:
    """Show the outbox of this node. Used by one process, for all."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._labels: set[str] = set()

    def observe(self, attempt: SendAttempt) -> None:
        """Count one attempt."""
        _attempts.labels(str(attempt.row.typ), str(attempt.ending)).inc()

    def show(self, waiting: dict[str, datetime], now: datetime) -> None:
        """Set the age of each peer's oldest row; 0 for a peer that waits for nothing any more."""
        ages: dict[str, float] = {}
        for peer, since in waiting.items():
            label = peer_label(EntityId(peer))
            ages[label] = max(ages.get(label, 0.0), (now - since).total_seconds())
        with self._lock:
            for label in self._labels - ages.keys():
                _oldest.labels(label).set(0)
            for label, age in ages.items():
                _oldest.labels(label).set(age)
            self._labels = set(ages)
