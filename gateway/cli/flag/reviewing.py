"""``hearthgate flag list``, ``review`` and ``name``."""

from collections.abc import Mapping
from pathlib import Path

import click

from config.settings import NodeSettings
from gateway.accountability.enumeration import ABSENCES, NEW_PRACTITIONERS, OVER_BASELINE
from gateway.accountability.rate_limits import OVER_BUDGET, UNJUSTIFIED
from gateway.administration.administrators import current, persons
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.exchange.inbound_evidence import ID_REUSED
from gateway.exchange.query_log import own_name
from gateway.store.tables import flags
from gateway.store.tables.flags import Flag, FoldedFlag
from trust.agreements.probing import Pattern

_MEANINGS: Mapping[str, str] = {
    OVER_BUDGET: "asked more than the budgets of this node allow",
    OVER_BASELINE: "asked far more than others in the same role",
    ABSENCES: "asked about far more people without a record here than usual",
    NEW_PRACTITIONERS: "asked by far more practitioners never seen before than usual",
    ID_REUSED: "sent another message under an id that it had used before",
    UNJUSTIFIED: "asked something that the manager could not justify",
    Pattern.NEIGHBOURING_NUMBERS: "asked about people whose numbers follow one another",
    Pattern.ONE_NAME: "asked about many people of one name",
    Pattern.NAME_BIRTH_DATES: "asked with many birth dates for one name",
    Pattern.ADDRESS_BIRTH_DATES: "asked with many birth dates for one address",
    Pattern.POSTCODE_BIRTH_DATES: "asked with many birth dates for one postcode",
    Pattern.PERSON_DESCRIPTIONS: "described one person in many ways",
    Pattern.PERSON_ADDRESSES: "gave one person many addresses",
}
_SHOWN = 5
"""Askers of one agency that are listed by name."""


@click.command("list")
@config_option
@command_output
def list_flags(*, config: Path | None) -> UseCaseResult:
    """List open flags, the latest first, those of one agency and code as one.

    An asker, in quotation marks for the shell, is an agency and its pseudonym for a practitioner, which that agency can
    name; or a case system of our own and our name for its user (`hearthgate flag name`).
    """
    with opened_store(load_node(config)) as store:
        found = flags.fold(store.read(flags.list_open))
    return UseCaseResult(
        lines=[line for each in found for line in _lines(each)] or ["There is nothing to review."],
        data={"flags": [_to_json(each) for each in found]},
    )


@click.command()
@click.argument("code", metavar="CODE", type=click.Choice(sorted(map(str, _MEANINGS))))
@click.argument("asker")
@config_option
@click.option("--finding", required=True, help="What came of it; it is kept in the journal.")
@yes_option
@command_output
def review(*, code: str, asker: str, config: Path | None, finding: str, yes: bool) -> UseCaseResult:
    """Take down the flags of CODE that concern ASKER, as `hearthgate flag list` writes them.

    An agency alone stands for all of its practitioners.
    """
    settings = load_node(config)
    with opened_store(settings) as store:
        found = [
            each for each in store.read(flags.list_open) if each.code == code and asker in {each.asker, each.agency}
        ]
        if not found:
            raise OperationRefused("No such flag is up; `hearthgate flag list` shows those that are.")
        for each in {one.asker for one in found}:
            _refuse_asker(settings, each)
        show_plan(*(line for each in flags.fold(found) for line in _lines(each)))
        confirm("Take it down?", yes=yes)
        by = record(settings, "flag review", code=code, asker=asker, finding=finding)
        askers = {each.asker for each in found}
        taken = store.write(
            lambda tx: sum(flags.review(tx, code=code, asker=each, by=by, at=now()) for each in sorted(askers))
        )
    return UseCaseResult(
        lines=[f"It is down. Finding: {finding}"], data={"code": code, "asker": asker, "taken_down": taken}
    )


@click.command()
@click.argument("client_id", metavar="CLIENT")
@config_option
@click.option("--id", "practitioner", required=True, help="The practitioner's id, as the case system states it.")
@command_output
def name(*, client_id: str, config: Path | None, practitioner: str) -> UseCaseResult:
    """Show the name under which a user of the case system CLIENT would stand in a flag, to compare."""
    vault = node_vault(load_node(config))
    asker = f"{client_id} {own_name(vault.evidence_hmac_key(), client_id, practitioner)}"
    return UseCaseResult(lines=[f'"{asker}"'], data={"asker": asker})


def _refuse_asker(settings: NodeSettings, asker: str) -> None:
    """Raise OperationRefused where a flag concerns the administrator who would review it."""
    client_id, _, pseudonym = asker.partition(" ")
    key = node_vault(settings).evidence_hmac_key()
    if pseudonym in {own_name(key, client_id, person) for person in persons(current(settings).name)}:
        raise OperationRefused("This flag concerns you; another administrator reviews it.")


def _lines(folded: FoldedFlag) -> list[str]:
    times = "once" if folded.count == 1 else f"{folded.count} times"
    days = sorted(each.day for each in folded.flags)
    when = f"on {days[0]}" if days[0] == days[-1] else f"from {days[0]} to {days[-1]}"
    more = len(folded.askers) - _SHOWN
    return [
        f"{folded.code}: {_MEANINGS[folded.code]}",
        *(f'  "{asker}"' for asker in folded.askers[:_SHOWN]),
        *([f'  and {more} more of "{folded.agency}"'] if more > 0 else []),
        f"  {times} {when}, last at {max(each.last_at for each in folded.flags):%H:%M} UTC",
    ]


def _to_json(folded: FoldedFlag) -> dict[str, object]:
    return {
        "code": folded.code,
        "agency": folded.agency,
        "count": folded.count,
        "askers": [_asker_to_json(each) for each in folded.flags],
    }


def _asker_to_json(each: Flag) -> dict[str, object]:
    return {
        "asker": each.asker,
        "day": each.day,
        "count": each.count,
        "first_at": each.first_at.isoformat(),
        "last_at": each.last_at.isoformat(),
    }
