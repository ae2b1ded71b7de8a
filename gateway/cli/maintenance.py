"""``hearthgate maintenance``: announce when this node is away."""

from pathlib import Path

import click

from gateway.administration import maintenance
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node
from gateway.cli.output import apply_plan, command_output, yes_option


@click.command()
@click.option("--until", required=True, metavar="TIME", help="When the node is back: 14:00, or 2026-12-01T14:00.")
@click.option("--from", "begins", metavar="TIME", help="When it goes away [default: now].")
@config_option
@yes_option
@command_output
def announce(*, until: str, begins: str | None, config: Path | None, yes: bool) -> UseCaseResult:
    """Tell peers that this node will be away, and until when.

    Questions and messages that it does not answer then say so. Announce it ten minutes before.
    """
    return apply_plan(maintenance.plan_announcement(load_node(config), begins=begins, until=until), yes=yes)


@click.command()
@config_option
@yes_option
@command_output
def end(*, config: Path | None, yes: bool) -> UseCaseResult:
    """Announce no maintenance any more."""
    return apply_plan(maintenance.plan_end(load_node(config)), yes=yes)


@click.command()
@config_option
@command_output
def show(*, config: Path | None) -> UseCaseResult:
    """Show the maintenance that is announced."""
    return maintenance.show(load_node(config))
