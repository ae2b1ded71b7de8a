"""``hearthgate message timeline``."""

from pathlib import Path

import click

from gateway.administration import messages
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output


@click.command()
@click.argument("message", metavar="ID")
@config_option
@command_output
def timeline(*, message: str, config: Path | None) -> UseCaseResult:
    """Show every step of the message ID at this node.

    ID is the reference that both sides name on the telephone, such as HG-7K2M4Q9T, or the id of a submission.
    """
    return messages.show_timeline(load_node(config), message)
