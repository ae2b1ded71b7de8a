"""Consents as an administrator sees them: list, show and preview, without the person.

Recording and withdrawing are acts of a worker, on the case API.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta

from config.settings import NodeSettings
from gateway.administration.context import now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.consents.service import Consents, HeldConsent, day_of
from gateway.store.tables import consents
from gateway.store.tables.consents import ConsentRow
from trust.consents.preview import Flow
from trust.consents.record import ConsentState

MAX_LISTED = 500
OpenConsents = Callable[[NodeSettings], AbstractContextManager[Consents]]


def list_consents(settings: NodeSettings, *, state: str | None, ends_within: int | None = None) -> UseCaseResult:
    """List consents, the oldest first; ``ends_within`` days leaves those in force that end by then."""
    with opened_store(settings) as store:
        rows = store.read(lambda tx: consents.list_all(tx, limit=MAX_LISTED))
    last = None if ends_within is None else day_of(now()) + timedelta(days=ends_within)
    matching = [row for row in rows if state in (None, row.state) and (last is None or _ends_by(row, last))]
    return UseCaseResult(
        lines=[_line(row) for row in matching] or ["There is no such consent."],
        data={"consents": [_to_json(row) for row in matching]},
    )


def show(settings: NodeSettings, consent: str, open_consents: OpenConsents) -> UseCaseResult:
    """Show one consent with its events, the services that rely on it, and its tasks."""
    with open_consents(settings) as cases:
        entry = _find(cases, consent)
    terms, tasks = entry.consent, entry.tasks
    lines = [
        _line(entry.row),
        f"  roles: {', '.join(sorted(terms.roles))}; purposes: {', '.join(sorted(terms.purposes))}",
        f"  given by: {terms.giver.relation}, under the law of {terms.jurisdiction}",
        *(f"  {each.at:%Y-%m-%d %H:%M} UTC  {each.state}, by {each.by}" for each in terms.events),
        *(f"  relied on by {each.service} for {each.purpose}" for each in entry.uses),
        *(f"  task {each.kind}: {each.outcome or f'due {each.due_at:%Y-%m-%d}'}" for each in tasks),
    ]
    data = {
        **_to_json(entry.row),
        "roles": sorted(terms.roles),
        "purposes": sorted(terms.purposes),
        "relied_on_by": sorted({each.service for each in entry.uses}),
        "tasks": [{"kind": each.kind, "outcome": each.outcome} for each in tasks],
    }
    return UseCaseResult(lines=lines, data=data)


def preview(settings: NodeSettings, consent: str, open_consents: OpenConsents) -> UseCaseResult:
    """Show what would stop and what would go on if a consent ended, and what is safe to read out."""
    with open_consents(settings) as cases:
        result = cases.preview(_find(cases, consent), now=now())
    return UseCaseResult(
        lines=[
            *(f"stops: {_flow(each)}" for each in result.stops),
            *(f"goes on: {_flow(each)}" for each in result.goes_on),
            "Safe to read out to the person:",
            *(f"  {text}" for text in result.read_out),
        ],
        data={
            "stops": [_flow(each) for each in result.stops],
            "goes_on": [_flow(each) for each in result.goes_on],
            "read_out": list(result.read_out),
        },
    )


def states() -> tuple[str, ...]:
    """Return the states of a consent."""
    return tuple(map(str, ConsentState))


def _find(cases: Consents, consent: str) -> HeldConsent:
    entry = cases.get(consent)
    if entry is None:
        raise OperationRefused("There is no such consent; `hearthgate consent list` shows those that are.")
    return entry


def _ends_by(row: ConsentRow, last: date) -> bool:
    return row.state == ConsentState.GRANTED and row.expires_on is not None and row.expires_on <= last


def _line(row: ConsentRow) -> str:
    until = "" if row.expires_on is None else f", until {row.expires_on}"
    return f"{row.id}  {row.state}  {row.service}  since {row.created_at:%Y-%m-%d}{until}"


def _to_json(row: ConsentRow) -> dict[str, object]:
    return {
        "id": row.id,
        "state": row.state,
        "service": row.service,
        "created_at": row.created_at.isoformat(),
        "expires_on": None if row.expires_on is None else row.expires_on.isoformat(),
        "ended_at": None if row.ended_at is None else row.ended_at.isoformat(),
    }


def _flow(flow: Flow) -> str:
    return f"{flow.asker} to {flow.holder} ({flow.clause.kind}, {flow.agreement} {flow.clause.id}): {flow.clause.law}"
