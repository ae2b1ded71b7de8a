"""Export the number of open flags and overdue reviews as a gauge."""

from datetime import datetime

from prometheus_client import Gauge

from gateway.ports import Transaction
from gateway.store.tables import (
    break_glass,
    flags,
    justifications,
    received_misuse_queries,
    sent_misuse_queries,
    sharing_decisions,
)
from gateway.telemetry.metrics import shared_registry

_waiting = Gauge(
    "hearthgate_pending_reviews",
    "Flags, and what is due: lookups to justify, queries about misuse, their answers, clauses and decisions to review.",
    ("queue",),
    registry=shared_registry,
    multiprocess_mode="mostrecent",
)


def set_pending_reviews(tx: Transaction, *, clauses: int, now: datetime) -> None:
    """Count them and set the gauge. Called by one process, for all. ``clauses`` are those whose own trigger is met."""
    _waiting.labels("clauses").set(clauses)
    _waiting.labels("flags").set(flags.count_open(tx))
    _waiting.labels("lookups_to_justify").set(justifications.overdue(tx, now=now))
    _waiting.labels("misuse_to_answer").set(received_misuse_queries.overdue(tx, now=now))
    _waiting.labels("misuse_answers").set(sent_misuse_queries.overdue(tx, now=now))
    _waiting.labels("break_glass_reviews").set(break_glass.waiting(tx))
    _waiting.labels("sharing_reviews").set(sharing_decisions.overdue(tx, now=now))
