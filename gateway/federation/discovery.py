"""Find the way to an entity that no chain is held of, by the standard's discovery (:mod:`trust.federation.discovery`).

What is held and fresh is not fetched again: the anchors' configurations, and of each intermediate what it says of
itself and what is said of it. So whoever joins below a known intermediate costs three fetches: the anchor's no, the
entity itself, and the intermediate's yes. Intermediates found on the way are kept as entries of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.federation.anchors import KEPT, KEPT_AT_LEAST, Anchors
from gateway.federation.chain_store import ChainStore, VerifiedChain
from gateway.federation.fetch import Fetcher, NotVouchedFor, Unconfirmed
from gateway.federation.limits import FetchBudget
from gateway.federation.refresh import RefreshedChain, chained
from gateway.federation.suspensions import SuspensionIndex
from gateway.ports import TransportError
from trust.errors import NoChain, TrustError, UnknownKey
from trust.federation.discovery import Ask, FetchConfiguration, FetchStatement, discover, drive
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.resolve import Resolution
from trust.identifiers import EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredChain:
    """The chain of an entity, and those of intermediates above it that were not held."""

    entity: RefreshedChain
    above: tuple[RefreshedChain, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainDiscovery:
    """Find chains. Nothing is stored here."""

    fetcher: Fetcher
    suspensions: SuspensionIndex
    chains: ChainStore
    anchors: Anchors

    def find(self, entity: EntityId, shown: Sequence[bytes], limits: FetchBudget, *, now: datetime) -> DiscoveredChain:
        """Return the shortest chain. Raises :class:`NotVouchedFor` once all have said no, and :class:`Unconfirmed`.

        ``shown`` is a chain that the entity showed of itself, or none; of it only whom it names is used.
        """
        if not self.suspensions.snapshot(now).anchors:
            raise NotVouchedFor("This node has no trust anchors; `hearthgate trust join` pins one.")
        found = self._discovered(entity, shown, _Answers(finder=self, limits=limits, now=now))
        if found is None:  # somebody has begun to sign with another key than was named minutes ago
            found = self._discovered(entity, shown, _Answers(finder=self, limits=limits, now=now, refetch=True))
        if found is None:
            raise NotVouchedFor(f"What is said of {entity} is signed with a key that nobody vouches for.")
        return found

    def _discovered(self, entity: EntityId, shown: Sequence[bytes], answers: "_Answers") -> DiscoveredChain | None:
        """Return what was found, or none where it failed for a key that may have been named since."""
        now = answers.now
        hints = parse_entity_configuration(shown[0], now=now).authority_hints if shown else ()
        search = discover(
            entity,
            anchors=self.suspensions.snapshot(now).anchors,
            now=now,
            hints=hints,
            keys_of=self.chains.keys_of(now),
        )
        try:
            resolution = drive(search, answers.answer)
        except NoChain as failed:
            if answers.open is not None:
                raise Unconfirmed(f"{entity} could not be found: {answers.open}") from failed
            if isinstance(failed.__cause__, UnknownKey) and not answers.refetch:
                return None
            raise NotVouchedFor(failed.detail) from failed
        except TransportError as limit:
            raise Unconfirmed(f"{entity} could not be found: {limit}") from limit
        return self._split(resolution, answers)

    def _split(self, resolution: Resolution, answers: "_Answers") -> DiscoveredChain:
        """Take the chains of the intermediates out of the one that goes through them."""
        above = []
        for place, superior in enumerate(resolution.entity.superiors[:-1], start=2):
            own = answers.configurations.get(superior)
            if own is not None and superior in answers.asked_about:
                above.append(chained((own, *resolution.statements[place:]), self.chains, now=answers.now))
        return DiscoveredChain(entity=chained(resolution.statements, self.chains, now=answers.now), above=tuple(above))


@dataclass(slots=True, kw_only=True)
class _Answers:
    """What one discovery is answered. ``open`` is why it is not known what somebody would have said."""

    finder: ChainDiscovery
    limits: FetchBudget
    now: datetime
    refetch: bool = False
    open: str | None = None
    configurations: dict[EntityId, bytes] = field(default_factory=dict)
    asked_about: set[EntityId] = field(default_factory=set)

    def answer(self, ask: Ask) -> bytes | None:
        """Return what was asked for, from what is held or from its author. Raises ``TransportError`` at a limit."""
        try:
            return self._configuration(ask.entity) if isinstance(ask, FetchConfiguration) else self._statement(ask)
        except NotVouchedFor:
            return None
        except (TransportError, TrustError) as failed:
            if self.limits.exhausted:
                raise TransportError(str(failed)) from failed
            if isinstance(ask, FetchStatement) or ask.entity in self.finder.suspensions.snapshot(self.now).anchors:
                self.open = self.open or str(failed)
            return None

    def _configuration(self, entity: EntityId) -> bytes:
        if entity in self.finder.suspensions.snapshot(self.now).anchors:
            kept_for = KEPT_AT_LEAST if self.refetch else KEPT
            return self.finder.anchors.superior(entity, self.limits, now=self.now, kept_for=kept_for).upper[0]
        held = self._held(entity)
        if held is None:
            held = self.finder.fetcher.configuration(entity, self.limits, now=self.now)
        self.configurations[entity] = held
        return held

    def _statement(self, ask: FetchStatement) -> bytes:
        snapshot = self.finder.suspensions.snapshot(self.now)
        held = self.finder.chains.cached(ask.subject, snapshot)
        if held is not None and self._good(held) and held.superior == ask.superior:
            return held.statements[1]
        self.asked_about.add(ask.subject)
        return self.finder.fetcher.statement(ask.superior, ask.endpoint, ask.subject, self.limits, now=self.now)

    def _held(self, entity: EntityId) -> bytes | None:
        _, held = self.finder.chains.latest(entity, now=self.now)
        return held.statements[0] if held is not None and self._good(held) else None

    def _good(self, held: VerifiedChain) -> bool:
        """Say whether what is held need not be fetched; where a key was not known, everything is."""
        return held.is_fresh(self.now) and not self.refetch
