"""``hearthgate agreement``: suspend an agreement for all its parties, and resume it."""

from pathlib import Path

import click

from gateway.administration import suspend_agreement
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import federation_of
from gateway.cli.context import config_option, load_node
from gateway.cli.output import apply_plan, command_output, yes_option

_reason_option = click.option("--reason", required=True, help="Why, for the other parties; it names no person.")


@click.command()
@click.argument("agreement_id", metavar="ID")
@_reason_option
@config_option
@yes_option
@command_output
def suspend(*, agreement_id: str, reason: str, config: Path | None, yes: bool) -> UseCaseResult:
    """Suspend the agreement ID for all parties, until it is resumed.

    Only a party that the agreement names in `suspended_by` can do so. What waits to be sent under it is held.
    """
    with federation_of(load_node(config)) as federation:
        return apply_plan(suspend_agreement.plan_suspension(federation, agreement_id, reason), yes=yes)


@click.command()
@click.argument("agreement_id", metavar="ID")
@_reason_option
@config_option
@yes_option
@command_output
def resume(*, agreement_id: str, reason: str, config: Path | None, yes: bool) -> UseCaseResult:
    """Resume the agreement ID, whichever party suspended it.

    Only a party that the agreement names in `suspended_by` can do so. What was held under it is sent.
    """
    with federation_of(load_node(config)) as federation:
        return apply_plan(suspend_agreement.plan_resumption(federation, agreement_id, reason), yes=yes)
