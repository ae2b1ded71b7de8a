"""Recorded decisions of a span of time, each sort of them once with its count, in constant memory."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from gateway.evidence.recorder import DecisionContent, open_decision
from gateway.keys.sealed import SealBroken
from gateway.ports import Store, Transaction
from gateway.store.tables import question_signatures
from gateway.store.tables.evidence_leaves import first_id
from gateway.store.tables.question_signatures import PAGE, RepeatedDecision

K = TypeVar("K")
Progress = Callable[[int, int], None]
"""Told, after each page, how many decisions were read, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDecision:
    """A decision that was made ``count`` times alike on one day. ``content`` is none where it is unreadable."""

    outcome: str
    count: int
    content: DecisionContent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTally:
    """Read the decisions recorded from ``since`` to just before ``until``. Each page is a transaction of its own."""

    store: Store
    seal_key: bytes
    since: datetime
    until: datetime

    def read(self, progress: Progress) -> Iterator[CountedDecision]:
        """Yield each sort of decision with its count."""
        first, end = first_id(self.since), first_id(self.until)
        total = self.store.read(lambda tx: question_signatures.count_decisions(tx, first=first, end=end))
        decided, last = 0, None
        while True:
            after = last

            def page(tx: Transaction) -> tuple[tuple[RepeatedDecision, ...], dict[bytes, bytes]]:
                rows = question_signatures.page_of_decisions(tx, first=first, end=end, after=after)  # noqa: B023 - run at once
                return rows, question_signatures.get_all(tx, [each.leaf for each in rows])

            rows, sealed = self.store.read(page)
            for row in rows:
                yield CountedDecision(outcome=row.outcome, count=row.count, content=self._open(row, sealed))
                decided += row.count
            progress(decided, total)
            if len(rows) < PAGE:
                return
            last = rows[-1]

    def count(self, key: Callable[[CountedDecision], K], progress: Progress) -> Counter[K]:
        """Return how many decisions have each key."""
        counts: Counter[K] = Counter()
        for each in self.read(progress):
            counts[key(each)] += each.count
        return counts

    def _open(self, row: RepeatedDecision, sealed: dict[bytes, bytes]) -> DecisionContent | None:
        try:
            return open_decision(self.seal_key, row.leaf, sealed[row.leaf])
        except (KeyError, SealBroken):
            return None
