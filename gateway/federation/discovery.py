"""Discover the chain of an unknown entity (:mod:`trust.federation.discovery`).

1. Statements that are cached and fresh are not fetched again. So an entity that joins below a known intermediate costs
   three fetches: the anchor's no, the entity itself, and the intermediate's yes.
2. Intermediates that were discovered on the way are returned too, as chains of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.federation.anchors import CACHED_FOR, CACHED_FOR_AT_LEAST, Anchors
from gateway.federation.chain_store import ChainStore, VerifiedChain
from gateway.federation.fetch import Fetcher, NotVouchedFor, Unconfirmed
from gateway.federation.limits import FetchBudget
from gateway.federation.refresh import RefreshedChain, refreshed
from gateway.federation.suspensions import SuspensionIndex
from gateway.ports import TransportError
from trust.errors import NoChain, TrustError, UnknownKey
from trust.federation.chain import Resolution
from trust.federation.discovery import Answer, Ask, FetchConfiguration, FetchStatement, Step, discover, drive
from trust.federation.entity_statement import EntityConfiguration, SubordinateStatement
from trust.identifiers import EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredChain:
    """The chain of an entity, and those of intermediates above it that were fetched for it."""

    entity: RefreshedChain
    intermediates: tuple[RefreshedChain, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainDiscovery:
    """Discovers chains; stores and caches none."""

    fetcher: Fetcher
    suspensions: SuspensionIndex
    chains: ChainStore
    anchors: Anchors

    def discover(
        self, entity: EntityId, hints: Sequence[EntityId], budget: FetchBudget, *, now: datetime
    ) -> DiscoveredChain:
        """Return the shortest chain. Raises :class:`NotVouchedFor` once all have said no, and :class:`Unconfirmed`.

        ``hints`` are superiors from a chain that the entity presented, if it did.
        """
        if not self.suspensions.snapshot(now).anchors:
            raise NotVouchedFor("This node has no trust anchors; `hearthgate trust join` pins one.")
        chain = self._attempt(entity, hints, _Answers(discovery=self, budget=budget, now=now))
        if chain is None:  # a superior signs with another key than its cached statements name
            chain = self._attempt(entity, hints, _Answers(discovery=self, budget=budget, now=now, refetch=True))
        if chain is None:
            raise NotVouchedFor(f"A statement about {entity} is signed with a key that no authority vouches for.")
        return chain

    def _attempt(self, entity: EntityId, hints: Sequence[EntityId], answers: "_Answers") -> DiscoveredChain | None:
        """Return the chain, or None where a key was unknown that fetching everything again may bring."""
        now = answers.now
        anchors = self.suspensions.snapshot(now).anchors
        search = discover(entity, anchors=anchors, now=now, hints={entity: hints}, keys_of=self.chains.keys_of(now))
        try:
            resolution = drive(search, answers.answer, answers.record)
        except NoChain as failed:
            if answers.failure is not None:
                raise Unconfirmed(f"{entity} could not be found: {answers.failure}") from failed
            if isinstance(failed.__cause__, UnknownKey) and not answers.refetch:
                return None
            raise NotVouchedFor(failed.detail) from failed
        except TransportError as failed:
            raise Unconfirmed(f"{entity} could not be found: {failed}") from failed
        return DiscoveredChain(
            entity=self._verify(resolution, now),
            intermediates=tuple(
                self._verify(answers.resolutions[resolution.path[place:]], now)
                for place in range(1, len(resolution.path) - 1)
                if resolution.path[place] in answers.fetched
            ),
        )

    def _verify(self, resolution: Resolution, now: datetime) -> RefreshedChain:
        return refreshed(self.chains.verify(resolution.chain, now=now, earlier=resolution))


@dataclass(slots=True, kw_only=True)
class _Answers:
    """The driver of one discovery. ``failure`` is why an authority's answer could not be had."""

    discovery: ChainDiscovery
    budget: FetchBudget
    now: datetime
    refetch: bool = False
    failure: str | None = None
    fetched: set[EntityId] = field(default_factory=set)
    resolutions: dict[tuple[EntityId, ...], Resolution] = field(default_factory=dict)

    def record(self, step: Step) -> None:
        """Record the chains that the discovery verifies on its way."""
        if step.resolution is not None:
            self.resolutions[step.path] = step.resolution

    def answer(self, ask: Ask) -> Answer:
        """Return what was asked for, cached or fetched. Raises ``TransportError`` at a limit."""
        try:
            return self._configuration(ask.entity) if isinstance(ask, FetchConfiguration) else self._statement(ask)
        except NotVouchedFor:
            return None
        except (TransportError, TrustError) as failed:
            if self.budget.exhausted:
                raise TransportError(str(failed)) from failed
            if isinstance(ask, FetchStatement) or ask.entity in self.discovery.suspensions.snapshot(self.now).anchors:
                self.failure = self.failure or str(failed)
            return None

    def _configuration(self, entity: EntityId) -> EntityConfiguration | bytes:
        if entity in self.discovery.suspensions.snapshot(self.now).anchors:
            cached_for = CACHED_FOR_AT_LEAST if self.refetch else CACHED_FOR
            return self.discovery.anchors.configuration(entity, self.budget, now=self.now, cached_for=cached_for)
        _, chain = self.discovery.chains.latest(entity, now=self.now)
        if chain is not None and self._is_usable(chain):
            return chain.chain.subject
        return self.discovery.fetcher.configuration(entity, self.budget, now=self.now)

    def _statement(self, ask: FetchStatement) -> SubordinateStatement | bytes:
        chain = self.discovery.chains.cached(ask.subject, self.discovery.suspensions.snapshot(self.now))
        if chain is not None and self._is_usable(chain) and chain.superior == ask.superior:
            return chain.chain.superiors[0]
        self.fetched.add(ask.subject)
        return self.discovery.fetcher.statement(ask.superior, ask.endpoint, ask.subject, self.budget, now=self.now)

    def _is_usable(self, chain: VerifiedChain) -> bool:
        return chain.is_fresh(self.now) and not self.refetch
