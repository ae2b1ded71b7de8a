"""Ask the issuers of trust marks, at each refresh, whether those that an agreement demands were revoked.

1. What the issuer has revoked, or calls invalid, counts no more, whatever is said of it later.
2. What it does not know (section 8.4.2 has that answered with 404), or gives a status of its own, counts for nothing
   until it says otherwise: an authority that has lost its records does not have every member refused for good.
3. Where no answer can be had, what was known of the mark stays: the issuer's absence revokes nothing, and the mark's
   own end bounds it.

What does not count is stored beside the chain, so that every worker drops it. Only marks that else count are asked
about, each in its turn where there are many, so nothing that is listed beside a mark keeps it from being asked about.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.federation.anchors import Superior, TrustNotice
from gateway.federation.chain_store import ChainStore, VerifiedChain
from gateway.federation.fetch import Fetcher
from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.limits import FetchBudget
from gateway.federation.refresh import SuperiorOf
from gateway.ports import TransportError
from gateway.store.tables.federation_records import INACTIVE_MARK
from trust import claims
from trust.errors import TrustError
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.trust_mark import MarkStatus, TrustMark, mark_digest, parse_status_response, peek_mark
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
    superior_of: SuperiorOf
    notice: TrustNotice

    def checked(
        self, found: VerifiedChain, earlier: VerifiedChain | None, limits: FetchBudget, *, now: datetime
    ) -> VerifiedChain:
        """Return the chain with the marks whose issuers are known by now, and without those that do not count."""
        demanded = self.required(now)
        stated = parse_entity_configuration(found.statements[0], now=now).trust_marks
        asked = [mark.raw for mark in stated if mark.mark_type in demanded]
        digests = {mark_digest(mark.raw) for mark in stated}
        known = earlier.stored.revoked_marks if earlier is not None else ()
        revoked = digests & set(known)
        inactive = {mark for mark in digests if INACTIVE_MARK + mark in known}
        if not asked and not revoked and not inactive:
            return found
        issuers = self._issuers(found, asked, limits, now)
        full = self.chains.verified(found.statements, now=now, revoked_marks=tuple(sorted(revoked)))
        counting = [mark for mark in full.trusted.marks if mark.mark_type in demanded]
        for mark in _batch(counting, now):
            said, of = self._said(mark, issuers, limits, now), mark_digest(mark.raw)
            if said is None:
                continue
            inactive.discard(of)
            if said is not _MarkState.ACTIVE:
                (revoked if said is _MarkState.REVOKED else inactive).add(of)
                self.notice(f"mark_{said}", found.entity)
        dropped = (*sorted(revoked), *sorted(INACTIVE_MARK + mark for mark in inactive))
        if dropped == full.stored.revoked_marks:
            return full
        return self.chains.verified(found.statements, now=now, revoked_marks=dropped)

    def has_required_mark(self, found: VerifiedChain, *, now: datetime) -> bool:
        """Say whether a chain has a mark that an agreement demands, so that its issuer must be asked about it."""
        return any(mark.mark_type in self.required(now) for mark in found.trusted.marks)

    def _issuers(
        self, found: VerifiedChain, asked: Sequence[bytes], limits: FetchBudget, now: datetime
    ) -> Mapping[EntityId, Superior]:
        """Return the issuers of marks that can be asked; those who may not issue by the anchor's own word are not.

        Those whose marks count already come first, so that nobody's invented ones take up what may be spent.
        """
        accredited = parse_entity_configuration(found.statements[-1], now=now).trust_mark_issuers
        named = {mark.issuer: None for mark in found.trusted.marks if mark.raw in asked}
        for raw in asked:
            with suppress(TrustError):
                mark_type, issuer = peek_mark(raw)
                if mark_type in accredited and issuer in (accredited[mark_type] or (issuer,)):
                    named[issuer] = None
        issuers = {}
        for issuer in list(named)[:MAX_CHECKED]:
            with suppress(TransportError, TrustError):
                issuers[issuer] = self.superior_of(issuer, limits, now=now)
        return issuers

    def _said(
        self, mark: TrustMark, issuers: Mapping[EntityId, Superior], limits: FetchBudget, now: datetime
    ) -> "_MarkState | None":
        """Return what its issuer says of a mark, or none where it says nothing that can be believed."""
        issuer = issuers.get(mark.issuer)
        if issuer is None:
            return None
        try:
            answer = self.fetcher.mark_status(_endpoint(issuer), mark.raw, limits)
            if answer is None:
                return _MarkState.INACTIVE
            status = parse_status_response(answer, issuer_keys=issuer.keys, mark=mark.raw, now=now)
        except (TransportError, TrustError):
            return None
        if status is MarkStatus.ACTIVE:
            return _MarkState.ACTIVE
        return _MarkState.REVOKED if status in {MarkStatus.REVOKED, MarkStatus.INVALID} else _MarkState.INACTIVE


def _batch(marks: Sequence[TrustMark], now: datetime) -> Iterable[TrustMark]:
    """Return those whose turn it is at a refresh now."""
    if len(marks) <= MAX_CHECKED:
        return marks
    first = int(now.timestamp() // REFRESH_AFTER.total_seconds()) * MAX_CHECKED % len(marks)
    return [*marks[first:], *marks[:first]][:MAX_CHECKED]


def _endpoint(issuer: Superior) -> str:
    return parse_endpoint(claims.require_str(issuer.metadata, STATUS_ENDPOINT), entity=issuer.entity)
