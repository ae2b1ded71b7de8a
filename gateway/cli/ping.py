"""``hearthgate ping``: the way to one peer, its chain and a token."""

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
    """Check the way to PEER: the connection, its trust chain, and a token under an agreement.

    The token is discarded and no message is sent, so it does not say whether a message would be accepted.
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
