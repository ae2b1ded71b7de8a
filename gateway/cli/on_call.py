"""``hearthgate on-call test``."""

from pathlib import Path

import click

from gateway.administration.on_call import ring_test
from gateway.administration.outcome import UseCaseResult
from gateway.app.on_call import build_on_call
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output


@click.command()
@click.option("--service", help="Ring the channels of this service only.")
@config_option
@command_output
def test(*, service: str | None, config: Path | None) -> UseCaseResult:
    """Ring each on-call channel as a test, and record when.

    A channel without a successful test in seven days counts as absent.
    """
    return ring_test(load_node(config), build_on_call, service=service)
