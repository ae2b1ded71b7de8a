"""Metrics, none of whose labels concerns a person; every label is from a bounded set.

They are kept in shared files where ``PROMETHEUS_MULTIPROC_DIR`` is set before this module is imported: the operations
API then answers for all workers.
"""

import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import product
from threading import Lock

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from trust.agreements.due_dates import DateKind, DueStage
from trust.identifiers import EntityId

MAX_PEERS = 200
"""Peers with a latency series of their own; the rest share ``other``."""
_MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_FRESHNESS = ("normal", "alarm", "urgent_only", "closed", "none")

disable_created_metrics()  # type: ignore[no-untyped-call]
shared_registry = CollectorRegistry()
requests = Counter(
    "hearthgate_requests", "Requests answered.", ("face", "route", "method", "status"), registry=shared_registry
)
request_seconds = Histogram(
    "hearthgate_http_request_duration_seconds",
    "Seconds to answer a request.",
    ("face", "route"),
    buckets=_SECONDS,
    registry=shared_registry,
)
messages_handled = Counter(
    "hearthgate_messages_handled",
    "Messages of peers answered.",
    ("kind", "outcome", "replayed"),
    registry=shared_registry,
)
messages_sent = Counter("hearthgate_messages_sent", "Messages sent to peers.", ("outcome",), registry=shared_registry)
peer_seconds = Histogram(
    "hearthgate_peer_seconds", "Seconds until a peer answered.", ("peer",), buckets=_SECONDS, registry=shared_registry
)
federation_events = Counter(
    "hearthgate_federation_events", "Events of the federation.", ("code",), registry=shared_registry
)
log_fields_dropped = Counter(
    "hearthgate_log_fields_dropped", "Log fields outside the closed list.", registry=shared_registry
)
internal_errors = Counter(
    "hearthgate_internal_errors", "Internal errors, answered with 500.", ("face",), registry=shared_registry
)
_entities = Gauge(
    "hearthgate_federation_entities",
    "Entities known, by what the age of their last refresh allows; ended ones as none.",
    ("freshness",),
    registry=shared_registry,
    multiprocess_mode="mostrecent",
)
_oldest = Gauge(
    "hearthgate_trust_oldest_refresh_seconds",
    "Age in seconds of the oldest trust chain in use.",
    registry=shared_registry,
    multiprocess_mode="mostrecent",
)
_dates = Gauge(
    "hearthgate_agreement_dates",
    "Reviews and ends of agreements that are due, each at its last stage.",
    ("date", "stage"),
    registry=shared_registry,
    multiprocess_mode="mostrecent",
)


_place_reviews = Gauge(
    "hearthgate_place_reviews",
    "Restricted places whose review is due, each at its last stage.",
    ("stage",),
    registry=shared_registry,
    multiprocess_mode="mostrecent",
)


def set_federation_freshness(freshness: Iterable[str | None], ages: Iterable[timedelta]) -> None:
    """Set the number of entities by freshness, and the greatest age. Called by one process, for all."""
    entities = [each or "none" for each in freshness]
    for each in _FRESHNESS:
        _entities.labels(each).set(entities.count(each))
    _oldest.set(max((age.total_seconds() for age in ages), default=0.0))


def set_agreement_dates(counts: Mapping[tuple[str, str], int]) -> None:
    """Set the number of agreements' days that are due, by kind and stage. Called by one process, for all."""
    for kind, stage in product(DateKind, DueStage):
        _dates.labels(kind.value, stage.value).set(counts.get((kind.value, stage.value), 0))


def set_place_reviews(counts: Mapping[str, int]) -> None:
    """Set the number of reviews of restricted places that are due, by stage. Called by one process, for all."""
    for stage, count in counts.items():
        _place_reviews.labels(stage).set(count)


def exposition() -> tuple[str, bytes]:
    """Return the content type and the text of all metrics, over all workers where they share their files."""
    registry = shared_registry
    if os.environ.get(_MULTIPROCESS):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return CONTENT_TYPE_LATEST, generate_latest(registry)


_peers: set[str] = set()
_peers_lock = Lock()


def peer_label(peer: EntityId) -> str:
    """Return the label of a peer's latency series."""
    if peer in _peers:
        return peer
    with _peers_lock:
        if len(_peers) >= MAX_PEERS:
            return "other"
        _peers.add(peer)
    return peer
