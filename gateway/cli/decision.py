"""``hearthgate decision explain`` and ``export``: recorded decisions, replayed."""

from pathlib import Path

import click

from gateway.administration import decision_export, decisions
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import TAKES_ID, config_option, load_node
from gateway.cli.output import command_output

days_option = click.option(
    "--days", type=click.IntRange(1, 3_653), default=90, show_default=True, help="How far back to look."
)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("decision_id", metavar="ID")
@click.option("--from", "sender", help="The agency that sent it, where ID is the id that this agency gave it.")
@config_option
@command_output
def explain(*, decision_id: str, sender: str | None, config: Path | None) -> UseCaseResult:
    """Show each rule of a decision in order, and replay it.

    ID is a message as `hearthgate account` writes it, or a decision as `hearthgate decision export` does. The command
    says whether today's answer would differ, and through which input. It names no person.
    """
    return decisions.explain(load_node(config), decision_id, sender=sender)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@days_option
@click.option("--inputs", is_flag=True, help="Write every input too; those of consent and persons are personal data.")
@config_option
@command_output
def export(*, file: Path, days: int, inputs: bool, config: Path | None) -> UseCaseResult:
    """Write the decisions to FILE as an Authorization Decision Log.

    Each line is a log record of the Dutch standard of that name (Logius). With --inputs each replays by itself.
    """
    return decision_export.export(load_node(config), file, days=days, inputs=inputs)
