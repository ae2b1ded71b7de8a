"""Check why an entity is trusted, or why not, with each of its trust marks."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.administration.chain_trace import Trace, trace_chain
from gateway.administration.federation_context import FederationContext
from gateway.store.tables.federation_records import INACTIVE_MARK
from trust.errors import TrustError
from trust.federation.chain import Resolution
from trust.federation.trust_mark import StatedMark, TrustMark, mark_digest, verify_trust_mark
from trust.identifiers import EntityId
from trust.keys import KeySet


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMarkReport:
    """One trust mark: whether it counts, and else the reason. ``issuer`` is empty where no signature was verified."""

    mark_type: str
    issuer: EntityId | None = None
    expires_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustCheck:
    """The steps along the chain of an entity, and its trust marks with those that an agreement demands of it."""

    trace: Trace
    marks: tuple[TrustMarkReport, ...]


def check_entity(federation: FederationContext, entity: EntityId, *, now: datetime) -> TrustCheck:
    """Trace the chain of an entity, and verify its trust marks."""
    trace = trace_chain(federation, entity, now=now)
    marks = () if trace.resolution is None else tuple(_marks(federation, trace.resolution, now))
    return TrustCheck(trace=trace, marks=marks)


def _marks(federation: FederationContext, resolution: Resolution, now: datetime) -> Iterator[TrustMarkReport]:
    entity, marks = resolution.entity, resolution.chain.subject.trust_marks
    statuses = federation.directory.statuses(now=now)
    keys = {each.entity: each.trusted.federation_keys for each in statuses if each.trusted is not None}
    revoked = {mark for each in statuses if each.entity == entity.entity_id for mark in each.revoked_marks}
    for mark in marks:
        yield _mark_status(mark, resolution, keys, revoked, now)
    if entity.node is not None:
        for absent in sorted(
            federation.agreements.demanded_marks(entity.entity_id, now) - {mark.mark_type for mark in marks}
        ):
            yield TrustMarkReport(mark_type=absent, reason="An agreement held here demands it, and it is not shown.")


def _mark_status(
    stated_mark: StatedMark,
    resolution: Resolution,
    keys: dict[EntityId, KeySet],
    revoked: Collection[str],
    now: datetime,
) -> TrustMarkReport:
    anchor = resolution.chain.anchor
    if anchor is None:
        return TrustMarkReport(
            mark_type=stated_mark.mark_type, reason="The chain leaves the anchor's configuration out."
        )
    try:
        mark = verify_trust_mark(
            stated_mark.raw,
            subject=resolution.entity.entity_id,
            issuers=anchor.trust_mark_issuers,
            owners=anchor.trust_mark_owners,
            keys_of={**keys, anchor.entity_id: anchor.keys}.get,
            now=now,
        )
    except TrustError as refused:
        return TrustMarkReport(mark_type=stated_mark.mark_type, reason=refused.detail)
    reason = _reason(mark, revoked, resolution.entity.marks)
    if reason is not None:
        return TrustMarkReport(mark_type=stated_mark.mark_type, issuer=mark.issuer, reason=reason)
    return TrustMarkReport(mark_type=mark.mark_type, issuer=mark.issuer, expires_at=mark.expires_at)


def _reason(mark: TrustMark, revoked: Collection[str], counting: Iterable[TrustMark]) -> str | None:
    """Return why a mark with a valid signature does not count, or None where it does."""
    if mark_digest(mark.raw) in revoked:
        return f"{mark.issuer} has revoked it."
    if INACTIVE_MARK + mark_digest(mark.raw) in revoked:
        return f"{mark.issuer} does not know it as active; have it issued again."
    mark_key = (mark.mark_type, mark.issuer)
    if any((other.mark_type, other.issuer) == mark_key and other.issued_at > mark.issued_at for other in counting):
        return "A newer one of the type by its issuer is shown too."
    return None
