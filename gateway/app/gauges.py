"""The gauges that a node's rounds set, and the warnings that go with them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.accountability import backlog_metrics
from gateway.agreements.registry import AgreementRegistry
from gateway.delivery.usefulness import count_due
from gateway.federation.resolver import EntityStatus
from gateway.ports import Store, Transaction
from gateway.restrictions.reviews import STAGES, count_place_reviews
from gateway.store.tables import agreement_warnings
from gateway.telemetry import events, metrics
from trust.agreements.due_dates import DueDate, due_dates


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGauges:
    """What a node's rounds show of its store and its agreements."""

    store: Store
    book: AgreementRegistry

    def show_backlog(self, now: datetime) -> None:
        """Show what waits for people of this agency."""
        standings = self.book.standings(now=now)

        def show(tx: Transaction) -> None:
            places = count_place_reviews(tx, now)
            metrics.set_place_reviews({stage.value: places[stage] for stage in STAGES})
            backlog_metrics.set_pending_reviews(tx, clauses=count_due(tx, standings, now=now), now=now)

        self.store.read(show)

    def warn_of_dates(self, now: datetime) -> None:
        """Show which reviews and ends of agreements are due, and log each once at each of its stages."""
        due = due_dates(self.book.standings(now=now), now)
        metrics.set_agreement_dates(Counter((each.kind.value, each.stage.value) for each in due))
        earlier = self.store.read(agreement_warnings.load_all)
        for each in due:
            if agreement_warnings.key(each) not in earlier and self.store.write(_record(each, now)):
                events.record_agreement_date(each)


def show_freshness(standings: Sequence[EntityStatus]) -> None:
    """Show how fresh what is known of other entities is."""
    metrics.set_federation_freshness(
        (each.freshness for each in standings), (each.age for each in standings if each.age is not None)
    )


def _record(due: DueDate, now: datetime) -> Callable[[Transaction], bool]:
    return lambda tx: agreement_warnings.put(tx, due, at=now)
