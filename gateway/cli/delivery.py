"""``hearthgate delivery reconcile``."""

from pathlib import Path

import click

from gateway.administration.message_comparison import compare_messages
from gateway.administration.outcome import UseCaseResult
from gateway.app.node import create_node
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output


@click.command()
@config_option
@command_output
def reconcile(*, config: Path | None) -> UseCaseResult:
    """Compare messages with case systems and recipients now.

    A message that is missing is escalated as an unread alert is. `hearthgate serve` compares once a day.
    """
    node = create_node(load_node(config))
    try:
        return compare_messages(node.receiving.rounds, node.delivery.reconciler, now=node.clock.now())
    finally:
        node.store.close()
        node.claims.close()
