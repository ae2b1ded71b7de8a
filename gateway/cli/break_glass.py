"""``hearthgate break-glass``: review questions that were asked by break-glass."""

from pathlib import Path

import click

from gateway.administration import break_glass
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import TAKES_ID, config_option, load_node
from gateway.cli.output import apply_plan, command_output, yes_option

_reason = click.option("--reason", required=True, help="Why it was right, or what was not; it is kept sealed.")


@click.command("list")
@config_option
@click.option("--all", "with_reviewed", is_flag=True, help="Include reviewed ones.")
@command_output
def list_uses(*, config: Path | None, with_reviewed: bool) -> UseCaseResult:
    """List uses that wait for a review, or bar their person, the oldest first.

    The list never shows the person who was asked about.
    """
    return break_glass.list_uses(load_node(config), with_reviewed=with_reviewed)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("lookup_id", metavar="ID")
@config_option
@command_output
def show(*, lookup_id: str, config: Path | None) -> UseCaseResult:
    """Show the use ID: who asked, when, for which case and why."""
    return break_glass.show(load_node(config), lookup_id)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("lookup_id", metavar="ID")
@config_option
@click.option("--by", "reviewer", required=True, help="The reviewer or their manager, as [break_glass] names them.")
@_reason
@click.option("--not-justified", is_flag=True, help="It was not right: that person's break-glass is suspended.")
@yes_option
@command_output
def review(
    *, lookup_id: str, config: Path | None, reviewer: str, reason: str, not_justified: bool, yes: bool
) -> UseCaseResult:
    """Record a second person's review of the use ID."""
    plan = break_glass.plan_review(
        load_node(config), lookup_id, reviewer=reviewer, reason=reason, justified=not not_justified
    )
    return apply_plan(plan, yes=yes)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("lookup_id", metavar="ID")
@config_option
@click.option("--by", "manager", required=True, help="The reviewer's manager, as [break_glass] names them.")
@click.option("--reason", required=True, help="Why this person may use break-glass again; it goes into the journal.")
@yes_option
@command_output
def lift(*, lookup_id: str, config: Path | None, manager: str, reason: str, yes: bool) -> UseCaseResult:
    """End the suspension for the use ID, which was not justified."""
    return apply_plan(break_glass.plan_lift(load_node(config), lookup_id, manager=manager, reason=reason), yes=yes)
