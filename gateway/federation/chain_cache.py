"""Cache of chains: from the process, from the store, or from the superiors.

The steps are the first four of :mod:`gateway.federation.resolver`. An intermediate is discovered, stored and refreshed
like any other entity, once for all entities that stand below it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from gateway.federation.anchors import CACHED_FOR, CACHED_FOR_AT_LEAST, Anchors, RecordEvent
from gateway.federation.chain_store import ChainStore, VerifiedChain
from gateway.federation.discovery import ChainDiscovery
from gateway.federation.fetch import Fetcher, NotVouchedFor, Unconfirmed
from gateway.federation.freshness import Freshness, freshness_of
from gateway.federation.limits import FetchBudget, NegativeCache
from gateway.federation.refresh import ChainRefresher, RefreshedChain
from gateway.federation.storage import TrustStorage
from gateway.federation.suspensions import SuspensionIndex
from gateway.federation.trust_mark_status import RequiredMarks, TrustMarkStatusChecker
from gateway.runtime.rate_limit import RateLimit
from gateway.runtime.single_flight import SingleFlight
from gateway.store.tables.federation_records import StoredChain
from trust.error_context import BOUNDS, about_statement
from trust.errors import NoChain, RolledBack, Untrusted
from trust.federation.chain import Superior
from trust.identifiers import EntityId

STRANGERS_A_MINUTE = 30
"""Discoveries of entities without a chain, per worker process."""
_JOIN_S = 0.5


class ChainCache:
    """The chains of one process, and what it may still spend to discover others."""

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        suspensions: SuspensionIndex,
        storage: TrustStorage,
        record_event: RecordEvent,
        required_marks: RequiredMarks,
    ) -> None:
        self.store = ChainStore(storage, suspensions)
        self.anchors = Anchors(fetcher=fetcher, suspensions=suspensions, storage=storage, record_event=record_event)
        self._suspensions = suspensions
        self._record_event = record_event
        self._refresher = ChainRefresher(
            fetcher=fetcher, chains=self.store, authority=self.authority, refetched_authority=self._refetched_authority
        )
        self._discovery = ChainDiscovery(
            fetcher=fetcher, suspensions=suspensions, chains=self.store, anchors=self.anchors
        )
        self._marks = TrustMarkStatusChecker(
            fetcher=fetcher,
            chains=self.store,
            required=required_marks,
            authority=self.authority,
            record_event=record_event,
        )
        self._refusals = NegativeCache()
        self._discoveries = RateLimit(STRANGERS_A_MINUTE)
        self._flights: SingleFlight[VerifiedChain] = SingleFlight()

    def get(self, entity: EntityId, *, now: datetime, hints: Sequence[EntityId] = ()) -> VerifiedChain:
        """Return the chain of an entity, as fresh as it can be had; ``hints`` are superiors that it presented.

        Raises ``Untrusted`` where there is none and none can be discovered, and where trust has ended.
        """
        chain = self.store.cached(entity, self._suspensions.snapshot(now))
        if chain is not None and chain.is_fresh(now):  # 1
            return chain
        refused = self._refusals.get(entity, now)  # 2
        if refused is not None:
            if chain is None:
                raise refused
            return chain
        budget = FetchBudget.start(known=chain is not None)
        return self._fly(entity, budget, lambda: self._get(entity, budget, now, hints))

    def refresh(self, entity: EntityId, *, now: datetime) -> VerifiedChain:
        """Ask the superior now, bypassing the caches; else as :meth:`get`."""
        self._refusals.drop(entity)

        def work() -> VerifiedChain:
            latest = self.store.latest(entity, now=now)
            return self._ask(entity, latest, FetchBudget.start(known=latest[1] is not None), now)

        return self._fly(entity, FetchBudget.start(known=False), work)

    def has_unchecked_mark(self, chain: VerifiedChain, *, now: datetime) -> bool:
        """Return whether a presented chain has marks that count only once their issuers were asked."""
        return self._marks.has_required_mark(chain, now=now)

    def authority(self, entity: EntityId, budget: FetchBudget, now: datetime) -> Superior:
        """Return an authority with a valid chain (:data:`gateway.federation.refresh.AuthorityOf`)."""
        return self._authority(entity, budget, now, refetch=False)

    def _refetched_authority(self, entity: EntityId, budget: FetchBudget, now: datetime) -> Superior:
        return self._authority(entity, budget, now, refetch=True)

    def _authority(self, entity: EntityId, budget: FetchBudget, now: datetime, *, refetch: bool) -> Superior:
        if entity in self._suspensions.snapshot(now).anchors:
            cached_for = CACHED_FOR_AT_LEAST if refetch else CACHED_FOR
            return Superior.from_anchor(self.anchors.configuration(entity, budget, now=now, cached_for=cached_for))
        chain = self._authority_chain(entity, budget, now, refetch=refetch)
        self._suspensions.snapshot(now).refuse_suspended(chain.path)
        return Superior.from_resolution(chain.resolution)

    def _authority_chain(self, entity: EntityId, budget: FetchBudget, now: datetime, *, refetch: bool) -> VerifiedChain:
        chain = self.store.cached(entity, self._suspensions.snapshot(now))
        if chain is not None and chain.is_fresh(now) and not refetch:
            return chain
        refused = self._refusals.get(entity, now)
        if refused is not None:
            if chain is None:
                raise refused
            return chain

        def work() -> VerifiedChain:
            stored, latest = self.store.latest(entity, now=now)
            if latest is not None and latest.is_fresh(now) and not refetch:
                return latest
            return self._ask(entity, (stored, latest), budget, now, due=refetch)

        return self._fly(entity, budget, work)

    def _fly(self, entity: EntityId, budget: FetchBudget, work: Callable[[], VerifiedChain]) -> VerifiedChain:
        try:
            return self._flights.run(entity, work, timeout_s=budget.left_s() + _JOIN_S)
        except TimeoutError as failed:
            raise Unconfirmed(f"{entity} could not be resolved within the time.") from failed

    def _get(self, entity: EntityId, budget: FetchBudget, now: datetime, hints: Sequence[EntityId]) -> VerifiedChain:
        stored, latest = self.store.latest(entity, now=now)  # 3
        if latest is not None and latest.is_fresh(now):
            return latest
        if (stored is None or not stored.statements) and not self._discoveries.acquire(now):  # 4
            raise NoChain(
                f"{entity} is not known here, and too many strangers came in the last minute; come again later."
            )
        return self._ask(entity, (stored, latest), budget, now, due=False, hints=hints)

    def _ask(
        self,
        entity: EntityId,
        latest: tuple[StoredChain | None, VerifiedChain | None],
        budget: FetchBudget,
        now: datetime,
        *,
        due: bool = True,
        hints: Sequence[EntityId] = (),
    ) -> VerifiedChain:
        """Ask the superior; fall back on the earlier chain where it cannot be asked, and on none where it says no."""
        if entity in self._suspensions.snapshot(now).anchors:
            raise NoChain(f"{entity} is a trust anchor and exchanges no messages.")
        stored, earlier = latest
        try:
            if earlier is not None:
                refreshed = self._refresher.refresh(earlier, budget, now=now, due=due)
            else:
                refreshed = self._discover(entity, hints, budget, now)
            accepted = self._accept(refreshed, earlier, budget, now)
        except NotVouchedFor as refused:
            self._end(entity, refused, now=now, was_known=stored is not None)
            raise
        except Untrusted as refused:
            self._refusals.put(entity, refused, now)
            self._record_failure(entity, refused, earlier, now)
            if earlier is None or earlier.anchors is not self._suspensions.snapshot(now).anchors:
                raise
            return earlier  # 5
        self._refusals.drop(entity)
        if not accepted.is_fresh(now):
            self._record_stale(accepted, now)
        return accepted

    def _discover(
        self, entity: EntityId, hints: Sequence[EntityId], budget: FetchBudget, now: datetime
    ) -> RefreshedChain:
        discovered = self._discovery.discover(entity, hints, budget, now=now)
        trusted = discovered.entity.chain.trusted
        if freshness_of(trusted.refreshed_at, bounds=trusted.bounds, now=now) is not Freshness.NORMAL:
            with about_statement(f"Subordinate statement by {trusted.superiors[0]} about {entity}", BOUNDS):
                raise Unconfirmed(
                    "It, or one above it, is too old for an unknown entity: it is repeated, or held back."
                )
        for above in discovered.intermediates:
            self.store.accept(above.chain, above.issued_at, now=now)
        return discovered.entity

    def _accept(
        self, refreshed: RefreshedChain, earlier: VerifiedChain | None, budget: FetchBudget, now: datetime
    ) -> VerifiedChain:
        chain = self._marks.check(refreshed.chain, earlier, budget, now=now)
        return self.store.accept(chain, refreshed.issued_at, now=now)

    def _end(self, entity: EntityId, refused: NotVouchedFor, *, now: datetime, was_known: bool) -> None:
        """Cache the refusal, and remove the chain from the store where there was one."""
        self._refusals.put(entity, refused, now)
        if was_known:
            self.store.end(entity, now=now)
            self._record_event("not_vouched_for", entity)

    def _record_stale(self, chain: VerifiedChain, now: datetime) -> None:
        """Cache that the superiors' statements are valid but old, so that not every request asks for them."""
        refused = Unconfirmed(
            f"What the superiors say of {chain.entity} is old: one repeats itself, or does not answer."
        )
        self._refusals.put(chain.entity, refused, now)
        self._record_failure(chain.entity, refused, chain, now)

    def _record_failure(self, entity: EntityId, refused: Untrusted, chain: VerifiedChain | None, now: datetime) -> None:
        if isinstance(refused, RolledBack):
            self._record_event("rolled_back", entity)
        elif chain is not None:
            freshness = freshness_of(chain.trusted.refreshed_at, bounds=chain.trusted.bounds, now=now)
            self._record_event("refresh_failed" if freshness is Freshness.NORMAL else "stale", entity)
