"""``hearthgate trust show``: what this node knows of itself and its peers, without asking them."""

from pathlib import Path

import click

from gateway.administration.context import now
from gateway.administration.federation_overview import describe_federation
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import federation_of
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output


@click.command()
@config_option
@command_output
def show(*, config: Path | None) -> UseCaseResult:
    """Show each entity below its superior, from the pinned anchors down, as last confirmed, and until when."""
    at = now()
    with federation_of(load_node(config)) as federation:
        return describe_federation(federation, at=at)
