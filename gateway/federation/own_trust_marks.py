"""The trust marks that this node or authority was given: shown with its statement, fetched and renewed unasked.

Every type that the anchor lists, with its issuers, is asked for at those issuers. What is held is asked for again every
day, since its issuer may sign with another key by now, and more often in the second half of its life. An issuer that
says no leaves what is held until its own end: only the status endpoint revokes, and that is for those to ask to whom a
mark is shown.
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

MOST_SHOWN_BYTES = 24_576
"""Marks that a statement shows, together; the statement has a cap of its own."""
MOST_ASKED = 8
"""Marks that one round asks for."""
ASKED_AGAIN_AFTER = timedelta(minutes=10)
ASKED_EVERY = timedelta(days=1)
MARK_ENDPOINT = "federation_trust_mark_endpoint"
_READ_AGAIN_S = 5.0


class OwnTrustMarks:
    """The marks in the store, as a statement shows them. Safe for several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._read_at = 0.0
        self._held: tuple[OwnTrustMark, ...] = ()

    def stated(self, now: datetime) -> tuple[StatedMark, ...]:
        """Return those that have not expired, as far as they fit, the first types first."""
        shown, size = [], 0
        for mark in self._current():
            size += len(mark.raw)
            if size > MOST_SHOWN_BYTES:
                break
            if _stands(mark.raw, now):
                shown.append(StatedMark(mark_type=mark.mark_type, raw=mark.raw))
        return tuple(shown)

    def edition(self) -> object:
        """Return what changes whenever the marks do, within seconds."""
        return self._current()

    def _current(self) -> tuple[OwnTrustMark, ...]:
        with self._lock:
            if not self._read_at or monotonic() - self._read_at > _READ_AGAIN_S:
                self._held, self._read_at = self._read(), monotonic()
            return self._held

    def _read(self) -> tuple[OwnTrustMark, ...]:
        try:
            return self._store.read(own_trust_marks.list)
        except (StoreBusy, StoreFull):
            return self._held


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMarkRenewal:
    """What the keeper does for the marks of one entity."""

    own: EntityId
    store: Store
    directory: FederationResolver
    fetcher: Fetcher
    attempt: Attempt
    lately: Cooldown = field(default_factory=lambda: Cooldown(ASKED_AGAIN_AFTER))

    def round(self, now: datetime) -> None:
        """Ask for the marks that are missing or half through their life. Raises ``StoreBusy`` and ``StoreFull``."""
        held = {(mark.mark_type, mark.issuer): mark for mark in self.store.read(own_trust_marks.list)}
        asked = 0
        for mark_type, issuer in (*held, *self._offered(now)):
            due = (mark_type, issuer) not in held or _due(held[mark_type, issuer], now)
            if due and asked < MOST_ASKED and self.lately.acquire(f"{issuer} {mark_type}", now):
                asked += 1
                self.attempt("marks", partial(self._take, mark_type, EntityId(issuer), now))

    def _offered(self, now: datetime) -> Iterator[tuple[str, str]]:
        """Yield the types that the anchor lists, each with those who may issue it."""
        chain = self.directory.cached(self.own, now=now)
        if chain is None:
            return
        anchor = chain.chain.anchor
        if anchor is None:
            return  # the chain leaves the anchor's configuration out
        for mark_type, issuers in anchor.trust_mark_issuers.items():
            yield from ((mark_type, issuer) for issuer in issuers if issuer != self.own)

    def _take(self, mark_type: str, issuer: EntityId, now: datetime) -> None:
        try:
            mark = self._fetched(mark_type, issuer, now)
        except (TransportError, TrustError):
            return
        if mark is not None:
            self.store.write(
                lambda tx: own_trust_marks.put(tx, mark_type=mark_type, issuer=issuer, raw=mark.raw, added_at=now)
            )

    def _fetched(self, mark_type: str, issuer: EntityId, now: datetime) -> TrustMark | None:
        authority = self.directory.authority(issuer, now=now)
        if MARK_ENDPOINT not in authority.metadata:
            return None
        endpoint = parse_endpoint(claims.require_str(authority.metadata, MARK_ENDPOINT), entity=issuer)
        raw = self.fetcher.mark(endpoint, mark_type, FetchBudget.start(known=True))
        if raw is None:
            return None
        mark = open_own_mark(raw, subject=self.own, issuer=issuer, keys=authority.keys, now=now)
        return mark if mark.mark_type == mark_type else None


def _stands(raw: bytes, now: datetime) -> bool:
    """Say whether a mark has not expired; one that cannot be read is not shown either."""
    try:
        ends = peek_draft(raw).expires_at
    except TrustError:
        return False
    return ends is None or ends > now


def _due(mark: OwnTrustMark, now: datetime) -> bool:
    if not timedelta() <= now - mark.added_at < ASKED_EVERY:
        return True
    try:
        said = peek_draft(mark.raw)
    except TrustError:
        return True
    return said.expires_at is not None and said.expires_at - now < (said.expires_at - said.issued_at) / 2
