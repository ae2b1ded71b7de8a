"""``hearthgate law``: list, show and check the laws that agreements may cite."""

from datetime import UTC, date, datetime
from pathlib import Path

import click

from gateway.administration import law
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output
from trust.agreements.bodies import PublicBody
from trust.agreements.legal_entry import LegalPart, UkNation

_on_option = click.option(
    "--on", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="On which day [default: today]."
)
_nation_option = click.option(
    "--nation", type=click.Choice([nation.value for nation in UkNation]), help="In which nation."
)
_PARTS = {part.name.lower().replace("_", "-"): part for part in LegalPart}


@click.command("list")
@_on_option
@_nation_option
@click.option("--part", type=click.Choice([*_PARTS]), help="Only laws of this part.")
@command_output
def list_laws(*, on: datetime | None, nation: str | None, part: str | None) -> UseCaseResult:
    """List the laws of the register, and whether they are in force."""
    chosen = law.LawFilter(
        on=_day(on), nation=UkNation(nation) if nation else None, part=_PARTS[part] if part else None
    )
    return law.list_laws(chosen)


@click.command()
@click.argument("code")
@_on_option
@command_output
def show(*, code: str, on: datetime | None) -> UseCaseResult:
    """Show the law CODE: enactment, commencement, extent, source."""
    return law.show_law(code, _day(on))


@click.command()
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@_on_option
@_nation_option
@click.option("--body", type=click.Choice([body.value for body in PublicBody]), help="For which kind of body.")
@config_option
@command_output
def check(
    *, codes: tuple[str, ...], on: datetime | None, nation: str | None, body: str | None, config: Path | None
) -> UseCaseResult:
    """Check whether an agreement may cite each CODE.

    Without a CODE, check the laws that the agreements in force at this node cite.
    """
    if not codes:
        return law.check_held(load_node(config))
    return law.check_laws(
        codes,
        on=_day(on),
        body=PublicBody(body) if body else None,
        nation=UkNation(nation) if nation else None,
    )


def _day(on: datetime | None) -> date:
    return on.date() if on is not None else datetime.now(UTC).date()
