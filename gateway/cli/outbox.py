"""``hearthgate outbox`` and ``hearthgate relay``: look at queued messages, act on them, and send them."""

import signal
from pathlib import Path

import click

from gateway.administration import outbox
from gateway.administration.dual_control import ChangeRequest, plan_request
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import reissuer_of
from gateway.app.node import create_node
from gateway.cli.context import config_option, load_node
from gateway.cli.output import apply_plan, command_output, refusing, yes_option
from gateway.runtime.background import Loops
from gateway.telemetry.logging import configure_logging

STATES = ("queued", "held", "stored", "failed", "parked", "closed")
reason_option = click.option("--reason", required=True, help="Why; the second administrator reads it.")


@click.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only messages in this state.")
@config_option
@command_output
def list_messages(*, state: str | None, config: Path | None) -> UseCaseResult:
    """List queued messages and receipts, and the peers that take nothing."""
    return outbox.list_rows(load_node(config), state=outbox.state_of(state))


@click.command()
@click.argument("reference")
@config_option
@command_output
def show(*, reference: str, config: Path | None) -> UseCaseResult:
    """Show the message REFERENCE and its steps at this node."""
    return outbox.show_row(load_node(config), reference)


@click.command()
@click.argument("reference")
@config_option
@yes_option
@command_output
def retry(*, reference: str, config: Path | None, yes: bool) -> UseCaseResult:
    """Send the message REFERENCE again, with the same bytes."""
    return apply_plan(outbox.plan_retry(load_node(config), reference), yes=yes)


@click.command()
@click.argument("reference")
@click.option("--to", required=True, metavar="SERVICE", help="The service, as https://agency.example#service.")
@click.option("--emergency", help="Why a red message cannot wait for a second administrator, who reviews it.")
@reason_option
@config_option
@yes_option
@command_output
def redirect(
    *, reference: str, to: str, emergency: str | None, reason: str, config: Path | None, yes: bool
) -> UseCaseResult:
    """Send the message REFERENCE to another service, as a new message.

    A second administrator approves it. A red message may go at once with --emergency, and is reviewed afterwards.
    """
    settings = load_node(config)
    if emergency is not None:
        outbox.refuse_emergency(settings, reference)
    act = outbox.RedirectMessage(open_reissuer=reissuer_of)
    arguments = {"reference": reference, "to": to}
    request = ChangeRequest(act=act, arguments=arguments, reason=reason, emergency=emergency)
    return apply_plan(plan_request(settings, request), yes=yes)


@click.command()
@click.argument("reference")
@reason_option
@config_option
@yes_option
@command_output
def close(*, reference: str, reason: str, config: Path | None, yes: bool) -> UseCaseResult:
    """Close the message REFERENCE, so that it is never sent.

    A second administrator approves it.
    """
    arguments = {"reference": reference}
    request = ChangeRequest(act=outbox.CloseMessage(), arguments=arguments, reason=reason, emergency=None)
    return apply_plan(plan_request(load_node(config), request), yes=yes)


@click.command()
@config_option
@refusing
def relay(*, config: Path | None) -> None:
    """Send queued messages until told to stop.

    `hearthgate serve` does so by itself; another relay on the same store shares the work.
    """
    node = create_node(load_node(config))
    configure_logging()
    stopping = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping)
    try:
        beside = Loops(node.keeper.attempt, [node.delivery.escalation.run])
        beside.run(node.delivery.relay.run, lambda seconds: signal.sigtimedwait(stopping, seconds) is not None)
    finally:
        node.store.close()
        node.claims.close()
