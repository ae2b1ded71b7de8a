"""``hearthgate trust check``: why an entity is trusted, or why not."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.administration.chain_trace import Trace
from gateway.administration.context import now
from gateway.administration.federation_context import FederationContext
from gateway.administration.federation_overview import service_lines, service_to_json
from gateway.administration.outcome import UseCaseResult
from gateway.administration.trust_check import TrustMarkReport, check_entity
from gateway.app.commands import federation_of
from gateway.cli import check_output
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output
from trust.errors import TrustError
from trust.federation.trust_mark import name_mark
from trust.identifiers import EntityId, parse_entity_id


@click.command()
@click.argument("entity")
@config_option
@command_output
def check(*, entity: str, config: Path | None) -> UseCaseResult:
    """Follow the chain of ENTITY from the pinned anchor down, with a tick or the reason at each step."""
    with federation_of(load_node(config)) as federation:
        return show_check(federation, parse_entity_id(entity), at=now())


def show_check(federation: FederationContext, entity_id: EntityId, *, at: datetime) -> UseCaseResult:
    """Check an entity, and return each step with its result."""
    result = check_entity(federation, entity_id, now=at)
    trace, entity = result.trace, result.trace.entity
    steps = [text for line in trace.lines for text in check_output.format_check(line)]
    services = entity.node.services if entity and entity.node else ()
    hosts = [f"  {line}" for service in services for line in service_lines(service)]
    return UseCaseResult(
        lines=[*steps, _conclusion(entity_id, trace), *hosts, *map(_mark_line, result.marks)],
        data={
            "entity_id": entity_id,
            "trusted": trace.ok,
            "steps": check_output.to_json(trace.lines),
            "refusal": _refusal(trace),
            "superiors": list(entity.superiors) if entity else [],
            "expires_at": entity.expires_at.isoformat() if entity else None,
            "services": [service_to_json(service) for service in services],
            "marks": [_mark_to_json(mark) for mark in result.marks],
        },
        ok=trace.ok,
    )


def _conclusion(entity_id: EntityId, trace: Trace) -> str:
    if trace.entity is None:
        return f"{entity_id} is not trusted."
    return f"{entity_id} is trusted, through {', then '.join(trace.entity.superiors)}."


def _refusal(trace: Trace) -> dict[str, str] | None:
    """Return the statement that was refused and the rule, for machines."""
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


def _mark_to_json(mark: TrustMarkReport) -> dict[str, Any]:
    ends = mark.expires_at.isoformat() if mark.expires_at else None
    mark_json: dict[str, Any] = {"type": mark.mark_type, "counts": mark.reason is None, "expires_at": ends}
    if mark.issuer is not None:
        mark_json["issuer"] = mark.issuer
    if mark.reason is not None:
        mark_json["reason"] = mark.reason
    return mark_json


def _mark_line(mark: TrustMarkReport) -> str:
    if mark.reason is not None:
        return f"  ✗ {name_mark(mark.mark_type)}: {mark.reason}"
    until = f"until {mark.expires_at.isoformat()}" if mark.expires_at else "without an end"
    return f"  ✓ {name_mark(mark.mark_type)}, issued by {mark.issuer}, {until}"
