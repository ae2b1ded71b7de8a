"""Erasing what has been kept long enough, in batches so small that no exchange waits for them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.ports import ClaimStore, Store, Transaction
from gateway.store.tables import budgets, inbox, lookups, messages, query_counts, similar_queries
from gateway.store.tables.query_counts import USUAL_OVER

BATCH = 200
"""Rows erased in one transaction."""
CLOSED_KEPT = timedelta(days=30)
"""How long the content of a message is kept after a person closed it: it may be reopened or corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureCounts:
    """How much a round erased.

    ``messages`` counts answers and ids, ``lookups`` their answers, ``counts`` who asked, ``inbox`` contents of messages
    that the case system has and a person closed.
    """

    messages: int
    lookups: int
    claims: int
    counts: int
    inbox: int = 0


def erase_expired(store: Store, claims: ClaimStore, *, now: datetime) -> ErasureCounts:
    """Erase all expired message answers and ids, answers of lookups and claims, batch by batch."""
    return ErasureCounts(
        messages=erase_all(lambda: store.erase(lambda tx: messages.erase_expired(tx, now=now, batch=BATCH))),
        lookups=erase_all(lambda: store.erase(lambda tx: lookups.erase_expired(tx, now=now, batch=BATCH))),
        claims=erase_all(lambda: claims.erase_expired(now=now, batch=BATCH)),
        counts=erase_all(lambda: store.erase(lambda tx: _erase_counts(tx, now))),
        inbox=erase_all(lambda: store.erase(lambda tx: inbox.erase_settled(tx, before=now - CLOSED_KEPT, batch=BATCH))),
    )


def _erase_counts(tx: Transaction, now: datetime) -> int:
    """Forget who asked how often once nothing depends on it any more."""
    return (
        budgets.erase_full(tx, now=now, batch=BATCH)
        + similar_queries.erase_before(tx, day=now.astimezone(UTC).toordinal(), batch=BATCH)
        + query_counts.erase_before(tx, day=(now - USUAL_OVER).date(), batch=BATCH)
    )


def erase_all(erase_batch: Callable[[], int]) -> int:
    """Erase batch by batch until one erases nothing, and return how many rows went."""
    total = 0
    while erased := erase_batch():
        total += erased
    return total
