"""``hearthgate consent list``, ``show`` and ``preview``."""

from pathlib import Path

import click

from gateway.administration import consents
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import consents_of
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output


@click.command("list")
@click.option("--state", type=click.Choice(consents.states()), help="Only consents in this state.")
@click.option(
    "--ends-within", type=click.IntRange(0, 366), metavar="DAYS", help="Only those in force that end in so many days."
)
@config_option
@command_output
def list_consents(*, state: str | None, ends_within: int | None, config: Path | None) -> UseCaseResult:
    """List consents, the oldest first, without the person."""
    return consents.list_consents(load_node(config), state=state, ends_within=ends_within)


@click.command()
@click.argument("consent")
@config_option
@command_output
def show(*, consent: str, config: Path | None) -> UseCaseResult:
    """Show a consent: its events, who relies on it, its tasks."""
    return consents.show(load_node(config), consent, consents_of)


@click.command()
@click.argument("consent")
@config_option
@command_output
def preview(*, consent: str, config: Path | None) -> UseCaseResult:
    """Show what would stop and go on if a consent ended."""
    return consents.preview(load_node(config), consent, consents_of)
