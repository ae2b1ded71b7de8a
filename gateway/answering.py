"""What a hosted service answers once a request is permitted: find the person, decide again, cut, and word the reply.

Steps 5 to 7 of the inbound line. Adapters return all they hold; every cut is made here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from adapters.contract import AdapterError, Deadline, EligibilitySource, Finder, SourceNonsense, SourceUnavailable
from adapters.matching.decide import Match, match
from gateway.desk import HostedService
from trust.agreements.clause import Existence
from trust.agreements.decision import MatchOutcome, Permit, PersonRestrictions, Release, decide_release
from trust.agreements.minimise import minimise
from trust.exchange import eligibility, involvement
from trust.exchange.eligibility import Answer, EligibilityAnswer, EligibilityQuery
from trust.exchange.involvement import Involvement, InvolvementStatus, involvement_to_fields
from trust.exchange.person import Subject
from trust.exchange.refusal import Refusal, build_refusal_body
from trust.strict_json import JsonObject

T = TypeVar("T")
NO_RESTRICTIONS = PersonRestrictions()
UNAVAILABLE = Refusal(
    code="source_unavailable",
    reason="The service's own case system did not answer in time.",
    remedy="Ask again later, or ring the service's duty line.",
)
UNREADABLE = Refusal(
    code="source_unreadable",
    reason="The service's own case system gave an answer that could not be read.",
    remedy="Ring the service's duty line; its administrator has been told.",
)
NOT_OFFERED = Refusal(
    code="not_offered",
    reason="The service has no source that answers this kind of question.",
    remedy="Ring the service's duty line, and ask the agreement's administrators to correct the clause.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The body to sign, and what the evidence and the metrics say of it. ``failure`` is safe to log."""

    body: JsonObject
    outcome: str
    reasons: tuple[str, ...] = ()
    failure: str | None = None


def answer(permit: Permit, service: HostedService, subject: Subject, *, deadline: Deadline) -> Findings:
    """Answer a permitted query about ``subject`` from the service's own case system.

    A case system that fails before anyone was looked for is said plainly: that depends on no person. One that fails
    once a person was found would reveal, under a conditional clause, that there is a record; it is answered like an
    absence there, and reported to this node's administrator alone.
    """
    query = permit.query
    adapter = service.adapter
    source: Finder | None = adapter.eligibility if isinstance(query, EligibilityQuery) else adapter.involvement
    if source is None:
        return _refused(NOT_OFFERED, failure=f"{service.ref}: no source is configured for {permit.clause.kind}")
    try:
        found = match(subject, _asked(lambda: source.find(subject, deadline=deadline)))
    except AdapterError as failed:
        return _source_failed(failed)
    if isinstance(query, EligibilityQuery):
        return _eligibility(permit, service.adapter.eligibility, found, deadline=deadline)
    return _involvement(permit, service, found, deadline=deadline)


def _involvement(permit: Permit, service: HostedService, found: Match, *, deadline: Deadline) -> Findings:
    source, outcome = service.adapter.involvement, MatchOutcome(found.outcome)
    held: Sequence[Involvement] = ()
    failure = None
    if source is not None and found.ref is not None:
        try:
            ref = found.ref
            held = _asked(lambda: source.involvements(ref, deadline=deadline))
        except AdapterError as failed:
            if permit.clause.existence is not Existence.CONDITIONAL:
                return _source_failed(failed)
            failure = failed.detail
        if not held:
            outcome = MatchOutcome.NONE
    release = decide_release(permit, match=outcome, restrictions=NO_RESTRICTIONS)
    body = involvement.build_reply_body(
        release.status, terms=permit.terms, duty_phone=service.duty_phone, involvements=_cut(permit, release, held)
    )
    return Findings(body=body, outcome=str(release.status), reasons=release.reasons, failure=failure)


def _cut(permit: Permit, release: Release, held: Sequence[Involvement]) -> list[dict[str, str]]:
    if release.status is not InvolvementStatus.KNOWN:
        return []
    fields = ({str(name): text for name, text in involvement_to_fields(each).items()} for each in held)
    return [minimise(permit, each).sent for each in fields][: involvement.MAX_INVOLVEMENTS]


def _eligibility(permit: Permit, source: EligibilitySource | None, found: Match, *, deadline: Deadline) -> Findings:
    query = permit.query
    release = decide_release(permit, match=MatchOutcome(found.outcome), restrictions=NO_RESTRICTIONS)
    answered = EligibilityAnswer(answer=Answer.UNKNOWN, as_of=permit.answered_on)
    failure = None
    if release.discloses and source is not None and found.ref is not None and isinstance(query, EligibilityQuery):
        try:
            ref = found.ref
            answered = _asked(lambda: source.answer(ref, query, deadline=deadline))
        except AdapterError as failed:
            failure = failed.detail
    return Findings(
        body=eligibility.build_reply_body(answered), outcome="answered", reasons=release.reasons, failure=failure
    )


def _asked(question: Callable[[], T]) -> T:
    """Ask an adapter; whatever it raises against its contract is nonsense of this source.

    Adapters may be anyone's code. A crash would fail every line of a lookup inside this agency and, under a conditional
    clause, tell a peer that a record had been found.
    """
    try:
        return question()
    except AdapterError:
        raise
    except Exception as fault:
        raise SourceNonsense(f"The adapter failed with {type(fault).__name__}.") from fault


def _source_failed(failed: AdapterError) -> Findings:
    refusal = UNAVAILABLE if isinstance(failed, SourceUnavailable) else UNREADABLE
    return _refused(refusal, failure=failed.detail)


def _refused(refusal: Refusal, *, failure: str) -> Findings:
    return Findings(body=build_refusal_body(refusal), outcome="unavailable", reasons=(refusal.code,), failure=failure)
