"""Ask the issuers of trust marks, at each refresh, whether those that an agreement demands were revoked.

A mark whose status cannot be had keeps what was known of it: the issuer's absence revokes nothing, and its own end
bounds it. What was revoked is stored beside the chain, so that every worker drops it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.directory.anchors import Notice, Superior
from gateway.directory.fetching import Fetcher
from gateway.directory.holding import Held, Holdings
from gateway.directory.limits import Limits
from gateway.directory.resolving import SuperiorOf
from gateway.ports import TransportError
from trust import claims
from trust.claims import digest
from trust.errors import TrustError
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.trust_mark import MarkStatus, parse_status_response, peek_mark
from trust.identifiers import EntityId, parse_endpoint

MAX_CHECKED = 4
"""Marks of one entity that are asked about at one refresh."""
STATUS_ENDPOINT = "federation_trust_mark_status_endpoint"

RequiredMarks = Callable[[datetime], frozenset[str]]
"""Return the types of marks that an agreement held here demands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkChecks:
    """The checks of one process."""

    fetcher: Fetcher
    holdings: Holdings
    required: RequiredMarks
    superior_of: SuperiorOf
    notice: Notice

    def checked(self, found: Held, earlier: Held | None, limits: Limits, *, now: datetime) -> Held:
        """Return the chain with the marks whose issuers are known by now, and without those that were revoked."""
        demanded = self.required(now)
        stated = parse_entity_configuration(found.statements[0], now=now).trust_marks
        asked = [mark.raw for mark in stated if mark.mark_type in demanded][:MAX_CHECKED]
        known = frozenset(earlier.stored.revoked_marks) if earlier is not None else frozenset()
        revoked = known & {digest(mark.raw) for mark in stated}
        if not asked and not revoked:
            return found
        issuers = self._accredited(found, now)
        for raw in asked:
            if digest(raw) not in revoked and self._is_revoked(raw, issuers, limits, now):
                revoked |= {digest(raw)}
                self.notice("mark_revoked", found.entity)
        return self.holdings.verified(found.statements, now=now, revoked_marks=tuple(sorted(revoked)))

    def concern(self, found: Held, *, now: datetime) -> bool:
        """Say whether a chain has a mark that an agreement demands, so that its issuer must be asked about it."""
        return any(mark.mark_type in self.required(now) for mark in found.trusted.marks)

    @staticmethod
    def _accredited(found: Held, now: datetime) -> Mapping[str, tuple[EntityId, ...]]:
        """Return who may issue which marks by the anchor's own word, so that nobody else is asked for theirs."""
        return parse_entity_configuration(found.statements[-1], now=now).trust_mark_issuers

    def _is_revoked(
        self, raw: bytes, issuers: Mapping[str, tuple[EntityId, ...]], limits: Limits, now: datetime
    ) -> bool:
        try:
            mark_type, issuer_id = peek_mark(raw)
            if mark_type not in issuers or (issuers[mark_type] and issuer_id not in issuers[mark_type]):
                return False
            issuer = self.superior_of(issuer_id, limits, now=now)
            answer = self.fetcher.mark_status(_endpoint(issuer), raw, limits)
            status = parse_status_response(answer, issuer_keys=issuer.keys, mark=raw, now=now)
        except (TransportError, TrustError):
            return False
        return status in {MarkStatus.REVOKED, MarkStatus.INVALID}


def _endpoint(issuer: Superior) -> str:
    return parse_endpoint(claims.require_str(issuer.metadata, STATUS_ENDPOINT), entity=issuer.entity)
