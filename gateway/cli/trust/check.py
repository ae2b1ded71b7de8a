"""``hearthgate trust check``: why an entity is trusted, or why not."""

from pathlib import Path

import click

from gateway.cli import lines
from gateway.cli.context import config_option, load_node, now
from gateway.cli.federation import federation_of
from gateway.cli.outcome import Outcome, answers
from gateway.cli.trust.tracing import trace_chain
from trust.identifiers import parse_entity_id


@click.command()
@click.argument("entity")
@config_option
@answers
def check(*, entity: str, config: Path | None) -> Outcome:
    """Follow the chain of ENTITY from the pinned anchor down, with a tick or the reason at each step."""
    named = parse_entity_id(entity)
    with federation_of(load_node(config)) as federation:
        trace = trace_chain(federation, named, now=now())
    shown = [text for line in trace.lines for text in lines.written(line)]
    node = trace.entity.node if trace.entity else None
    services = [
        {"slug": service.slug, "name": service.name, "kind": service.kind, "duty_phone": service.duty_phone}
        for service in (node.services if node else ())
    ]
    verdict = f"{named} is trusted." if trace.ok else f"{named} is not trusted."
    hosts = [f"  {service['name']} ({service['slug']}), duty line {service['duty_phone']}" for service in services]
    return Outcome(
        lines=[*shown, verdict, *hosts],
        data={
            "entity_id": named,
            "trusted": trace.ok,
            "steps": lines.to_json(trace.lines),
            "expires_at": trace.entity.expires_at.isoformat() if trace.entity else None,
            "services": services,
        },
        ok=trace.ok,
    )
