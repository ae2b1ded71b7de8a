"""``hearthgate account person``, ``request`` and ``agreement``: the account of disclosures."""

from pathlib import Path
from typing import Any

import click

from gateway.accountability.disclosures import MAX_PAGE
from gateway.administration import disclosures
from gateway.administration.context import now
from gateway.administration.disclosures import Listing
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import TAKES_ID, config_option, load_node
from gateway.cli.output import command_output, prompted
from trust.exchange.errors import MalformedSubject
from trust.exchange.person import Subject, parse_subject

_PERSON = (
    ("nhs_number", "NHS number"),
    ("upn", "UPN"),
    ("nino", "National Insurance number"),
    ("pnc_id", "PNC id"),
    ("family_name", "Family name"),
    ("given_names", "Given names"),
    ("birth_date", "Date of birth, YYYY-MM-DD"),
)
csv_option = click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path), help="Also write them to a new CSV file."
)
limit_option = click.option(
    "--limit", type=click.IntRange(1, MAX_PAGE), default=100, show_default=True, help="Requests to show at most."
)
before_option = click.option("--before", help="Where the previous page ended.")


@click.command()
@click.option("--reason", help="Why the account is given; it is journaled. Name no person [default: it is asked].")
@limit_option
@before_option
@csv_option
@config_option
@command_output
def person(*, reason: str | None, config: Path | None, **listing: Any) -> UseCaseResult:
    """Show the disclosures about a person, by this node and to it.

    The command asks for the person; each line may be left empty, and nothing of it is kept. The journal records who
    asked for an account of a person, when and why.
    """
    settings = load_node(config)
    purpose = reason if reason is not None else _ask("Why is this account given? Name no person")
    disclosures.check_reason(purpose)
    return disclosures.about_person(settings, _person(), Listing(**listing), reason=purpose)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("request_id", metavar="ID")
@click.option("--from", "sender", help="The agency that sent it, where ID is the id that this agency gave it.")
@csv_option
@config_option
@command_output
def request(*, request_id: str, sender: str | None, config: Path | None, csv_file: Path | None) -> UseCaseResult:
    """Show what became of one request.

    That is the outcome with its clause and law, or why it was refused. ID is a message as `hearthgate misuse messages`
    and `hearthgate account` write it, a lookup of our own, or the X-Request-Id of a request of our own that was
    refused.
    """
    return disclosures.about_request(load_node(config), request_id, Listing(csv_file=csv_file), sender=sender)


@click.command()
@click.argument("agreement_id", metavar="AGREEMENT")
@click.option("--days", type=click.IntRange(1, 36_500), default=31, show_default=True, help="How far back to look.")
@limit_option
@before_option
@csv_option
@config_option
@command_output
def agreement(*, agreement_id: str, days: int, config: Path | None, **listing: Any) -> UseCaseResult:
    """Show the disclosures under AGREEMENT.

    It is an id, or an id and version as in `vale-early-help/3`.
    """
    return disclosures.under_agreement(load_node(config), agreement_id, Listing(**listing), days=days)


def _person() -> Subject:
    answers = {name: text for name, label in _PERSON if (text := _ask(f"{label}, or nothing", optional=True).strip())}
    try:
        return parse_subject(answers, this_year=now().year)
    except MalformedSubject as malformed:
        raise OperationRefused(
            "The person cannot be looked for:", [str(fault) for fault in malformed.faults]
        ) from malformed


def _ask(text: str, *, optional: bool = False) -> str:
    unanswered = "No account was given: run it in a terminal."
    return prompted(text, unanswered=unanswered, default="" if optional else None, show_default=False)
