"""``hearthgate restriction declare``, ``list``, ``review`` and ``lift``."""

from datetime import datetime
from pathlib import Path

import click

from gateway.administration import place_restrictions
from gateway.administration.dual_control import ChangeRequest, plan_request
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node
from gateway.cli.output import apply_plan, command_output, yes_option


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@yes_option
@command_output
def declare(*, file: Path, config: Path | None, yes: bool) -> UseCaseResult:
    """Restrict the place of the persons in FILE.

    FILE is JSON with the members of `POST /case/v1/restrictions`. Delete it afterwards.
    """
    return apply_plan(place_restrictions.plan_declaration(load_node(config), file), yes=yes)


@click.command("list")
@config_option
@command_output
def list_restrictions(*, config: Path | None) -> UseCaseResult:
    """List the restrictions in force, without the persons."""
    return place_restrictions.list_restrictions(load_node(config))


@click.command()
@click.argument("restriction")
@click.option("--on", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day of the next review.")
@click.option("--reason", required=True, help="Why the place stays restricted.")
@config_option
@command_output
def review(*, restriction: str, day: datetime, reason: str, config: Path | None) -> UseCaseResult:
    """Say that RESTRICTION stays, and when to look at it again."""
    return place_restrictions.review_restriction(load_node(config), restriction, day=day.date(), reason=reason)


@click.command()
@click.argument("restriction")
@click.option("--reason", required=True, help="Why; the second administrator reads it.")
@config_option
@yes_option
@command_output
def lift(*, restriction: str, reason: str, config: Path | None, yes: bool) -> UseCaseResult:
    """Lift RESTRICTION, so that the place may be told as any other.

    A second administrator approves it.
    """
    act, arguments = place_restrictions.LiftRestriction(), {"restriction": restriction}
    request = ChangeRequest(act=act, arguments=arguments, reason=reason, emergency=None)
    return apply_plan(plan_request(load_node(config), request), yes=yes)
