"""The pinned anchors as they are now: what each says of itself, and how its keys are replaced.

An anchor's entity configuration is kept for minutes. Where it is signed with a key that is not its own any more, as far
as is known here, the anchor is asked for the document by which its recovery key replaced its keys.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from gateway.federation.fetch import Fetcher, Unconfirmed
from gateway.federation.limits import RETRY_AFTER, FetchBudget
from gateway.federation.storage import TrustStorage
from gateway.federation.suspensions import SuspensionIndex
from gateway.ports import TransportError
from gateway.runtime.rate_limit import Cooldown
from gateway.store.tables.federation_records import StoredAnchorKeys
from trust.error_context import ROLLBACK, about_statement, section
from trust.errors import ChainRefused, NoChain, RolledBack, TrustError
from trust.federation.anchor_keys import parse_anchor_keys, refuse_older
from trust.federation.chain import verify_anchor
from trust.federation.entity_statement import EntityConfiguration
from trust.federation.party_metadata import FEDERATION_ENTITY, parse_federation_entity
from trust.identifiers import EntityId
from trust.keys import KeySet
from trust.strict_json import JsonObject

KEPT = timedelta(minutes=5)
KEPT_AT_LEAST = timedelta(seconds=30)


class TrustNotice(Protocol):
    """Hear what an administrator should know; the codes stand in docs/operating/monitoring.md."""

    def __call__(self, code: str, entity: EntityId) -> None:
        """Note one event; it may come with every attempt."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Superior:
    """Somebody valid who may vouch for others. ``upper`` is what follows a statement by it in a chain.

    ``path`` is the superior and those above it.
    """

    entity: EntityId
    keys: KeySet
    metadata: JsonObject = field(repr=False)
    upper: tuple[bytes, ...] = field(repr=False)
    path: tuple[EntityId, ...]

    @property
    def fetch_endpoint(self) -> str:
        """Where it is asked about a subject; raise ``ChainRefused`` where it vouches for nobody."""
        endpoint = parse_federation_entity(self.metadata, entity=self.entity).fetch_endpoint
        if endpoint is None:
            with about_statement(f"Entity configuration of {self.entity}", section("5.1.1")):
                raise ChainRefused("It names no fetch endpoint, so nobody can stand below it.")
        return endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    raw: bytes = field(repr=False)
    configuration: EntityConfiguration
    under: KeySet
    fetched_at: datetime


class Anchors:
    """The anchors of one process."""

    def __init__(
        self, *, fetcher: Fetcher, suspensions: SuspensionIndex, storage: TrustStorage, notice: TrustNotice
    ) -> None:
        self._fetcher = fetcher
        self._suspensions = suspensions
        self._storage = storage
        self._notice = notice
        self._kept: dict[EntityId, _Kept] = {}
        self._asked_for_keys = Cooldown(RETRY_AFTER)

    def superior(self, anchor: EntityId, limits: FetchBudget, *, now: datetime, kept_for: timedelta = KEPT) -> Superior:
        """Return a pinned anchor as a superior. Raises ``TransportError``, ``TrustError``."""
        found = self._current(anchor, limits, now, kept_for)
        return Superior(
            entity=anchor,
            keys=found.configuration.keys,
            metadata=found.configuration.metadata.get(FEDERATION_ENTITY, {}),
            upper=(found.raw,),
            path=(anchor,),
        )

    def learn_keys(self, anchor: EntityId, limits: FetchBudget, *, now: datetime) -> None:
        """Take over keys that the anchor's recovery key vouches for, where there are any.

        Raises ``TransportError``, and ``TrustError`` for a document that does not stand, or is older than one held.
        """
        pin = self._suspensions.pins[anchor]
        raw = self._fetcher.anchor_keys(anchor, limits) if pin.recovery is not None else None
        if pin.recovery is None or raw is None:
            return
        offered = parse_anchor_keys(raw, recovery_keys=pin.recovery, now=now)
        if offered.anchor != anchor:
            raise ChainRefused(f"{anchor} answered with the keys of another anchor.")
        refuse_older(offered, held=self._suspensions.snapshot(now).replaced.get(anchor))
        document = StoredAnchorKeys(anchor=anchor, seq=offered.seq, raw=raw, accepted_at=now)
        new = self._storage.save_anchor_keys(document)
        self._suspensions.invalidate()
        if new:
            self._notice("anchor_keys_replaced", anchor)

    def _current(self, anchor: EntityId, limits: FetchBudget, now: datetime, kept_for: timedelta) -> _Kept:
        kept, under = self._kept.get(anchor), self._suspensions.snapshot(now).anchors[anchor]
        if kept is not None and kept.under is under and timedelta() <= now - kept.fetched_at < kept_for:
            return kept
        raw = self._fetcher.authority(anchor, limits, now=now)
        configuration = self._verified(anchor, raw, limits, now)
        under = self._suspensions.snapshot(now).anchors[anchor]
        if self._storage.record({(anchor, anchor): configuration.issued_at}, now=now) is not None:
            with about_statement(configuration.name, ROLLBACK):
                raise RolledBack("It is older than one already accepted; ask the anchor's administrators why.")
        found = _Kept(raw=raw, configuration=configuration, under=under, fetched_at=now)
        self._kept[anchor] = found
        return found

    def _verified(self, anchor: EntityId, raw: bytes, limits: FetchBudget, now: datetime) -> EntityConfiguration:
        try:
            configuration = verify_anchor(raw, anchors=self._suspensions.snapshot(now).anchors, now=now)
        except NoChain:
            before = self._suspensions.snapshot(now).anchors
            if self._asked_for_keys.acquire(anchor, now):
                self._replaced(anchor, limits, now)
            if self._suspensions.snapshot(now).anchors is before:  # not even another worker has learnt of other keys
                raise
            configuration = verify_anchor(raw, anchors=self._suspensions.snapshot(now).anchors, now=now)
        if configuration.entity_id != anchor:
            raise ChainRefused(f"{anchor} answered with the entity configuration of another.")
        return configuration

    def _replaced(self, anchor: EntityId, limits: FetchBudget, now: datetime) -> None:
        try:
            self.learn_keys(anchor, limits, now=now)
        except (TransportError, TrustError) as failed:
            raise Unconfirmed(f"{anchor} signs with a key that is not known here, and: {failed}") from failed
