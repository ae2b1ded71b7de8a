"""The account of disclosures: of a person, of one request, or under an agreement."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from config.settings import NodeSettings
from gateway.accountability.disclosures import END, MAX_PAGE, Disclosure, DisclosurePage, Disclosures, ExchangeSide
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.errors import OperationRefused, refuse_line
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.runtime.spreadsheet import write_csv
from trust.errors import TrustError
from trust.exchange.person import Subject
from trust.identifiers import EntityId, parse_entity_id

_MAX_REASON = 500
_CURSOR_BYTES = 16
_KEYS = {"disclosed": "told"}
"""Fields of a disclosure whose key in the output differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How many disclosures to show, from where the page ``before`` ended, and the CSV file to write them to."""

    limit: int = MAX_PAGE
    before: str | None = None
    csv_file: Path | None = None


def check_reason(reason: str) -> None:
    """Raise :class:`OperationRefused` for a reason that the journal does not take."""
    refuse_line("--reason", reason, limit=_MAX_REASON)


def about_person(settings: NodeSettings, person: Subject, listing: Listing, *, reason: str) -> UseCaseResult:
    """Show what this node disclosed about a person, and what it asked; the journal keeps the reason, not the person.

    Raises :class:`OperationRefused` for a person that is described by neither an identifier nor a name and birth date.
    """
    check_reason(reason)
    identifiers = (person.nhs_number, person.upn, person.nino, person.pnc_id)
    if not any(identifiers) and not ((person.family_name or person.given_names) and person.birth_date):
        raise OperationRefused("Give an identifier, or a name with the date of birth.")
    record(settings, "account person", reason=reason)
    return _show(settings, lambda it: it.about_person(person, limit=listing.limit, before=_cursor(listing)), listing)


def about_request(settings: NodeSettings, request_id: str, listing: Listing, *, sender: str | None) -> UseCaseResult:
    """Show what became of one request, named by its id here or by the one that ``sender`` gave it."""
    try:
        agency = None if sender is None else parse_entity_id(sender)
    except TrustError as refused:
        raise OperationRefused(f"--from: {refused.detail}") from refused
    return _show(settings, lambda it: it.about_request(request_id, sender=agency), listing)


def under_agreement(settings: NodeSettings, agreement: str, listing: Listing, *, days: int) -> UseCaseResult:
    """Show what was asked and disclosed under an agreement, as an id or as ``id/version``, in the last days."""
    name, _, version = agreement.partition("/")
    if version and not version.isdecimal():
        raise OperationRefused("Write the agreement as its id, or as its id, a slash and a version.")
    since, number = now() - timedelta(days=days), int(version) if version else None
    before = _cursor(listing)
    return _show(
        settings, lambda it: it.under_agreement(name, number, since=since, limit=listing.limit, before=before), listing
    )


def _show(settings: NodeSettings, read: Callable[[Disclosures], DisclosurePage], listing: Listing) -> UseCaseResult:
    key = node_vault(settings).evidence_hmac_key()
    with opened_store(settings) as store:
        page = read(Disclosures(own=EntityId(settings.node.entity_id), store=store, key=key))
    if listing.csv_file is not None:
        write_new(listing.csv_file, _csv(page.disclosures), "The account", mode=0o600)
    more = [] if page.before is None else [f"More follow: run it again with --before {page.before.hex()}"]
    lines = [line for each in page.disclosures for line in _lines(each)]
    return UseCaseResult(
        lines=[*(lines or ["No disclosure is on record."]), *more],
        data={
            "disclosures": [_json(each) for each in page.disclosures],
            "before": None if page.before is None else page.before.hex(),
        },
    )


def _cursor(listing: Listing) -> bytes:
    if listing.before is None:
        return END
    try:
        before = bytes.fromhex(listing.before)
    except ValueError:
        before = b""
    if len(before) != _CURSOR_BYTES:
        raise OperationRefused("--before: repeat what the page before said.")
    return before


def _json(each: Disclosure) -> dict[str, Any]:
    values = {**asdict(each), "side": str(each.side), "at": each.at.isoformat()}
    return {_KEYS.get(name, name): value for name, value in values.items()}


def _csv(disclosures: Sequence[Disclosure]) -> bytes:
    header = [_KEYS.get(each.name, each.name) for each in fields(Disclosure)]
    return write_csv([header, *([_cell(value) for value in _json(each).values()] for each in disclosures)])


def _cell(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)


def _lines(each: Disclosure) -> list[str]:
    agency, services = each.agency or "no agency", f"{each.from_service or '?'} to {each.to_service or '?'}"
    asked = f"{agency} asked us" if each.side is ExchangeSide.ASKED_OF_US else f"we asked {agency}"
    footing = [each.agreement and f"agreement {each.agreement}", each.clause and f"clause {each.clause}", each.law]
    footing += [f"ground {each.ground}, without an agreement"] if each.ground else []
    again = [each.repeats and f"given again {each.repeats} times", each.conflicts and f"{each.conflicts} conflicts"]
    return [
        f"{each.at:%Y-%m-%d %H:%M:%S} UTC: {asked} ({services}), as {each.role or '?'}, for {each.purpose or '?'}",
        f"  outcome: {each.outcome}{_listed(': ', each.reasons)}{_listed('; ', [str(text) for text in again if text])}",
        *([f"  why: {each.why}"] if each.why else []),
        f"  told: {_listed('', each.told) or 'nothing'}{_listed('; learned: ', each.learned)}",
        *([f"  on: {', '.join(str(text) for text in footing if text)}"] if any(footing) else []),
        f"  id: {each.id}",
    ]


def _listed(before: str, names: Sequence[str]) -> str:
    return before + ", ".join(names) if names else ""
