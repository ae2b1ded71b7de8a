"""Trust marks of this entity: stated in its configuration, fetched and renewed.

1. Each issuer that the anchor lists is asked for each type of mark that it may issue.
2. A stored mark is fetched again every day, because its issuer may sign with another key by now, and more often in the
   second half of its life.
3. An issuer that says no leaves the stored mark until that expires: only its status endpoint revokes a mark.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from time import monotonic

from gateway.federation.fetch import Fetcher
from gateway.federation.limits import FetchBudget
from gateway.federation.resolver import FederationResolver
from gateway.ports import Store, StoreBusy, StoreFull, TransportError
from gateway.runtime.background import Attempt
from gateway.runtime.rate_limit import Cooldown
from gateway.store.tables import own_trust_marks
from gateway.store.tables.own_trust_marks import OwnTrustMark
from trust import claims
from trust.errors import TrustError
from trust.federation.trust_mark import StatedMark, TrustMark, open_own_mark, peek_draft
from trust.identifiers import EntityId, parse_endpoint

MAX_STATED_BYTES = 24_576
"""Size of all marks that a configuration states; the configuration has a cap of its own."""
MAX_REQUESTS = 8
"""Marks that one round asks for at most."""
RETRY_AFTER = timedelta(minutes=10)
RENEW_EVERY = timedelta(days=1)
MARK_ENDPOINT = "federation_trust_mark_endpoint"
_READ_AGAIN_S = 5.0


class OwnTrustMarks:
    """The marks in the store, as a configuration states them. Safe for several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._read_at = 0.0
        self._cached: tuple[OwnTrustMark, ...] = ()

    def current(self, now: datetime) -> tuple[StatedMark, ...]:
        """Return the marks that have not expired, as far as they fit."""
        marks, size = [], 0
        for mark in self._cached_marks():
            size += len(mark.raw)
            if size > MAX_STATED_BYTES:
                break
            if _is_unexpired(mark.raw, now):
                marks.append(StatedMark(mark_type=mark.mark_type, raw=mark.raw))
        return tuple(marks)

    def edition(self) -> object:
        """Return a value that changes with the marks, within seconds."""
        return self._cached_marks()

    def _cached_marks(self) -> tuple[OwnTrustMark, ...]:
        with self._lock:
            if not self._read_at or monotonic() - self._read_at > _READ_AGAIN_S:
                self._cached, self._read_at = self._read(), monotonic()
            return self._cached

    def _read(self) -> tuple[OwnTrustMark, ...]:
        try:
            return self._store.read(own_trust_marks.list)
        except (StoreBusy, StoreFull):
            return self._cached


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMarkRenewal:
    """The periodic renewal of the marks of one entity."""

    own: EntityId
    store: Store
    directory: FederationResolver
    fetcher: Fetcher
    attempt: Attempt
    cooldown: Cooldown = field(default_factory=lambda: Cooldown(RETRY_AFTER))

    def round(self, now: datetime) -> None:
        """Fetch the marks that are missing or due. Raises ``StoreBusy`` and ``StoreFull``."""
        stored = {(mark.mark_type, mark.issuer): mark for mark in self.store.read(own_trust_marks.list)}
        requests = 0
        for mark_type, issuer in (*stored, *self._candidates(now)):
            due = (mark_type, issuer) not in stored or _is_due(stored[mark_type, issuer], now)
            if due and requests < MAX_REQUESTS and self.cooldown.acquire(f"{issuer} {mark_type}", now):
                requests += 1
                self.attempt("marks", partial(self._renew, mark_type, EntityId(issuer), now))

    def _candidates(self, now: datetime) -> Iterator[tuple[str, str]]:
        """Yield the types of marks that the anchor lists, each with its issuers."""
        chain = self.directory.cached(self.own, now=now)
        if chain is None:
            return
        anchor = chain.chain.anchor
        if anchor is None:
            return  # the chain leaves the anchor's configuration out
        for mark_type, issuers in anchor.trust_mark_issuers.items():
            yield from ((mark_type, issuer) for issuer in issuers if issuer != self.own)

    def _renew(self, mark_type: str, issuer: EntityId, now: datetime) -> None:
        try:
            mark = self._fetch(mark_type, issuer, now)
        except (TransportError, TrustError):
            return
        if mark is not None:
            self.store.write(
                lambda tx: own_trust_marks.put(tx, mark_type=mark_type, issuer=issuer, raw=mark.raw, added_at=now)
            )

    def _fetch(self, mark_type: str, issuer: EntityId, now: datetime) -> TrustMark | None:
        authority = self.directory.authority(issuer, now=now)
        if MARK_ENDPOINT not in authority.metadata:
            return None
        endpoint = parse_endpoint(claims.require_str(authority.metadata, MARK_ENDPOINT), entity=issuer)
        raw = self.fetcher.mark(endpoint, mark_type, FetchBudget.start(known=True))
        if raw is None:
            return None
        mark = open_own_mark(raw, subject=self.own, issuer=issuer, keys=authority.keys, now=now)
        return mark if mark.mark_type == mark_type else None


def _is_unexpired(raw: bytes, now: datetime) -> bool:
    """Return whether a mark can be read and has not expired."""
    try:
        ends = peek_draft(raw).expires_at
    except TrustError:
        return False
    return ends is None or ends > now


def _is_due(mark: OwnTrustMark, now: datetime) -> bool:
    if not timedelta() <= now - mark.added_at < RENEW_EVERY:
        return True
    try:
        draft = peek_draft(mark.raw)
    except TrustError:
        return True
    return draft.expires_at is not None and draft.expires_at - now < (draft.expires_at - draft.issued_at) / 2
