"""``hearthgate trust mark``: trust marks."""

from datetime import timedelta
from pathlib import Path

import click

from gateway.administration import trust_marks
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_anchor, load_settings
from gateway.cli.output import apply_plan, command_output, yes_option

_type = click.argument("mark_type", metavar="TYPE")


@click.command()
@click.argument("entity")
@_type
@config_option
@yes_option
@command_output
def issue(*, entity: str, mark_type: str, config: Path | None, yes: bool) -> UseCaseResult:
    """Say of ENTITY what a mark of TYPE says, until it is revoked.

    TYPE is whole, or what follows `/marks/` in a type of this authority's own: `data-protection-assured`, or
    `agreement/ID`. ENTITY fetches the mark by itself and shows it with its statement.
    """
    return apply_plan(trust_marks.plan_issue(load_anchor(config), entity, mark_type), yes=yes)


@click.command()
@click.argument("entity")
@_type
@click.option("--reason", required=True, help="Why; it is kept with the mark and in the journal.")
@config_option
@yes_option
@command_output
def revoke(*, entity: str, mark_type: str, config: Path | None, reason: str, yes: bool) -> UseCaseResult:
    """End the mark of TYPE that ENTITY has: its status is `revoked` at once, and it gets no other."""
    return apply_plan(trust_marks.plan_revocation(load_anchor(config), entity, mark_type, reason=reason), yes=yes)


@click.command()
@click.argument("issuer")
@_type
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--days", type=click.IntRange(1, 3660), default=366, show_default=True, help="How long it stands.")
@config_option
@yes_option
@command_output
def delegate(*, issuer: str, mark_type: str, config: Path | None, out: Path, days: int, yes: bool) -> UseCaseResult:
    """Let ISSUER issue marks of TYPE, which is this authority's own. Nothing ends it but its time.

    The trust anchor has to name this authority as the owner, and ISSUER to name the file, in their `[marks]`.
    """
    plan = trust_marks.plan_delegation(load_anchor(config), issuer, mark_type, out=out, lifetime=timedelta(days=days))
    return apply_plan(plan, yes=yes)


@click.command("list")
@config_option
@command_output
def list_marks(*, config: Path | None) -> UseCaseResult:
    """Show the marks that this authority issued, the newest of each type and entity, and what became of them.

    At a node: the marks that it was given, which it shows with its statement.
    """
    return trust_marks.list_marks(load_settings(config))
