"""Status of required trust marks: their issuers are asked at each refresh.

1. A mark that its issuer has revoked, or calls invalid, never counts again, also where the issuer says otherwise later.
2. A mark that its issuer does not know (section 8.4.2 has that answered with 404), or gives a status of its own, does
   not count until the issuer says otherwise. So an authority that has lost its records does not end every mark.
3. Where the issuer cannot be asked, the last known status stays: its absence revokes no mark.

Marks that do not count are stored with the chain, so that every worker drops them. Only marks that count otherwise are
asked about, in turn where there are many, so no mark that is listed beside another keeps it from being asked about.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.federation.anchors import RecordEvent
from gateway.federation.chain_store import ChainStore, VerifiedChain
from gateway.federation.fetch import Fetcher
from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.limits import FetchBudget
from gateway.federation.refresh import AuthorityOf
from gateway.ports import TransportError
from gateway.store.tables.federation_records import INACTIVE_MARK
from trust import claims
from trust.errors import TrustError
from trust.federation.chain import Superior
from trust.federation.trust_mark import MarkStatus, StatedMark, TrustMark, mark_digest, parse_status_response, peek_mark
from trust.identifiers import EntityId, parse_endpoint

MAX_CHECKED = 4
"""Marks of one entity that are asked about at one refresh."""
STATUS_ENDPOINT = "federation_trust_mark_status_endpoint"

RequiredMarks = Callable[[datetime], frozenset[str]]
"""Return the types of marks that an agreement held here demands."""


class _MarkState(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMarkStatusChecker:
    """The checks of one process."""

    fetcher: Fetcher
    chains: ChainStore
    required: RequiredMarks
    authority: AuthorityOf
    record_event: RecordEvent

    def check(
        self, chain: VerifiedChain, earlier: VerifiedChain | None, budget: FetchBudget, *, now: datetime
    ) -> VerifiedChain:
        """Return the chain with the marks of issuers that are known by now, and without those that do not count."""
        required, stated_marks = self.required(now), chain.chain.subject.trust_marks
        candidates = [mark for mark in stated_marks if mark.mark_type in required]
        digests = {mark_digest(mark.raw) for mark in stated_marks}
        dropped = earlier.stored.revoked_marks if earlier is not None else ()
        revoked = digests & set(dropped)
        inactive = {digest for digest in digests if INACTIVE_MARK + digest in dropped}
        if not candidates and not revoked and not inactive:
            return chain
        issuers = self._issuers(chain, candidates, budget, now)
        every = self.chains.verify(chain.chain, now=now, earlier=chain.resolution)
        counting = every.without_marks(tuple(revoked)).trusted.marks
        for mark in _batch([mark for mark in counting if mark.mark_type in required], now):
            state, digest = self._state(mark, issuers, budget, now), mark_digest(mark.raw)
            if state is None:
                continue
            inactive.discard(digest)
            if state is not _MarkState.ACTIVE:
                (revoked if state is _MarkState.REVOKED else inactive).add(digest)
                self.record_event(f"mark_{state}", chain.entity)
        return every.without_marks((*sorted(revoked), *sorted(INACTIVE_MARK + digest for digest in inactive)))

    def has_required_mark(self, chain: VerifiedChain, *, now: datetime) -> bool:
        """Return whether a chain has a mark that an agreement demands, so that its issuer must be asked about it."""
        required = self.required(now)
        return any(mark.mark_type in required for mark in chain.trusted.marks)

    def _issuers(
        self, chain: VerifiedChain, candidates: Sequence[StatedMark], budget: FetchBudget, now: datetime
    ) -> Mapping[EntityId, Superior]:
        """Return the issuers of marks that can be asked and that the anchor lets issue them.

        Issuers whose marks count already come first, so that invented marks do not use up the budget.
        """
        accredited = {} if chain.chain.anchor is None else chain.chain.anchor.trust_mark_issuers
        stated_marks = {mark.raw for mark in candidates}
        names = {mark.issuer: None for mark in chain.trusted.marks if mark.raw in stated_marks}
        for mark in candidates:
            with suppress(TrustError):
                mark_type, issuer = peek_mark(mark.raw)
                if mark_type in accredited and issuer in (accredited[mark_type] or (issuer,)):
                    names[issuer] = None
        issuers = {}
        for issuer in list(names)[:MAX_CHECKED]:
            with suppress(TransportError, TrustError):
                issuers[issuer] = self.authority(issuer, budget, now)
        return issuers

    def _state(
        self, mark: TrustMark, issuers: Mapping[EntityId, Superior], budget: FetchBudget, now: datetime
    ) -> _MarkState | None:
        """Return the state of a mark by its issuer, or None where the issuer gives no valid answer."""
        issuer = issuers.get(mark.issuer)
        if issuer is None:
            return None
        try:
            raw = self.fetcher.mark_status(_endpoint(issuer), mark.raw, budget)
            if raw is None:
                return _MarkState.INACTIVE
            status = parse_status_response(raw, issuer_keys=issuer.keys, mark=mark.raw, now=now)
        except (TransportError, TrustError):
            return None
        if status is MarkStatus.ACTIVE:
            return _MarkState.ACTIVE
        return _MarkState.REVOKED if status in {MarkStatus.REVOKED, MarkStatus.INVALID} else _MarkState.INACTIVE


def _batch(marks: Sequence[TrustMark], now: datetime) -> Iterable[TrustMark]:
    """Return the marks to ask about at a refresh now."""
    if len(marks) <= MAX_CHECKED:
        return marks
    first = int(now.timestamp() // REFRESH_AFTER.total_seconds()) * MAX_CHECKED % len(marks)
    return [*marks[first:], *marks[:first]][:MAX_CHECKED]


def _endpoint(issuer: Superior) -> str:
    return parse_endpoint(claims.require_str(issuer.metadata, STATUS_ENDPOINT), entity=issuer.entity)
