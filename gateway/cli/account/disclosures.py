"""``hearthgate account person``, ``request`` and ``agreement``: the account of disclosures."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from config.settings import NodeSettings
from gateway.accountability.disclosures import END, MAX_PAGE, Disclosure, Disclosures, Page, Side
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import TAKES_ID, config_option, load_node
from gateway.cli.output import command_output, prompted
from trust.errors import TrustError
from trust.exchange.errors import MalformedSubject
from trust.exchange.person import Subject, parse_subject
from trust.identifiers import EntityId, parse_entity_id

_MAX_REASON = 500
_CURSOR_BYTES = 16
_PERSON = (
    ("nhs_number", "NHS number"),
    ("upn", "UPN"),
    ("nino", "National Insurance number"),
    ("pnc_id", "PNC id"),
    ("family_name", "Family name"),
    ("given_names", "Given names"),
    ("birth_date", "Date of birth, YYYY-MM-DD"),
)
_COLUMNS = tuple(each.name for each in fields(Disclosure))
_FORMULA = ("=", "+", "-", "@", "\t")
csv_option = click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path), help="Write them into a new CSV file too."
)
limit_option = click.option(
    "--limit", type=click.IntRange(1, MAX_PAGE), default=100, show_default=True, help="Requests to show at most."
)
before_option = click.option("--before", help="Where the page before ended, as it says.")


@click.command()
@click.option("--reason", help="Why the account is given; it is journaled. Name no person [default: it is asked].")
@limit_option
@before_option
@csv_option
@config_option
@command_output
def person(*, reason: str | None, config: Path | None, csv_file: Path | None, **page: Any) -> UseCaseResult:
    """Show what this node told which agency about a person, and what it asked of others.

    The person is asked for here, each line of it may be left empty, and nothing of it is kept. Who asked for an account
    of a person, when and why, is recorded in the journal.
    """
    settings = load_node(config)
    given = reason if reason is not None else _ask("Why is this account given? Name no person")
    if not 0 < len(given.strip()) <= _MAX_REASON or not given.isprintable():
        raise OperationRefused(f"--reason: write 1 to {_MAX_REASON} characters on one line.")
    described = _person()
    record(settings, "account person", reason=given)
    return _outcome(settings, lambda it: it.of_person(described, **_paging(page)), csv_file)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("request_id", metavar="ID")
@click.option("--from", "sender", help="The agency that sent it, where ID is the id that this agency gave it.")
@csv_option
@config_option
@command_output
def request(*, request_id: str, sender: str | None, config: Path | None, csv_file: Path | None) -> UseCaseResult:
    """Show what became of a request, on which clause and law, or why it was refused.

    ID is a message as `hearthgate misuse messages` and `hearthgate account` write it, a lookup of our own, or the
    X-Request-Id of a request of our own that was refused.
    """
    agency = None if sender is None else _agency(sender)
    return _outcome(load_node(config), lambda it: it.of_request(request_id, sender=agency), csv_file)


@click.command()
@click.argument("agreement_id", metavar="AGREEMENT")
@click.option("--days", type=click.IntRange(1, 36_500), default=31, show_default=True, help="How far back to look.")
@limit_option
@before_option
@csv_option
@config_option
@command_output
def agreement(
    *, agreement_id: str, days: int, config: Path | None, csv_file: Path | None, **page: Any
) -> UseCaseResult:
    """Show what was asked and told under AGREEMENT, an id or an id and version as in `vale-early-help/3`."""
    name, _, version = agreement_id.partition("/")
    if version and not version.isdecimal():
        raise OperationRefused("Write the agreement as its id, or as its id, a slash and a version.")
    since, chosen = now() - timedelta(days=days), int(version) if version else None
    return _outcome(load_node(config), lambda it: it.of_agreement(name, chosen, since=since, **_paging(page)), csv_file)


def _outcome(settings: NodeSettings, read: Callable[[Disclosures], Page], csv_file: Path | None) -> UseCaseResult:
    key = node_vault(settings).evidence_hmac_key()
    with opened_store(settings) as store:
        page = read(Disclosures(own=EntityId(settings.node.entity_id), store=store, key=key))
    if csv_file is not None:
        write_new(csv_file, _csv(page.disclosures), "The account", mode=0o600)
    more = [] if page.before is None else [f"There are more: repeat it with --before {page.before.hex()}"]
    lines = [line for each in page.disclosures for line in _lines(each)]
    return UseCaseResult(
        lines=[*(lines or ["Nothing of it is on record."]), *more],
        data={
            "disclosures": [_json(each) for each in page.disclosures],
            "before": None if page.before is None else page.before.hex(),
        },
    )


def _paging(page: Mapping[str, Any]) -> dict[str, Any]:
    if page["before"] is None:
        return {"limit": page["limit"], "before": END}
    try:
        before = bytes.fromhex(page["before"])
    except ValueError:
        before = b""
    if len(before) != _CURSOR_BYTES:
        raise OperationRefused("--before: repeat what the page before said.")
    return {"limit": page["limit"], "before": before}


def _person() -> Subject:
    typed = {name: said for name, text in _PERSON if (said := _ask(f"{text}, or nothing", optional=True).strip())}
    try:
        described = parse_subject(typed, this_year=now().year)
    except MalformedSubject as malformed:
        raise OperationRefused(
            "The person cannot be looked for:", [str(fault) for fault in malformed.faults]
        ) from malformed
    by_name = described.family_name or described.given_names
    if not typed.keys() & {"nhs_number", "upn", "nino", "pnc_id"} and not (by_name and described.birth_date):
        raise OperationRefused("Give an identifier, or a name with the date of birth.")
    return described


def _ask(text: str, *, optional: bool = False) -> str:
    unanswered = "No account was given: run it in a terminal."
    return prompted(text, unanswered=unanswered, default="" if optional else None, show_default=False)


def _agency(text: str) -> EntityId:
    try:
        return parse_entity_id(text)
    except TrustError as refused:
        raise OperationRefused(f"--from: {refused.detail}") from refused


def _json(each: Disclosure) -> dict[str, Any]:
    return {**asdict(each), "side": str(each.side), "at": each.at.isoformat()}


def _csv(disclosures: Sequence[Disclosure]) -> bytes:
    """Write them as RFC 4180 has it; a spreadsheet takes no cell for a formula."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(_COLUMNS)
    for each in disclosures:
        rows.writerow([_cell(value) for value in _json(each).values()])
    return written.getvalue().encode("utf-8")


def _cell(value: object) -> str:
    text = " ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _lines(each: Disclosure) -> list[str]:
    agency, services = each.agency or "no agency", f"{each.from_service or '?'} to {each.to_service or '?'}"
    asked = f"{agency} asked us" if each.side is Side.ASKED_OF_US else f"we asked {agency}"
    known = [each.agreement and f"agreement {each.agreement}", each.clause and f"clause {each.clause}", each.law]
    again = [each.repeats and f"given again {each.repeats} times", each.conflicts and f"{each.conflicts} conflicts"]
    return [
        f"{each.at:%Y-%m-%d %H:%M:%S} UTC: {asked} ({services}), as {each.role or '?'}, for {each.purpose or '?'}",
        f"  outcome: {each.outcome}{_listed(': ', each.reasons)}{_listed('; ', [str(text) for text in again if text])}",
        *([f"  why: {each.why}"] if each.why else []),
        f"  told: {_listed('', each.told) or 'nothing'}{_listed('; learned: ', each.learned)}",
        *([f"  on: {', '.join(str(text) for text in known if text)}"] if any(known) else []),
        f"  id: {each.id}",
    ]


def _listed(before: str, names: Sequence[str]) -> str:
    return before + ", ".join(names) if names else ""
