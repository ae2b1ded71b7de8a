"""``hearthgate trust changes``, ``approve``, ``decline``, ``review`` and ``second``: what takes two administrators."""

from pathlib import Path

import click

from gateway.administration import changes
from gateway.administration.dual_control import plan_approval, plan_review, plan_withdrawal
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import acts
from gateway.cli.context import config_option, load_anchor, load_settings
from gateway.cli.output import apply_plan, command_output, yes_option

_superior = click.option(
    "--superior", type=click.Path(path_type=Path), help="A superior's approval, from `trust second` there."
)


@click.command("changes")
@click.option("--all", "settled_too", is_flag=True, help="Also those that are settled or expired.")
@config_option
@command_output
def list_changes(*, config: Path | None, settled_too: bool) -> UseCaseResult:
    """Show the changes that wait for a second administrator, and the emergencies that wait for a review."""
    return changes.list_changes(load_settings(config), settled_too=settled_too)


@click.command()
@click.argument("change_id", metavar="ID")
@_superior
@config_option
@yes_option
@command_output
def approve(*, change_id: str, config: Path | None, superior: Path | None, yes: bool) -> UseCaseResult:
    """Make the change ID that another administrator asked for."""
    return apply_plan(plan_approval(load_settings(config), acts(), change_id, superior=superior), yes=yes)


@click.command()
@click.argument("change_id", metavar="ID")
@click.option("--reason", required=True, help="Why not; it is kept in the journal.")
@config_option
@yes_option
@command_output
def decline(*, change_id: str, config: Path | None, reason: str, yes: bool) -> UseCaseResult:
    """Give up the change ID, which then is never made."""
    return apply_plan(plan_withdrawal(load_settings(config), change_id, reason), yes=yes)


@click.command()
@click.argument("change_id", metavar="ID")
@click.option("--finding", required=True, help="What came of it; it is kept in the journal.")
@_superior
@config_option
@yes_option
@command_output
def review(*, change_id: str, config: Path | None, finding: str, superior: Path | None, yes: bool) -> UseCaseResult:
    """Note that you looked at the emergency ID, which another administrator made alone."""
    return apply_plan(plan_review(load_settings(config), change_id, finding, superior=superior), yes=yes)


@click.command()
@click.argument("entity")
@click.argument("change_id", metavar="ID")
@click.argument("digits", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write the approval to.")
@config_option
@yes_option
@command_output
def second(
    *, entity: str, change_id: str, digits: tuple[str, ...], out: Path, config: Path | None, yes: bool
) -> UseCaseResult:
    """Approve the change ID of ENTITY, a member with one administrator.

    Ring it, have it say what the change is and read out the change's id and its 30 DIGITS. Send it the file.
    """
    plan = changes.plan_second_approval(load_anchor(config), entity, change_id, digits=digits, out=out)
    return apply_plan(plan, yes=yes)
