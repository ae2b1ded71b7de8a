"""Ask the issuers of trust marks, at each refresh, whether those that an agreement demands were revoked.

A mark whose status cannot be had keeps what was known of it: the issuer's absence revokes nothing, and its own end
bounds it. What was revoked is stored beside the chain, so that every worker drops it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.directory.anchors import Notice, Superior
from gateway.directory.fetching import Fetcher
from gateway.directory.holding import Held, verified
from gateway.directory.limits import Limits
from gateway.directory.resolving import SuperiorOf
from gateway.directory.rulings import Rulings
from gateway.ports import TransportError
from trust import claims
from trust.claims import digest
from trust.errors import TrustError
from trust.federation.trust_mark import MarkStatus, TrustMark, parse_status_response
from trust.identifiers import parse_endpoint

MAX_CHECKED = 4
"""Marks of one entity that are asked about at one refresh."""
STATUS_ENDPOINT = "federation_trust_mark_status_endpoint"

RequiredMarks = Callable[[datetime], frozenset[str]]
"""Return the types of marks that an agreement held here demands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkChecks:
    """The checks of one process."""

    fetcher: Fetcher
    rulings: Rulings
    required: RequiredMarks
    superior_of: SuperiorOf
    notice: Notice

    def checked(self, found: Held, earlier: Held | None, limits: Limits, *, now: datetime) -> Held:
        """Return the chain without the demanded marks that were revoked."""
        if not found.trusted.marks:
            return found
        known = frozenset(earlier.stored.revoked_marks) if earlier is not None else frozenset()
        demanded = self.required(now)
        revoked = known & {digest(mark.raw) for mark in found.trusted.marks}
        asked = [mark for mark in found.trusted.marks if mark.mark_type in demanded and digest(mark.raw) not in revoked]
        for mark in asked[:MAX_CHECKED]:
            if self._status(mark, limits, now) in {MarkStatus.REVOKED, MarkStatus.INVALID}:
                revoked |= {digest(mark.raw)}
                self.notice("mark_revoked", found.entity)
        if not revoked:
            return found
        return verified(found.statements, self.rulings.view(now), now=now, revoked_marks=tuple(sorted(revoked)))

    def _status(self, mark: TrustMark, limits: Limits, now: datetime) -> MarkStatus | None:
        try:
            issuer = self.superior_of(mark.issuer, limits, now=now)
            answer = self.fetcher.mark_status(_endpoint(issuer), mark.raw, limits)
            return parse_status_response(answer, issuer_keys=issuer.keys, mark=mark.raw, now=now)
        except (TransportError, TrustError):
            return None


def _endpoint(issuer: Superior) -> str:
    return parse_endpoint(claims.require_str(issuer.metadata, STATUS_ENDPOINT), entity=issuer.entity)
