"""``hearthgate ping``: the way to one peer, its chain, a token, and its decision about a message."""

from pathlib import Path

import click

from gateway.administration.checks import peers
from gateway.administration.context import now
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import federation_of
from gateway.cli import check_output
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output
from trust.identifiers import parse_entity_id


@click.command()
@click.argument("peer")
@config_option
@command_output
def ping(*, peer: str, config: Path | None) -> UseCaseResult:
    """Check the way to PEER: connection, trust chain, token, and its decision about a message, with times.

    The message is about no one, so PEER searches for no one and stores nothing but its evidence.
    """
    at = now()
    with federation_of(load_node(config)) as federation:
        standings = federation.agreements.standings(now=at)
        lines = list(peers.ping(federation, parse_entity_id(peer), standings, at))
    return UseCaseResult(
        lines=[text for line in lines for text in check_output.format_check(line)],
        data={"checks": check_output.to_json(lines)},
        ok=all(line.ok for line in lines),
    )
