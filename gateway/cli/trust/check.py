"""``hearthgate trust check``: why an entity is trusted, or why not."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.administration.chain_trace import Trace, trace_chain
from gateway.administration.context import now
from gateway.administration.federation_context import FederationContext
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import federation_of
from gateway.cli import check_output
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output
from gateway.store.tables.federation_records import INACTIVE_MARK
from trust.errors import TrustError
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.trust_mark import TrustMark, mark_digest, name_mark, verify_trust_mark
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet


@click.command()
@click.argument("entity")
@config_option
@command_output
def check(*, entity: str, config: Path | None) -> UseCaseResult:
    """Follow the chain of ENTITY from the pinned anchor down, with a tick or the reason at each step."""
    with federation_of(load_node(config)) as federation:
        return checked(federation, parse_entity_id(entity), at=now())


def checked(federation: FederationContext, named: EntityId, *, at: datetime) -> UseCaseResult:
    """Follow a chain, and return each step with what came of it."""
    trace = trace_chain(federation, named, now=at)
    marks = list(_marks(federation, trace, at))
    shown = [text for line in trace.lines for text in check_output.written(line)]
    node = trace.entity.node if trace.entity else None
    services = [
        {"slug": service.slug, "name": service.name, "kind": service.kind, "duty_phone": service.duty_phone}
        for service in (node.services if node else ())
    ]
    hosts = [f"  {service['name']} ({service['slug']}), duty line {service['duty_phone']}" for service in services]
    return UseCaseResult(
        lines=[*shown, _verdict(named, trace), *hosts, *(_mark_line(mark) for mark in marks)],
        data={
            "entity_id": named,
            "trusted": trace.ok,
            "steps": check_output.to_json(trace.lines),
            "refusal": _refusal(trace),
            "superiors": list(trace.entity.superiors) if trace.entity else [],
            "expires_at": trace.entity.expires_at.isoformat() if trace.entity else None,
            "services": services,
            "marks": marks,
        },
        ok=trace.ok,
    )


def _verdict(named: EntityId, trace: Trace) -> str:
    if trace.entity is None:
        return f"{named} is not trusted."
    return f"{named} is trusted, through {', then '.join(trace.entity.superiors)}."


def _refusal(trace: Trace) -> dict[str, str] | None:
    """Return which statement was refused and by which rule, for machines."""
    if trace.refusal is None:
        return None
    if not isinstance(trace.refusal, TrustError):
        return {"code": "unreachable", "statement": "", "rule": "", "detail": str(trace.refusal)}
    refused = trace.refusal
    return {
        "code": refused.code,
        "statement": refused.statement,
        "rule": refused.rule,
        "detail": refused.detail,
    }


def _marks(federation: FederationContext, trace: Trace, at: datetime) -> Iterator[dict[str, Any]]:
    """Give each mark that the entity shows, and those that an agreement demands: whether it counts, or why not."""
    if trace.entity is None:
        return
    found = trace.entity
    anchor = parse_entity_configuration(trace.statements[-1], now=at)
    standings = federation.directory.statuses(now=at)
    known = {each.entity: each.trusted.federation_keys for each in standings if each.trusted is not None}
    revoked = {mark for each in standings if each.entity == found.entity_id for mark in each.revoked_marks}
    keys: dict[EntityId, KeySet] = {**known, anchor.entity_id: anchor.keys}
    shown = parse_entity_configuration(trace.statements[0], now=at).trust_marks
    for stated in shown:
        mark = {"type": stated.mark_type, "counts": False, "expires_at": None}
        try:
            verified = verify_trust_mark(
                stated.raw,
                subject=found.entity_id,
                issuers=anchor.trust_mark_issuers,
                owners=anchor.trust_mark_owners,
                keys_of=keys.get,
                now=at,
            )
        except TrustError as refused:
            yield mark | {"reason": refused.detail}
            continue
        ends = verified.expires_at.isoformat() if verified.expires_at else None
        against = _against(verified, revoked, found.marks)
        if against is not None:
            yield mark | {"issuer": verified.issuer, "reason": against}
        else:
            yield {"type": verified.mark_type, "counts": True, "issuer": verified.issuer, "expires_at": ends}
    if found.node is not None:
        for absent in sorted(federation.agreements.required_marks(at) - {stated.mark_type for stated in shown}):
            yield {
                "type": absent,
                "counts": False,
                "expires_at": None,
                "reason": "An agreement held here demands it, and it is not shown.",
            }


def _against(mark: TrustMark, revoked: Collection[str], counting: Iterable[TrustMark]) -> str | None:
    """Return why a mark that verifies does not count, or none where it does."""
    if mark_digest(mark.raw) in revoked:
        return f"{mark.issuer} has revoked it."
    if INACTIVE_MARK + mark_digest(mark.raw) in revoked:
        return f"{mark.issuer} does not know it as active; have it issued again."
    if _superseded(mark, counting):
        return "A newer one of the type by its issuer is shown too."
    return None


def _superseded(mark: TrustMark, marks: Iterable[TrustMark]) -> bool:
    named = (mark.mark_type, mark.issuer)
    return any((other.mark_type, other.issuer) == named and other.issued_at > mark.issued_at for other in marks)


def _mark_line(mark: dict[str, Any]) -> str:
    if mark["counts"]:
        until = f"until {mark['expires_at']}" if mark["expires_at"] else "without an end"
        return f"  ✓ {name_mark(mark['type'])}, issued by {mark['issuer']}, {until}"
    return f"  ✗ {name_mark(mark['type'])}: {mark['reason']}"
