"""Show what waits for people of this agency, as a metric: what nobody looks at protects nobody."""

from datetime import datetime

from prometheus_client import Gauge

from gateway.ports import Transaction
from gateway.store import flags, misuse_asked, misuse_received, samples
from gateway.telemetry.metrics import shared_registry

_waiting = Gauge(
    "hearthgate_waiting_for_people",
    "Flags that are up, and what is overdue: lookups to justify, queries about misuse to answer, and answers to ours.",
    ("what",),
    registry=shared_registry,
    multiprocess_mode="mostrecent",
)


def show_waiting(tx: Transaction, *, now: datetime) -> None:
    """Count it and show the numbers. Told by one process, for all."""
    _waiting.labels("flags").set(flags.count_open(tx))
    _waiting.labels("lookups_to_justify").set(samples.overdue(tx, now=now))
    _waiting.labels("misuse_to_answer").set(misuse_received.overdue(tx, now=now))
    _waiting.labels("misuse_answers").set(misuse_asked.overdue(tx, now=now))
