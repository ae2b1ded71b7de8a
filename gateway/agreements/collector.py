"""The maintenance round of agreements: missing signatures, notices of endings, and accessions, less and less often."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from gateway.agreements.paper_courier import Collection, collect, deliver
from gateway.agreements.registry import AgreementRegistry
from gateway.agreements.signature_exchange import SignatureExchange
from gateway.runtime.background import Attempt
from trust.agreements.agreement import Agreement, NotInForce
from trust.identifiers import EntityId

_FIRST_AGAIN, _LAST_AGAIN = timedelta(minutes=1), timedelta(hours=1)
_OFFERS_A_ROUND = 8
_Key = tuple[str, EntityId, bool]
"""The digest of an agreement, a party, and true for what we say ourselves: papers have a wait of their own."""


@dataclass(frozen=True, slots=True)
class _Wait:
    since: datetime
    length: timedelta


class MissingSignatureCollector:
    """Call other parties' nodes for what is missing here or there. For one thread: the keeper's.

    A party that answered and has nothing to be told is forgotten, so that the next news reaches it at once. Each
    process asks once an admitting party of each agreement for all accessions.
    """

    def __init__(self, countersigning: SignatureExchange, book: AgreementRegistry, attempt: Attempt) -> None:
        self._countersigning = countersigning
        self._attempt = attempt
        self.book = book
        self._waits: dict[_Key, _Wait] = {}
        self._collections: dict[str, Collection] = {}

    def round(self, now: datetime) -> None:
        """Record what is retired by now, then call on a few parties whose turn it is."""
        self._attempt("retirements", partial(self.book.settle, now))
        calls = dict(self._calls(now))
        self._waits = {key: wait for key, wait in self._waits.items() if key in calls}
        due = [key for key in calls if self._is_due(key, now)]
        for key in due[:_OFFERS_A_ROUND]:
            earlier = self._waits.get(key)
            length = _FIRST_AGAIN if earlier is None else min(2 * earlier.length, _LAST_AGAIN)
            self._waits[key] = _Wait(now, length)
            self._attempt("signatures", partial(self._call, key, calls[key], now))
        for agreement, party in self._countersigning.accessions.sources(now=now):
            so_far = self._collections.get(agreement.ref.digest, Collection())
            if not so_far.is_done:
                self._attempt("accessions", partial(self._collect, agreement, party, so_far, now))

    def _collect(self, agreement: Agreement, party: EntityId, so_far: Collection, now: datetime) -> None:
        self._collections[agreement.ref.digest] = collect(self._countersigning, agreement, party, so_far, now=now)

    def _call(self, key: _Key, agreement: Agreement, now: datetime) -> None:
        _, party, is_notice = key
        if is_notice:
            self._countersigning.offer(agreement, party, now=now)
        else:
            deliver(self._countersigning, agreement, party, now=now)

    def _calls(self, now: datetime) -> Iterator[tuple[_Key, Agreement]]:
        """Yield the parties to call, each about an agreement: our signature and notices first, then papers."""
        exchange = self._countersigning
        notices = (*exchange.endings.undelivered(now=now), *exchange.suspensions.undelivered(now=now))
        for agreement, party in (*notices, *self._unsigned(now)):
            yield (agreement.ref.digest, party, True), agreement
        for agreement in self.book.open_documents(now=now):
            for delivery in exchange.accessions.undelivered(agreement, now=now):
                yield (agreement.ref.digest, delivery.party, False), agreement

    def _unsigned(self, now: datetime) -> list[tuple[Agreement, EntityId]]:
        own = self._countersigning.own
        return [
            (standing.agreement, party)
            for standing in self.book.standings(now=now)
            if isinstance(standing, NotInForce) and own not in standing.missing
            for party in standing.missing
            if standing.agreement.valid_until >= now.date() and standing.agreement.party(own) is not None
        ]

    def _is_due(self, key: _Key, now: datetime) -> bool:
        wait = self._waits.get(key)
        return wait is None or not timedelta() <= now - wait.since < wait.length
