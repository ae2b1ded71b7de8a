"""Fetch missing suspension entries, from peers that advertise them and from issuers.

1. The entries of an issuer are numbered without a gap. Missing ones are stored in order, each verified with its
   issuer's own keys, so any peer can serve them and none can leave one out unnoticed.
2. A peer that advertises numbers without entries costs two small fetches a minute, from a rate limit of its own. So no
   false claim stops another peer from being asked.
3. While an authority does not answer, some of the known nodes are asked in each round, in turn. One honest peer that
   can be reached is enough.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from gateway.federation.anchors import RecordEvent
from gateway.federation.fetch import MAX_SUSPENSIONS, Fetcher
from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.limits import RETRY_AFTER, FetchBudget
from gateway.federation.storage import TrustStorage
from gateway.federation.suspensions import SuspensionIndex
from gateway.ports import StoreBusy, StoreFull, StoreOutcomeUnknown, TransportError
from gateway.runtime.background import Unattended
from gateway.runtime.rate_limit import Cooldown, RateLimit, RateLimitPerKey
from gateway.store.tables.federation_records import StoredSuspension
from trust.errors import ChainRefused, TrustError
from trust.federation.suspension import SuspensionState, parse_suspension
from trust.identifiers import EntityId
from trust.keys import KeySet

MAX_PAGES = 5
PULLS_OF_ONE_A_MINUTE = 4
"""Pulls that one peer's advertisements may cause, per process."""
PULLS_OF_UNKNOWN_A_MINUTE = 10
"""Pulls of the logs of unknown authorities, over all peers: such an authority may have to be discovered first."""
SOURCES_A_ROUND = 5
"""Other sources of the log of a silent authority, in each round."""
PULL_FROM_ALL_S = 120.0
"""Time for asking every source of one log."""
MAX_LOG = 10_000
"""Entries stored of an authority that is not pinned, so that none fills the store."""

IsKnown = Callable[[EntityId, datetime], bool]
"""Return whether an authority is pinned or has a verified chain."""
AuthorityKeys = Callable[[EntityId, datetime], KeySet]
"""Return the federation keys of an authority with a valid chain. Raises ``TrustError``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Advertised:
    source: EntityId
    issuer: EntityId
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPorts:
    """Functions of the resolver that the relay calls."""

    is_known: IsKnown
    keys_of: AuthorityKeys
    record_event: RecordEvent
    background: Unattended


class SuspensionRelay:
    """Pulls missing suspension entries, for one process."""

    def __init__(
        self, *, fetcher: Fetcher, suspensions: SuspensionIndex, storage: TrustStorage, ports: RelayPorts
    ) -> None:
        self._fetcher = fetcher
        self._suspensions = suspensions
        self._storage = storage
        self._ports = ports
        self._pulls_of_one = RateLimitPerKey(PULLS_OF_ONE_A_MINUTE)
        self._pulls_of_unknown = RateLimit(PULLS_OF_UNKNOWN_A_MINUTE)
        self._advertised = Cooldown(RETRY_AFTER)
        self._pulls = Cooldown(REFRESH_AFTER - timedelta(seconds=30))
        self._doubtful = Cooldown(RETRY_AFTER)
        self._silent: set[EntityId] = set()
        self._turn = 0

    def receive(self, source: EntityId, seqs: Mapping[EntityId, int], *, now: datetime) -> None:
        """Pull, after the response, the entries that a peer advertises and the store does not have."""
        stored = self._suspensions.snapshot(now).seqs
        for issuer, seq in seqs.items():
            if seq <= stored.get(issuer, 0) or not self._advertised.acquire(f"{source} {issuer}", now):
                continue
            if self._may_pull(source, issuer, now):
                advertised = _Advertised(source=source, issuer=issuer, seq=seq)
                self._ports.background.later(
                    lambda advertised=advertised: self._pull_advertised(advertised, now)  # type: ignore[misc]
                )

    def refresh(self, issuer: EntityId, others: Sequence[EntityId], *, now: datetime) -> None:
        """Pull from an authority every few minutes; while it is silent, from some of ``others`` in turn.

        While entries are doubtful it is asked every time, because they readmit no entity.
        """
        doubtful = issuer in self._suspensions.snapshot(now).doubtful and self._doubtful.acquire(issuer, now)
        if self._pulls.acquire(issuer, now) or doubtful:
            if self._pull(issuer, issuer, now):
                self._silent.discard(issuer)
            else:
                self._silent.add(issuer)
        if issuer in self._silent and others:
            for step in range(min(SOURCES_A_ROUND, len(others))):
                self._pull(issuer, others[(self._turn + step) % len(others)], now)
            self._turn += SOURCES_A_ROUND

    def refresh_from_all(self, issuer: EntityId, others: Sequence[EntityId], *, now: datetime) -> None:
        """Pull from an authority and all ``others`` now, within :data:`PULL_FROM_ALL_S`, without a cool-down."""
        until = monotonic() + PULL_FROM_ALL_S
        for source in dict.fromkeys((issuer, *others)):
            if monotonic() < until:
                self._pull(issuer, source, now)

    def _may_pull(self, source: EntityId, issuer: EntityId, now: datetime) -> bool:
        if not self._pulls_of_one.acquire(source, now):
            return False
        return self._ports.is_known(issuer, now) or self._pulls_of_unknown.acquire(now)

    def _pull_advertised(self, advertised: _Advertised, now: datetime) -> None:
        for source in (advertised.source, advertised.issuer):
            self._pull(advertised.issuer, source, now)
            if self._suspensions.snapshot(now).seqs.get(advertised.issuer, 0) >= advertised.seq:
                # the advertisement was true, so the peer may advertise the next entry at once
                self._advertised.reset(f"{advertised.source} {advertised.issuer}")
                return

    def _pull(self, issuer: EntityId, source: EntityId, now: datetime) -> bool:
        """Store what one source has; return whether its response was valid."""
        return bool(self._ports.background.attempt("suspensions", lambda: self._pull_pages(issuer, source, now)))

    def _pull_pages(self, issuer: EntityId, source: EntityId, now: datetime) -> bool:
        try:
            keys = self._ports.keys_of(issuer, now)
            budget = FetchBudget.start(known=True)
            for _ in range(MAX_PAGES):
                if self._store_page(issuer, keys, self._fetch_page(issuer, source, budget, now), now) < MAX_SUSPENSIONS:
                    if source == issuer:
                        self._clear_doubtful(issuer, keys, now)
                    return True
        except TransportError:
            return False
        except TrustError:
            self._ports.record_event("suspensions_refused", issuer)
            return False
        except (StoreBusy, StoreFull, StoreOutcomeUnknown):
            self._ports.record_event("suspensions_not_stored", issuer)
            return False
        return True

    def _fetch_page(self, issuer: EntityId, source: EntityId, budget: FetchBudget, now: datetime) -> list[bytes]:
        after = self._suspensions.snapshot(now).seqs.get(issuer, 0)
        return self._fetcher.suspensions(source, issuer, after, budget)

    def _store_page(self, issuer: EntityId, keys: KeySet, entries: list[bytes], now: datetime) -> int:
        """Store the entries up to the first that does not follow, and return the number of all."""
        expected = self._suspensions.snapshot(now).seqs.get(issuer, 0) + 1
        if expected + len(entries) > MAX_LOG + 1 and issuer not in self._suspensions.pins:
            raise ChainRefused(f"The log of the suspensions of {issuer} is longer than any that is taken up here.")
        verified: list[StoredSuspension] = []
        try:
            for raw in entries:
                verified.append(_open_entry(raw, issuer, keys, expected + len(verified), now))
        finally:
            self._save(verified, issuer, keys, now)
        return len(entries)

    def _clear_doubtful(self, issuer: EntityId, keys: KeySet, now: datetime) -> None:
        """Remove doubtful entries that the issuer's own log, fetched whole, does not have."""
        snapshot = self._suspensions.snapshot(now)
        signing_keys = snapshot.signing_keys.get(issuer)
        if issuer in snapshot.doubtful and signing_keys is not None and signing_keys.kids == keys.kids:
            self._storage.clear_doubtful(issuer, signing_keys, beyond=snapshot.seqs.get(issuer, 0))
            self._suspensions.invalidate()

    def _save(self, verified: list[StoredSuspension], issuer: EntityId, keys: KeySet, now: datetime) -> None:
        signing_keys = self._suspensions.snapshot(now).signing_keys
        if not verified or (issuer in signing_keys and signing_keys[issuer].kids != keys.kids):
            return  # the keys were replaced since the entries were verified
        changes = self._storage.save_suspensions(verified, signing_keys)
        self._suspensions.invalidate()
        for entry in changes:
            code = "readmitted" if entry.state == SuspensionState.ACTIVE else entry.state
            self._ports.record_event(code, EntityId(entry.subject))


def _open_entry(raw: bytes, issuer: EntityId, keys: KeySet, expected: int, now: datetime) -> StoredSuspension:
    entry = parse_suspension(raw, issuer_keys=keys, now=now)
    if entry.issuer != issuer or entry.seq != expected:
        raise ChainRefused(f"Entry {expected} of the suspensions of {issuer} is missing, or is another's.")
    return StoredSuspension.from_suspension(entry, raw)
