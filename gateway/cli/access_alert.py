"""``hearthgate access-alert``: the persons whose lookup raises an alert."""

from pathlib import Path

import click

from gateway.administration import access_alerts
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node
from gateway.cli.output import apply_plan, command_output, yes_option


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@yes_option
@command_output
def replace(*, file: Path, config: Path | None, yes: bool) -> UseCaseResult:
    """Replace the list by FILE, a JSON file of colleagues, workers' relatives and marked records.

    The node keeps keyed digests of them; keep the file where your personnel records are.
    """
    return apply_plan(access_alerts.plan_replacement(load_node(config), file), yes=yes)


@click.command("list")
@config_option
@command_output
def list_counts(*, config: Path | None) -> UseCaseResult:
    """Count the persons on the list. Their names stand nowhere in the store."""
    return access_alerts.list_counts(load_node(config))
