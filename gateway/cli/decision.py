"""``hearthgate decision``, ``agreement simulate`` and ``barriers``: recorded decisions, decided again."""

from pathlib import Path

import click

from gateway.administration import barriers as barrier_report
from gateway.administration import decision_export, decisions, simulation
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import TAKES_ID, config_option, load_node
from gateway.cli.output import command_output

MOST_DAYS = 3_653


def _days(_context: click.Context, _option: click.Parameter, text: str) -> int:
    """Read a span of days, such as ``90d``."""
    number = text.removesuffix("d")
    if not number.isdecimal() or not 1 <= int(number) <= MOST_DAYS:
        raise click.BadParameter(f"Write a number of days from 1 to {MOST_DAYS}, such as 90d.")
    return int(number)


since_option = click.option(
    "--since", "days", default="90d", show_default=True, callback=_days, help="How far back to look."
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
@since_option
@click.option("--inputs", is_flag=True, help="Write every input too; those of consent and persons are personal data.")
@config_option
@command_output
def export(*, file: Path, days: int, inputs: bool, config: Path | None) -> UseCaseResult:
    """Write the decisions to FILE as an Authorization Decision Log.

    Each line is a log record of the Dutch standard of that name (Logius). With --inputs each replays by itself.
    """
    return decision_export.export(load_node(config), file, days=days, inputs=inputs)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@since_option
@config_option
@command_output
def simulate(*, file: Path, days: int, config: Path | None) -> UseCaseResult:
    """Decide all recorded requests again under the draft in FILE.

    The command says which refusals would become permits, which permits refusals, and which fields would change: for
    each clause, agency and role, with the reason. It reads no person, and changes nothing.
    """
    return simulation.simulate(load_node(config), file, days=days, progress=_show_progress)


@click.command()
@since_option
@config_option
@command_output
def barriers(*, days: int, config: Path | None) -> UseCaseResult:
    """List what was blocked, why, and what would unblock it.

    It counts requests that this node refused, and questions of its own that it did not send.
    """
    return barrier_report.report(load_node(config), days=days, progress=_show_progress)


def _show_progress(decided: int, total: int) -> None:
    click.echo(f"Decided {decided} of {total} recorded decisions.", err=True)
