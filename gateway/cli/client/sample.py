"""``hearthgate client sample list`` and ``justify``: the lookups that a manager has to justify."""

from pathlib import Path

import click

from gateway.administration import justifications
from gateway.administration.justifications import Justification
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import TAKES_ID, config_option, load_node
from gateway.cli.output import apply_plan, command_output, yes_option


@click.command("list")
@config_option
@click.option("--all", "settled", is_flag=True, help="Include settled ones.")
@click.option("--overdue", is_flag=True, help="Only overdue ones.")
@command_output
def list_samples(*, config: Path | None, settled: bool, overdue: bool) -> UseCaseResult:
    """List sampled lookups that wait for a justification.

    They stand in the order of their due dates. The list names the practitioner and the case, for the manager's eyes; it
    never shows the person who was asked about.
    """
    return justifications.list_samples(load_node(config), settled=settled, overdue=overdue)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("lookup_id", metavar="ID")
@config_option
@click.option(
    "--by", "manager", required=True, help="The manager who found it, as the case system's registration names them."
)
@click.option("--reason", required=True, help="Why it was right, or what was not; it is kept sealed.")
@click.option("--not-justified", is_flag=True, help="It was not right: a flag goes up for the practitioner.")
@yes_option
@command_output
def justify(
    *, lookup_id: str, config: Path | None, manager: str, reason: str, not_justified: bool, yes: bool
) -> UseCaseResult:
    """Record the manager's finding on the sampled lookup ID."""
    justification = Justification(lookup_id=lookup_id, manager=manager, reason=reason, justified=not not_justified)
    return apply_plan(justifications.plan_justification(load_node(config), justification), yes=yes)
