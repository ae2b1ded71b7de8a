"""Answer to ``eligibility.query``: yes, no or unknown, and a date."""

from datetime import date
from functools import partial

from adapters.contract import AdapterError, Deadline, EligibilitySource, SourceNonsense, SourceUnavailable
from adapters.matching.decide import Match
from gateway.exchange.answer import (
    RecordRestrictions,
    Search,
    ServiceAnswer,
    call_adapter,
    is_conditional,
    refuse_not_offered,
)
from gateway.exchange.services import HostedService
from trust.agreements.decision import MatchOutcome, Permit, PersonRestrictions, decide_release
from trust.exchange import eligibility
from trust.exchange.eligibility import Answer, EligibilityAnswer, EligibilityQuery
from trust.exchange.person import Subject


def answer(
    permit: Permit,
    service: HostedService,
    subject: Subject,
    *,
    restrictions_of: RecordRestrictions,
    deadline: Deadline,
) -> ServiceAnswer:
    """Answer a permitted query (:class:`gateway.exchange.kinds.Responder`)."""
    source, query = service.adapter.eligibility, permit.query
    if source is None or not isinstance(query, EligibilityQuery):
        return refuse_not_offered(permit, service)
    search = Search(
        permit=permit,
        service=service,
        source=source,
        subject=subject,
        restrictions_of=restrictions_of,
        deadline=deadline,
    )
    return search.answer(partial(_read, search, source, query))


def _read(
    search: Search,
    source: EligibilitySource,
    query: EligibilityQuery,
    match: Match,
    restrictions: PersonRestrictions,
) -> ServiceAnswer:
    permit = search.permit
    release = decide_release(permit, match=MatchOutcome(match.outcome), restrictions=restrictions)
    registered = EligibilityAnswer(answer=Answer.UNKNOWN, as_of=permit.answered_on)
    failure = None
    if release.discloses and match.ref is not None:
        try:
            ref = match.ref
            registered = call_adapter(lambda: _check(source.answer(ref, query, deadline=search.deadline)))
        except AdapterError as failed:
            disclosed = is_conditional(permit) or isinstance(failed, SourceUnavailable)
            refusal = search.disclosed_failure(failed) if disclosed else None
            if refusal is not None:
                return refusal
            failure = failed.detail
    return ServiceAnswer(
        body=eligibility.build_reply_body(registered),
        outcome="answered",
        reasons=release.reasons,
        fields=tuple(sorted(eligibility.FIELDS)),
        undisclosed=registered.answer is Answer.UNKNOWN,
        failure=failure,
    )


def _check(registered: EligibilityAnswer) -> EligibilityAnswer:
    """Refuse an answer that is not one of the three words and a day without a time."""
    if type(registered.answer) is not Answer or type(registered.as_of) is not date:
        raise SourceNonsense("The adapter answered with something else than yes, no or unknown and a day.")
    return registered
