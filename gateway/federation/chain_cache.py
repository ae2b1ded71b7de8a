"""Find the chain of an entity: in memory, in the store, or by asking those above it; and end it where they say no.

The steps are the first four of :mod:`gateway.federation.resolver`. Intermediates are found, kept and refreshed as
every other entity is, once for all that stand below them.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from gateway.federation.anchors import KEPT, KEPT_AT_LEAST, Anchors, Superior, TrustNotice
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
from trust.federation.party_metadata import FEDERATION_ENTITY
from trust.identifiers import EntityId

STRANGERS_A_MINUTE = 30
"""Resolutions of entities that no chain is held of, per worker process."""
_JOIN_S = 0.5


class ChainCache:
    """The chains of one process, and what it may still do to find others."""

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        suspensions: SuspensionIndex,
        storage: TrustStorage,
        notice: TrustNotice,
        required_marks: RequiredMarks,
    ) -> None:
        self.chains = ChainStore(storage, suspensions)
        self.anchors = Anchors(fetcher=fetcher, suspensions=suspensions, storage=storage, notice=notice)
        self._suspensions = suspensions
        self._notice = notice
        self._resolver = ChainRefresher(fetcher=fetcher, chains=self.chains, superior_of=self.superior_of)
        self._finder = ChainDiscovery(
            fetcher=fetcher, suspensions=suspensions, chains=self.chains, anchors=self.anchors
        )
        self._marks = TrustMarkStatusChecker(
            fetcher=fetcher,
            chains=self.chains,
            required=required_marks,
            superior_of=self.superior_of,
            notice=notice,
        )
        self._refusals = NegativeCache()
        self._budget = RateLimit(STRANGERS_A_MINUTE)
        self._flights: SingleFlight[VerifiedChain] = SingleFlight()

    def current(self, entity: EntityId, *, now: datetime, shown: Sequence[bytes] = ()) -> VerifiedChain:
        """Return the chain of an entity, as fresh as it can be had; ``shown`` is one that it showed of itself.

        Raises ``Untrusted`` where none is held and none can be found, and where trust has ended.
        """
        held = self.chains.cached(entity, self._suspensions.snapshot(now))
        if held is not None and held.is_fresh(now):  # 1
            return held
        refused = self._refusals.get(entity, now)  # 2
        if refused is not None:
            if held is None:
                raise refused
            return held
        limits = FetchBudget.start(known=held is not None)
        return self._fly(entity, limits, lambda: self._resolve(entity, limits, now, shown))

    def asked(self, entity: EntityId, *, now: datetime) -> VerifiedChain:
        """Ask the superior now, whatever is remembered; else as :meth:`current`."""
        self._refusals.drop(entity)

        def ask() -> VerifiedChain:
            stored, held = self.chains.latest(entity, now=now)
            return self._ask(entity, (stored, held), FetchBudget.start(known=held is not None), now)

        return self._fly(entity, FetchBudget.start(known=False), ask)

    def must_ask(self, held: VerifiedChain, *, now: datetime) -> bool:
        """Say whether a chain that was only shown has marks that count only once their issuers were asked."""
        return self._marks.has_required_mark(held, now=now)

    def superior_of(self, entity: EntityId, limits: FetchBudget, *, now: datetime, again: bool = False) -> Superior:
        """Return an authority with a valid chain (:class:`gateway.federation.refresh.SuperiorOf`)."""
        if entity in self._suspensions.snapshot(now).anchors:
            return self.anchors.superior(entity, limits, now=now, kept_for=KEPT_AT_LEAST if again else KEPT)
        held = self._authority(entity, limits, now, again=again)
        self._suspensions.snapshot(now).refuse_suspended(held.path)
        trusted = held.trusted
        return Superior(
            entity=entity,
            keys=trusted.federation_keys,
            metadata=trusted.metadata.get(FEDERATION_ENTITY, {}),
            upper=held.statements[1:],
            path=held.path,
        )

    def _authority(self, entity: EntityId, limits: FetchBudget, now: datetime, *, again: bool) -> VerifiedChain:
        held = self.chains.cached(entity, self._suspensions.snapshot(now))
        if held is not None and held.is_fresh(now) and not again:
            return held
        refused = self._refusals.get(entity, now)
        if refused is not None:
            if held is None:
                raise refused
            return held

        def work() -> VerifiedChain:
            stored, newest = self.chains.latest(entity, now=now)
            if newest is not None and newest.is_fresh(now) and not again:
                return newest
            return self._ask(entity, (stored, newest), limits, now, due=again)

        return self._fly(entity, limits, work)

    def _fly(self, entity: EntityId, limits: FetchBudget, work: Callable[[], VerifiedChain]) -> VerifiedChain:
        try:
            return self._flights.run(entity, work, timeout_s=limits.left_s() + _JOIN_S)
        except TimeoutError as failed:
            raise Unconfirmed(f"{entity} could not be resolved within the time.") from failed

    def _resolve(self, entity: EntityId, limits: FetchBudget, now: datetime, shown: Sequence[bytes]) -> VerifiedChain:
        stored, held = self.chains.latest(entity, now=now)  # 3
        if held is not None and held.is_fresh(now):
            return held
        if (stored is None or not stored.statements) and not self._budget.acquire(now):  # 4
            raise NoChain(
                f"{entity} is not known here, and too many strangers came in the last minute; come again later."
            )
        return self._ask(entity, (stored, held), limits, now, due=False, shown=shown)

    def _ask(
        self,
        entity: EntityId,
        known: tuple[StoredChain | None, VerifiedChain | None],
        limits: FetchBudget,
        now: datetime,
        *,
        due: bool = True,
        shown: Sequence[bytes] = (),
    ) -> VerifiedChain:
        """Ask the superior; fall back on what is held where it cannot be asked, and on nothing where it says no."""
        if entity in self._suspensions.snapshot(now).anchors:
            raise NoChain(f"{entity} is a trust anchor and exchanges no messages.")
        stored, held = known
        try:
            if held is not None:
                resolved = self._resolver.refresh(held, limits, now=now, due=due)
            else:
                resolved = self._found(entity, shown, limits, now)
            kept = self._accept(resolved, held, limits, now)
        except NotVouchedFor as refused:
            self._end(entity, refused, now=now, was_known=stored is not None)
            raise
        except Untrusted as refused:
            self._refusals.put(entity, refused, now)
            self._tell(entity, refused, held, now)
            if held is None or held.anchors is not self._suspensions.snapshot(now).anchors:
                raise
            return held  # 5
        self._refusals.drop(entity)
        if not kept.is_fresh(now):
            self._frozen(kept, now)
        return kept

    def _found(self, entity: EntityId, shown: Sequence[bytes], limits: FetchBudget, now: datetime) -> RefreshedChain:
        found = self._finder.find(entity, shown, limits, now=now)
        trusted = found.entity.held.trusted
        if freshness_of(trusted.refreshed_at, bounds=trusted.bounds, now=now) is not Freshness.NORMAL:
            with about_statement(f"Subordinate statement by {trusted.superiors[0]} about {entity}", BOUNDS):
                raise Unconfirmed("It, or one above it, is too old for somebody new: it is repeated, or held back.")
        for above in found.above:
            self.chains.accept(above.held, above.made, now=now)
        return found.entity

    def _accept(
        self, resolved: RefreshedChain, earlier: VerifiedChain | None, limits: FetchBudget, now: datetime
    ) -> VerifiedChain:
        checked = self._marks.checked(resolved.held, earlier, limits, now=now)
        return self.chains.accept(checked, resolved.made, now=now)

    def _end(self, entity: EntityId, refused: NotVouchedFor, *, now: datetime, was_known: bool) -> None:
        """Forget what was held, durably where there was anything."""
        self._refusals.put(entity, refused, now)
        if was_known:
            self.chains.end(entity, now=now)
            self._notice("not_vouched_for", entity)

    def _frozen(self, held: VerifiedChain, now: datetime) -> None:
        """Remember an answer that was good but old, so that it is not asked for with every question."""
        refused = Unconfirmed(
            f"What the superiors say of {held.entity} is old: one repeats itself, or does not answer."
        )
        self._refusals.put(held.entity, refused, now)
        self._tell(held.entity, refused, held, now)

    def _tell(self, entity: EntityId, refused: Untrusted, held: VerifiedChain | None, now: datetime) -> None:
        if isinstance(refused, RolledBack):
            self._notice("rolled_back", entity)
        elif held is not None:
            stage = freshness_of(held.trusted.refreshed_at, bounds=held.trusted.bounds, now=now)
            self._notice("refresh_failed" if stage is Freshness.NORMAL else "stale", entity)
