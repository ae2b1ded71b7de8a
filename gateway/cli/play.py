"""``hearthgate play check``."""

from pathlib import Path

import click

from gateway.administration import plays
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output


@click.command()
@config_option
@command_output
def check(*, config: Path | None) -> UseCaseResult:
    """Check each play against the agreements in force.

    It names every step that could not be sent, and why. Nothing is sent.
    """
    return plays.check_plays(load_node(config))
