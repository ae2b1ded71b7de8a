"""Usefulness of this node's alerts, as their recipients say: counts by clause, and the clauses to review for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.ports import Transaction
from gateway.store.tables import work_items
from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.review_trigger import ReviewTrigger
from trust.exchange.alert import ALERT, AlertOutcome

COUNTED_FOR = timedelta(days=365)
"""The past year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseCount:
    """How many alerts under one clause were sent in the past year, and how recipients closed them."""

    clause: str
    alerts: int
    outcomes: Mapping[str, int]
    review_when: ReviewTrigger | None = None

    @property
    def closed(self) -> int:
        """How many were closed."""
        return sum(self.outcomes.values())

    @property
    def useful(self) -> int:
        """How many were useful."""
        return self.outcomes[AlertOutcome.USEFUL]

    @property
    def is_review_due(self) -> bool:
        """Whether the clause's own trigger is met."""
        return self.review_when is not None and self.review_when.is_met(useful=self.useful, closed=self.closed)


def count_outcomes(
    tx: Transaction,
    standings: Iterable[InForce | NotInForce],
    *,
    now: datetime,
    client_id: str = work_items.EVERY_CLIENT,
) -> tuple[ClauseCount, ...]:
    """Return the counts of one client, or of this node, by clause."""
    counts = work_items.outcomes(tx, kind=ALERT, since=now - COUNTED_FOR, client_id=client_id)
    triggers = {
        f"{each.agreement.id}/{each.agreement.version} {clause.id}": clause.review_when
        for each in standings
        for clause in each.agreement.clauses
    }
    return tuple(
        ClauseCount(
            clause=name,
            alerts=sum(counts[name].values()),
            outcomes={str(each): counts[name].get(str(each), 0) for each in AlertOutcome},
            review_when=triggers.get(name),
        )
        for name in sorted(counts)
    )


def count_due(tx: Transaction, standings: tuple[InForce | NotInForce, ...], *, now: datetime) -> int:
    """Return how many clauses are due for a review; nothing is counted where none has a trigger."""
    if not any(clause.review_when for each in standings for clause in each.agreement.clauses):
        return 0
    return sum(each.is_review_due for each in count_outcomes(tx, standings, now=now))
