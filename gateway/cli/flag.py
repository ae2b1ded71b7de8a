"""``hearthgate flag list``, ``review`` and ``name``."""

from pathlib import Path

import click

from gateway.administration import flags
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node
from gateway.cli.output import apply_plan, command_output, yes_option


@click.command("list")
@config_option
@command_output
def list_flags(*, config: Path | None) -> UseCaseResult:
    """List open flags, the latest first.

    Flags of one agency and code are listed as one. An asker, in quotation marks for the shell, is an agency and its
    pseudonym for a practitioner, which that agency can name; or a case system of our own and our name for its user
    (`hearthgate flag name`).
    """
    return flags.list_flags(load_node(config))


@click.command()
@click.argument("code", metavar="CODE", type=click.Choice(sorted(map(str, flags.MEANINGS))))
@click.argument("asker")
@config_option
@click.option("--finding", required=True, help="What came of it; it is kept in the journal.")
@yes_option
@command_output
def review(*, code: str, asker: str, config: Path | None, finding: str, yes: bool) -> UseCaseResult:
    """Close the flags of CODE that concern ASKER.

    Both are as `hearthgate flag list` writes them. An agency alone stands for all of its practitioners.
    """
    return apply_plan(flags.plan_review(load_node(config), code, asker, finding=finding), yes=yes)


@click.command()
@click.argument("client_id", metavar="CLIENT")
@config_option
@click.option("--id", "practitioner", required=True, help="The practitioner's id, as the case system states it.")
@command_output
def name(*, client_id: str, config: Path | None, practitioner: str) -> UseCaseResult:
    """Show the name of a user of CLIENT as flags write it."""
    return flags.flag_name(load_node(config), client_id, practitioner)
