"""Consents as their client sees them, and the preview of an ending.

A consent's view has no description of the person: the case system knows whose it is by its own reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from gateway.consents.service import Consents, HeldConsent
from gateway.exchange.case_question import EMERGENCY
from gateway.store.tables.consents import ConsentRow
from trust.consents.preview import Flow, Preview
from trust.consents.record import RecordContext, RecordParty, record_to_json
from trust.identifiers import parse_service_ref


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentLine:
    """One consent in a list."""

    id: str
    state: str
    service: str
    created_at: datetime
    expires_on: date | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPage:
    """Consents, newest first; ``next`` continues the list as the parameter ``after``."""

    items: tuple[ConsentLine, ...]
    next: str | None = None
    emergency: str = EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentStep:
    """One event of a consent. ``by`` is the relation of the one who decided, or ``expiry``."""

    at: datetime
    state: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTaskView:
    """A task of a named worker. ``about`` is the service that is to be told."""

    kind: str
    worker: str
    due_at: datetime
    done_at: datetime | None = None
    outcome: str | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """One consent. ``record`` is its record in the form of ISO/IEC TS 27560:2023."""

    id: str
    state: str
    roles: tuple[str, ...]
    purposes: tuple[str, ...]
    jurisdiction: str
    given_by: str
    given_on: date
    form: str
    evidence: str
    service: str
    case_ref: str
    created_at: datetime
    events: tuple[ConsentStep, ...]
    relied_on_by: tuple[str, ...]
    tasks: tuple[ConsentTaskView, ...]
    record: Mapping[str, Any]
    recipients: tuple[str, ...] | None = None
    expires_on: date | None = None
    ended_at: datetime | None = None
    emergency: str = EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLine:
    """One flow between two services; ``reason`` says why it stops or goes on."""

    asker: str
    holder: str
    kind: str
    purpose: str
    agreement: str
    clause: str
    law: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPreview:
    """What would stop and what would go on. ``stops`` and ``goes_on`` are for the worker alone.

    ``read_out`` are the only sentences to read out to the person, or to hand over.
    """

    stops: tuple[FlowLine, ...]
    goes_on: tuple[FlowLine, ...]
    read_out: tuple[str, ...]
    emergency: str = EMERGENCY


def show_line(row: ConsentRow) -> ConsentLine:
    """Return a consent as a list shows it."""
    return ConsentLine(
        id=row.id,
        state=row.state,
        service=row.service,
        created_at=row.created_at,
        expires_on=row.expires_on,
        ended_at=row.ended_at,
    )


def show_view(entry: HeldConsent, consents: Consents, *, now: datetime) -> ConsentView:
    """Return a consent whole."""
    consent, row = entry.consent, entry.row
    return ConsentView(
        id=row.id,
        state=row.state,
        roles=tuple(sorted(consent.roles)),
        purposes=tuple(sorted(consent.purposes)),
        jurisdiction=consent.jurisdiction,
        given_by=consent.giver.relation,
        given_on=consent.given_on,
        form=consent.form,
        evidence=consent.evidence,
        service=row.service,
        case_ref=entry.stored.case_ref,
        created_at=row.created_at,
        events=tuple(ConsentStep(at=each.at, state=each.state, by=each.by) for each in consent.events),
        relied_on_by=tuple(dict.fromkeys(use.service for use in entry.uses)),
        tasks=tuple(_tasks(entry, consents)),
        record=_record(entry, consents, now),
        recipients=tuple(sorted(consent.recipients)) or None,
        expires_on=consent.expires_on,
        ended_at=row.ended_at,
    )


def show_preview(preview: Preview) -> ConsentPreview:
    """Return a preview for the worker."""
    return ConsentPreview(
        stops=tuple(_flow(each, "It rests on this consent.") for each in preview.stops),
        goes_on=tuple(_flow(each, "It rests on no consent.") for each in preview.goes_on),
        read_out=preview.read_out,
    )


def _flow(flow: Flow, reason: str) -> FlowLine:
    return FlowLine(
        asker=str(flow.asker),
        holder=str(flow.holder),
        kind=flow.clause.kind,
        purpose=flow.clause.purpose,
        agreement=flow.agreement,
        clause=flow.clause.id,
        law=flow.clause.law,
        reason=reason,
    )


def _tasks(entry: HeldConsent, consents: Consents) -> list[ConsentTaskView]:
    views = []
    for task in entry.tasks:
        content = consents.seal.open_json(entry.row.id, f"task {task.id}", task.sealed)
        views.append(
            ConsentTaskView(
                kind=task.kind,
                worker=content["worker"]["name"],
                due_at=task.due_at,
                done_at=task.done_at,
                outcome=task.outcome,
                about=content["about"] or None,
            )
        )
    return views


def _record(entry: HeldConsent, consents: Consents, now: datetime) -> Mapping[str, Any]:
    consent, clauses, names, days = entry.consent, [], {consents.own: str(consents.own)}, 0
    for standing in consents.agreements.in_force(now=now):
        names |= {party.entity: party.name for party in standing.agreement.parties}
        clauses += [each for each in standing.agreement.clauses if each.purpose in consent.purposes]
    resting = [each for each in clauses if each.consent_roles & consent.roles] or clauses
    services = consent.recipients or frozenset(str(holder) for each in resting for holder in each.holders)
    partners = dict.fromkeys(parse_service_ref(each).entity for each in sorted(services))
    days = max((each.keep_days for each in resting), default=days)
    context = RecordContext(
        controller=RecordParty(entity=consents.own, name=names[consents.own], contact=entry.row.service),
        recipients=tuple(
            RecordParty(entity=entity, name=names.get(entity, entity), contact=entity)
            for entity in partners
            if entity != consents.own
        ),
        fields=tuple(sorted({name for each in resting for names_ in each.fields_by_role.values() for name in names_})),
        retention=f"at most {days} days at a recipient; the record itself as this agency's own retention schedule says",
        withdrawal="Tell any worker of the service; it needs no form and no reason.",
    )
    principal = consents.seal.digest("principal", entry.row.id)
    return record_to_json(consent, context, principal_id=principal)
