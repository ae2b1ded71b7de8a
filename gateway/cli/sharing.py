"""``hearthgate sharing list`` and ``show``."""

from pathlib import Path

import click

from gateway.administration import sharing
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output


@click.command("list")
@click.option("--overdue", is_flag=True, help="Only decisions whose review is late.")
@config_option
@command_output
def list_decisions(*, overdue: bool, config: Path | None) -> UseCaseResult:
    """List decisions on sharing, the newest first, without the person."""
    return sharing.list_decisions(load_node(config), overdue=overdue)


@click.command()
@click.argument("decision")
@config_option
@command_output
def show(*, decision: str, config: Path | None) -> UseCaseResult:
    """Show DECISION: its ground, its reason, who decided in which role, and its reviews."""
    return sharing.show(load_node(config), decision)
