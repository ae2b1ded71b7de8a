"""Answer to ``involvement.query``: who at this service works with the person."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from adapters.contract import AdapterError, Deadline, InvolvementSource, RecordUnreadable, SourceNonsense
from adapters.matching.decide import Match
from gateway.exchange.answer import RecordRestrictions, Search, ServiceAnswer, call_adapter, refuse_not_offered
from gateway.exchange.services import HostedService
from trust.agreements.decision import MatchOutcome, Permit, PersonRestrictions, ReleaseStatus, decide_release
from trust.agreements.location import neutralise_row, places_of
from trust.agreements.minimise import minimise
from trust.exchange import involvement
from trust.exchange.errors import MalformedBody
from trust.exchange.involvement import Involvement, InvolvementStatus, involvement_to_fields
from trust.exchange.person import Subject

_STATUSES: Final[Mapping[ReleaseStatus, InvolvementStatus]] = MappingProxyType(
    {
        ReleaseStatus.KNOWN: InvolvementStatus.KNOWN,
        ReleaseStatus.NOT_KNOWN: InvolvementStatus.NOT_KNOWN,
        ReleaseStatus.NOT_CURRENT: InvolvementStatus.NO_CURRENT_INVOLVEMENT,
        ReleaseStatus.REVIEW: InvolvementStatus.REVIEW,
        ReleaseStatus.NOTHING_TO_SHARE: InvolvementStatus.NOTHING_TO_SHARE,
    }
)


def answer(
    permit: Permit,
    service: HostedService,
    subject: Subject,
    *,
    restrictions_of: RecordRestrictions,
    deadline: Deadline,
) -> ServiceAnswer:
    """Answer a permitted query (:class:`gateway.exchange.kinds.Responder`)."""
    source = service.adapter.involvement
    if source is None:
        return refuse_not_offered(permit, service)
    search = Search(
        permit=permit,
        service=service,
        source=source,
        subject=subject,
        restrictions_of=restrictions_of,
        deadline=deadline,
    )
    return search.answer(partial(_read, search, source))


def _read(search: Search, source: InvolvementSource, match: Match, restrictions: PersonRestrictions) -> ServiceAnswer:
    permit, outcome = search.permit, MatchOutcome(match.outcome)
    rows: Sequence[Mapping[str, str]] = ()
    failure = None
    if match.ref is not None:
        try:
            ref = match.ref
            rows = call_adapter(lambda: _minimise(permit, source.involvements(ref, deadline=search.deadline)))
            outcome = MatchOutcome.UNIQUE if rows else MatchOutcome.NOT_CURRENT
        except RecordUnreadable as doubt:
            outcome, failure = MatchOutcome.REVIEW, doubt.detail
        except AdapterError as failed:
            refusal = search.disclosed_failure(failed)
            if refusal is not None:
                return refusal
            outcome, failure = MatchOutcome.NONE, failed.detail
    release = decide_release(permit, match=outcome, restrictions=restrictions)
    status, released = _STATUSES[release.status], rows if release.discloses else ()
    place, duty_phone = release.place, search.service.duty_phone
    names = {name for row in released for name in row}
    if place is not None and release.discloses:
        names -= places_of(released, involvement.KIND, place)
        released = [neutralise_row(row, involvement.KIND, place) for row in released]
        duty_phone = place.desk or duty_phone
    body = involvement.build_reply_body(status, terms=permit.terms, duty_phone=duty_phone, involvements=released)
    return ServiceAnswer(
        body=body,
        outcome=str(status),
        reasons=release.reasons,
        fields=tuple(sorted(names)),
        undisclosed=release.status is ReleaseStatus.NOTHING_TO_SHARE,
        failure=failure,
    )


def _minimise(permit: Permit, involvements: Sequence[Involvement]) -> list[dict[str, str]]:
    """Minimise what an adapter returned, and check the rest as a reply's reader does."""
    fields = ({str(name): text for name, text in involvement_to_fields(each).items()} for each in involvements)
    rows = [minimise(permit.fields, each).sent for each in fields][: involvement.MAX_INVOLVEMENTS]
    try:
        involvement.check_involvements(rows)
    except MalformedBody as malformed:
        raise SourceNonsense(f"The adapter returned what no reply may say: {malformed.detail}.") from malformed
    return rows
