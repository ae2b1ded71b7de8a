"""Pinned anchors: their current configurations, and the replacement of their keys.

1. An anchor's entity configuration is cached for minutes.
2. Where a key signed it that is not one of the anchor's known keys, the anchor is asked for the document by which its
   recovery key replaced its keys.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

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
from trust.federation.chain import check_anchor
from trust.federation.entity_statement import EntityConfiguration, parse_entity_configuration
from trust.identifiers import EntityId
from trust.keys import KeySet

CACHED_FOR = timedelta(minutes=5)
CACHED_FOR_AT_LEAST = timedelta(seconds=30)
"""The same where a signature names a key that the cached configuration does not have."""

RecordEvent = Callable[[str, EntityId], None]
"""Record an event for administrators, by its code; the codes are listed in docs/operating/monitoring.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cached:
    configuration: EntityConfiguration
    keys: KeySet
    fetched_at: datetime


class Anchors:
    """The anchors of one process."""

    def __init__(
        self, *, fetcher: Fetcher, suspensions: SuspensionIndex, storage: TrustStorage, record_event: RecordEvent
    ) -> None:
        self._fetcher = fetcher
        self._suspensions = suspensions
        self._storage = storage
        self._record_event = record_event
        self._cache: dict[EntityId, _Cached] = {}
        self._key_fetches = Cooldown(RETRY_AFTER)

    def configuration(
        self, anchor: EntityId, budget: FetchBudget, *, now: datetime, cached_for: timedelta = CACHED_FOR
    ) -> EntityConfiguration:
        """Return the verified configuration of a pinned anchor. Raises ``TransportError``, ``TrustError``."""
        cached, keys = self._cache.get(anchor), self._suspensions.snapshot(now).anchors[anchor]
        if cached is not None and cached.keys is keys and timedelta() <= now - cached.fetched_at < cached_for:
            return cached.configuration
        raw = self._fetcher.authority(anchor, budget, now=now)
        configuration = self._verify(anchor, raw, budget, now)
        keys = self._suspensions.snapshot(now).anchors[anchor]
        if self._storage.record({(anchor, anchor): configuration.issued_at}, now=now) is not None:
            with about_statement(configuration.name, ROLLBACK):
                raise RolledBack("It is older than one already accepted; ask the anchor's administrators why.")
        self._cache[anchor] = _Cached(configuration=configuration, keys=keys, fetched_at=now)
        return configuration

    def fetch_keys(self, anchor: EntityId, budget: FetchBudget, *, now: datetime) -> None:
        """Fetch and store the anchor's keys that its recovery key signed, if there are any.

        Raises ``TransportError``, and ``TrustError`` for a document that is invalid or older than the stored one.
        """
        pin = self._suspensions.pins[anchor]
        raw = self._fetcher.anchor_keys(anchor, budget) if pin.recovery is not None else None
        if pin.recovery is None or raw is None:
            return
        document = parse_anchor_keys(raw, recovery_keys=pin.recovery, now=now)
        if document.anchor != anchor:
            raise ChainRefused(f"{anchor} answered with the keys of another anchor.")
        refuse_older(document, held=self._suspensions.snapshot(now).replaced.get(anchor))
        is_new = self._storage.save_anchor_keys(
            StoredAnchorKeys(anchor=anchor, seq=document.seq, raw=raw, accepted_at=now)
        )
        self._suspensions.invalidate(document if is_new else None)
        if is_new:
            self._record_event("anchor_keys_replaced", anchor)

    def _verify(self, anchor: EntityId, raw: bytes, budget: FetchBudget, now: datetime) -> EntityConfiguration:
        with about_statement(f"Entity configuration of {anchor}", section("3.2")):
            configuration = parse_entity_configuration(raw, now=now)
        if configuration.entity_id != anchor:
            raise ChainRefused(f"{anchor} answered with the entity configuration of another.")
        try:
            check_anchor(configuration, anchors=self._suspensions.snapshot(now).anchors)
        except NoChain:
            before = self._suspensions.snapshot(now).anchors
            if self._key_fetches.acquire(anchor, now):
                self._replace_keys(anchor, budget, now)
            if self._suspensions.snapshot(now).anchors is before:  # another worker has no other keys either
                raise
            check_anchor(configuration, anchors=self._suspensions.snapshot(now).anchors)
        return configuration

    def _replace_keys(self, anchor: EntityId, budget: FetchBudget, now: datetime) -> None:
        try:
            self.fetch_keys(anchor, budget, now=now)
        except (TransportError, TrustError) as failed:
            raise Unconfirmed(f"{anchor} signs with a key that is not known here, and: {failed}") from failed
