"""Lookups as the case API shows them, and one service's answer as sealed JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from gateway.exchange.case_question import EMERGENCY, LeftOut
from gateway.exchange.fan_out import Target, agreement_name, service_name, summary
from gateway.exchange.outbound import QueryOutcome, QueryStatus
from trust.exchange.involvement import InvolvementReply, InvolvementStatus
from trust.strict_json import JsonObject

UNANSWERED = "No answer came."
_UNANSWERED = frozenset({InvolvementStatus.NO_REPLY, InvolvementStatus.REFUSED})


class LookupState(StrEnum):
    """Whether every service that was asked has its line yet."""

    RUNNING = "running"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupAnswer:
    """One service's line. ``service`` is ``entity#slug``; what is not known is left out or empty.

    ``involvements`` hold the fields that the clause permits, of organisation, service_type, plan, role, worker, phone,
    duty_phone, since and last_contact_month. ``reason`` says why there is no
    answer, ``note`` what the service tells the practitioner. ``settle`` names, where the status is ``review``, the
    members of the subject that you left out and may send it: with one of them, ask again.
    """

    service: str
    service_name: str
    organisation: str
    status: InvolvementStatus
    involvements: tuple[Mapping[str, str], ...] = ()
    agreement: str | None = None
    clause: str | None = None
    law: str | None = None
    as_of: date | None = None
    keep_until: date | None = None
    onward: str | None = None
    note: str | None = None
    settle: tuple[str, ...] = ()
    reason: str | None = None
    duty_phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAskedService:
    """A service that the agreements expect and that was not asked; ``code`` and ``reason`` say why."""

    service: str
    organisation: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupNotes:
    """What a lookup left out: members of the description, and expected services."""

    left_out: tuple[LeftOut, ...] = ()
    not_asked: tuple[NotAskedService, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupView:
    """A lookup as it stands: ``answered`` of ``asked`` services have answered; one that refused has not.

    ``not_asked`` lists the services that the agreements' own list of expected parties has and that were not asked.

    ``keep_until`` is when the node itself forgets the answers.
    """

    id: str
    state: LookupState
    asked: int
    answered: int
    summary: str
    answers: tuple[LookupAnswer, ...]
    keep_until: datetime
    left_out: tuple[LeftOut, ...] = ()
    not_asked: tuple[NotAskedService, ...] = ()
    emergency: str = EMERGENCY


def unanswered(target: Target) -> JsonObject:
    """Return the result of a service that has said nothing: ``no_reply``, never ``not_known`` (scenario S1)."""
    selected = target.selected
    return {
        "service": str(selected.holder),
        "service_name": selected.holder.service,
        "organisation": target.organisation,
        "status": str(InvolvementStatus.NO_REPLY),
        "agreement": agreement_name(selected),
        "clause": selected.clause.id,
        "law": selected.clause.law,
        "reason": UNANSWERED,
    }


def result_of(target: Target, outcome: QueryOutcome) -> JsonObject:
    """Return the result that an outcome makes."""
    result = {
        **unanswered(target),
        "service_name": service_name(target.selected.holder, outcome),
        "duty_phone": outcome.entry.duty_phone if outcome.entry else None,
        "reason": outcome.reason,
    }
    reading = outcome.reading
    if isinstance(reading, InvolvementReply):
        return {
            **result,
            "status": str(reading.status),
            "involvements": [dict(each) for each in reading.involvements],
            "as_of": reading.as_of.isoformat(),
            "keep_until": reading.keep_until.isoformat(),
            "onward": reading.onward,
            "note": reading.note,
            "settle": list(outcome.settle),
        }
    is_refusal = outcome.status is QueryStatus.REFUSED
    return {**result, "status": str(InvolvementStatus.REFUSED if is_refusal else InvolvementStatus.NO_REPLY)}


def lookup_view(
    lookup_id: str,
    results: Mapping[str, JsonObject],
    targets: Sequence[JsonObject],
    *,
    ended: bool,
    keep_until: datetime,
    notes: LookupNotes,
) -> LookupView:
    """Return a lookup of ``targets``, each as :func:`unanswered`, with the results so far, by service."""
    complete = ended or len(results) == len(targets)
    ordered_results = [results.get(each["service"]) or (each if complete else None) for each in targets]
    answers = tuple(_answer(each) for each in ordered_results if each is not None)
    count = sum(each.status not in _UNANSWERED for each in answers)
    return LookupView(
        id=lookup_id,
        state=LookupState.COMPLETE if complete else LookupState.RUNNING,
        asked=len(targets),
        answered=count,
        summary=summary(count, len(targets)) + _missing(notes.not_asked),
        answers=answers,
        keep_until=keep_until,
        left_out=notes.left_out,
        not_asked=notes.not_asked,
    )


def _missing(not_asked: tuple[NotAskedService, ...]) -> str:
    return f"; {len(not_asked)} that were expected were not asked" if not_asked else ""


def _answer(result: JsonObject) -> LookupAnswer:
    return LookupAnswer(
        service=result["service"],
        service_name=result["service_name"],
        organisation=result["organisation"],
        status=InvolvementStatus(result["status"]),
        involvements=tuple(result.get("involvements", ())),
        agreement=result["agreement"],
        clause=result["clause"],
        law=result["law"],
        as_of=_day(result.get("as_of")),
        keep_until=_day(result.get("keep_until")),
        onward=result.get("onward"),
        note=result.get("note"),
        settle=tuple(result.get("settle", ())),
        reason=result.get("reason"),
        duty_phone=result.get("duty_phone"),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
