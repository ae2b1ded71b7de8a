"""One service's line of a lookup: made from an outcome, kept as sealed JSON, shown as the case API's answer."""

from datetime import date

from gateway.callers import LookupAnswer
from gateway.exchange.fan_out import Asked, agreement_name, service_name
from gateway.exchange.outbound import Outcome, Status
from trust.exchange.involvement import InvolvementReply, InvolvementStatus
from trust.strict_json import JsonObject

UNANSWERED = "No answer came."


def template(asked: Asked) -> JsonObject:
    """Return the line of a service that has said nothing: ``no_reply``, never ``not_known`` (scenario S1)."""
    choice = asked.choice
    return {
        "service": str(choice.holder),
        "service_name": choice.holder.service,
        "organisation": asked.organisation,
        "status": str(InvolvementStatus.NO_REPLY),
        "agreement": agreement_name(choice),
        "clause": choice.clause.id,
        "law": choice.clause.law,
        "reason": UNANSWERED,
    }


def line(asked: Asked, outcome: Outcome) -> JsonObject:
    """Return the line that an outcome makes."""
    found = {
        **template(asked),
        "service_name": service_name(asked.choice.holder, outcome),
        "duty_phone": outcome.entry.duty_phone if outcome.entry else None,
        "reason": outcome.reason,
    }
    reading = outcome.reading
    if isinstance(reading, InvolvementReply):
        return {
            **found,
            "status": str(reading.status),
            "involvements": [dict(each) for each in reading.involvements],
            "as_of": reading.as_of.isoformat(),
            "keep_until": reading.keep_until.isoformat(),
            "onward": reading.onward,
            "note": reading.note,
            "settle": list(outcome.settle),
        }
    refused = outcome.status is Status.REFUSED
    return {**found, "status": str(InvolvementStatus.REFUSED if refused else InvolvementStatus.NO_REPLY)}


def answer(kept: JsonObject) -> LookupAnswer:
    """Return a kept line as the case API shows it."""
    return LookupAnswer(
        service=kept["service"],
        service_name=kept["service_name"],
        organisation=kept["organisation"],
        status=InvolvementStatus(kept["status"]),
        involvements=tuple(kept.get("involvements", ())),
        agreement=kept["agreement"],
        clause=kept["clause"],
        law=kept["law"],
        as_of=_day(kept.get("as_of")),
        keep_until=_day(kept.get("keep_until")),
        onward=kept.get("onward"),
        note=kept.get("note"),
        settle=tuple(kept.get("settle", ())),
        reason=kept.get("reason"),
        duty_phone=kept.get("duty_phone"),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
