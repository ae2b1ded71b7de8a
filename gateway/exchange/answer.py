"""What a hosted service answers once a request is permitted: find the person, decide again, cut, and word the reply.

Steps 5 to 7 of the inbound line, and what comes just before: is the description enough to look for anybody? Adapters
return all they hold; every cut is made here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar

from adapters.contract import (
    AdapterError,
    Candidate,
    Deadline,
    EligibilitySource,
    Finder,
    RecordUnreadable,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.matching.decide import Match, match
from adapters.matching.decide import MatchResult as Found
from gateway.exchange.services import HostedService
from gateway.exchange.source_probe import probe
from trust.agreements.clause import Existence
from trust.agreements.decision import Denial, MatchOutcome, Permit, PersonRestrictions, decide_release
from trust.agreements.minimise import minimise
from trust.exchange import eligibility, involvement
from trust.exchange.eligibility import Answer, EligibilityAnswer, EligibilityQuery
from trust.exchange.errors import MalformedBody, MalformedSubject, SubjectTooVague
from trust.exchange.involvement import Involvement, InvolvementStatus, involvement_to_fields
from trust.exchange.person import Subject, check_birth_date, enough_to_go_on
from trust.exchange.refusal import Refusal, build_refusal_body
from trust.strict_json import JsonObject

T = TypeVar("T")
NO_RESTRICTIONS = PersonRestrictions()
UNAVAILABLE_OUTCOME = "unavailable"
NO_RECORD = f"match:{MatchOutcome.NONE}"
"""The reason of an answer whose search found no record."""
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
    """The body to sign, and what the evidence and the metrics say of it. ``failure`` is safe to log.

    ``dropped`` names the members of the question that its version does not know. ``record`` is the record that was
    found, for this node's own account alone: nothing that leaves, and no budget, depends on it.
    """

    body: JsonObject
    outcome: str
    reasons: tuple[str, ...] = ()
    failure: str | None = None
    dropped: tuple[str, ...] = ()
    record: Candidate | None = field(default=None, repr=False)


def answer(permit: Permit, service: HostedService, subject: Subject, *, deadline: Deadline) -> Findings:
    """Answer a permitted query about ``subject`` from the service's own case system.

    Under a conditional clause a failure of the case system that concerns one record is answered like an absence and
    reported to this node's administrator alone; :mod:`gateway.exchange.source_probe` tells it from an outage. The
    search then has half of the time, and what follows it the rest.
    """
    query = permit.query
    adapter = service.adapter
    source: Finder | None = adapter.eligibility if isinstance(query, EligibilityQuery) else adapter.involvement
    if source is None:
        return _refused(NOT_OFFERED, failure=f"{service.ref}: no source is configured for {permit.clause.kind}")
    search = _Search(permit=permit, service=service, source=source, subject=subject, deadline=deadline)
    failure, record = None, None
    try:
        found, record = search.find()
    except RecordUnreadable as doubt:
        found, failure = Match(outcome=Found.REVIEW), doubt.detail
    except AdapterError as failed:
        told = search.told(failed)
        if told is not None:
            return told
        found, failure = Match(outcome=Found.NONE), failed.detail
    if isinstance(query, EligibilityQuery):
        findings = _eligibility(search, adapter.eligibility, found)
    else:
        findings = _involvement(search, found)
    return replace(findings, failure=failure or findings.failure, record=record)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """One permitted question to one source."""

    permit: Permit
    service: HostedService
    source: Finder
    subject: Subject
    deadline: Deadline

    def find(self) -> tuple[Match, Candidate | None]:
        """Search for the person and return the match, with the record that is theirs. Raises :class:`AdapterError`."""
        deadline = self.deadline
        if is_conditional(self.permit):
            deadline = Deadline.after(deadline.remaining_s() / 2)
        return _asked(lambda: self._matched(self.source.find(self.subject, deadline=deadline)))

    def _matched(self, candidates: Sequence[Candidate]) -> tuple[Match, Candidate | None]:
        found = match(self.subject, candidates, institutions=self.service.institutions)
        ref = found.ref or found.nearest
        return found, next((each for each in candidates if each.ref == ref), None)

    def told(self, failed: AdapterError) -> Findings | None:
        """Return the refusal that tells of a failure, or ``None`` where it may only look like an absence."""
        if not is_conditional(self.permit):
            return _source_failed(failed)
        outage = probe(self.source, self.subject, deadline=self.deadline)
        return None if outage is None else replace(_source_failed(outage), failure=failed.detail)


def too_vague(subject: Subject, *, today: date) -> Refusal | None:
    """Refuse a description that fits too many people, or an impossible birth date; before anyone is looked up."""
    try:
        check_birth_date(subject, today=today)
        enough_to_go_on(subject)
    except (MalformedSubject, SubjectTooVague) as refused:
        return Refusal(code=refused.code, reason=refused.detail, remedy="Describe the person again, more exactly.")
    return None


def tells_nothing(permit: Permit | Denial, findings: Findings) -> bool:
    """Say whether this is an answer under a conditional clause that may not tell, by its time, what was found."""
    if not isinstance(permit, Permit) or not is_conditional(permit):
        return False
    body = findings.body
    undisclosed = body.get("status") == InvolvementStatus.NOTHING_TO_SHARE or body.get("answer") == Answer.UNKNOWN
    return undisclosed or findings.outcome == UNAVAILABLE_OUTCOME


def released_fields(body: JsonObject) -> tuple[str, ...]:
    """Name what an answer releases beyond its status: fields of involvements, or a benefit's answer and its day."""
    rows = body.get("involvements", ())
    told = {name for row in rows for name in row} | (eligibility.FIELDS if "answer" in body else set())
    return tuple(sorted(told))


def is_conditional(permit: Permit | Denial) -> bool:
    """Say whether the clause lets existence be told only where a record may be disclosed."""
    return isinstance(permit, Permit) and permit.clause.existence is Existence.CONDITIONAL


def _involvement(search: _Search, found: Match) -> Findings:
    permit, service = search.permit, search.service
    source, outcome = service.adapter.involvement, MatchOutcome(found.outcome)
    cut: Sequence[Mapping[str, str]] = ()
    failure = None
    if source is not None and found.ref is not None:
        try:
            ref = found.ref
            cut = _asked(lambda: _cut(permit, source.involvements(ref, deadline=search.deadline)))
            outcome = MatchOutcome.UNIQUE if cut else MatchOutcome.NOT_CURRENT
        except RecordUnreadable as doubt:
            outcome, failure = MatchOutcome.REVIEW, doubt.detail
        except AdapterError as failed:
            told = search.told(failed)
            if told is not None:
                return told
            outcome, failure = MatchOutcome.NONE, failed.detail
    release = decide_release(permit, match=outcome, restrictions=NO_RESTRICTIONS)
    body = involvement.build_reply_body(
        release.status, terms=permit.terms, duty_phone=service.duty_phone, involvements=cut if release.discloses else ()
    )
    return Findings(body=body, outcome=str(release.status), reasons=release.reasons, failure=failure)


def _cut(permit: Permit, held: Sequence[Involvement]) -> list[dict[str, str]]:
    """Cut what an adapter returned, and hold what is left to what a reply may say: an adapter may be anyone's code."""
    fields = ({str(name): text for name, text in involvement_to_fields(each).items()} for each in held)
    cut = [minimise(permit, each).sent for each in fields][: involvement.MAX_INVOLVEMENTS]
    try:
        involvement.check_involvements(cut)
    except MalformedBody as malformed:
        raise SourceNonsense(f"The adapter returned what no reply may say: {malformed.detail}.") from malformed
    return cut


def _eligibility(search: _Search, source: EligibilitySource | None, found: Match) -> Findings:
    permit, query = search.permit, search.permit.query
    release = decide_release(permit, match=MatchOutcome(found.outcome), restrictions=NO_RESTRICTIONS)
    answered = EligibilityAnswer(answer=Answer.UNKNOWN, as_of=permit.answered_on)
    failure = None
    if release.discloses and source is not None and found.ref is not None and isinstance(query, EligibilityQuery):
        try:
            ref = found.ref
            answered = _asked(lambda: _a_word_and_a_day(source.answer(ref, query, deadline=search.deadline)))
        except AdapterError as failed:
            told = search.told(failed) if is_conditional(permit) or isinstance(failed, SourceUnavailable) else None
            if told is not None:
                return told
            failure = failed.detail
    return Findings(
        body=eligibility.build_reply_body(answered), outcome="answered", reasons=release.reasons, failure=failure
    )


def _a_word_and_a_day(said: EligibilityAnswer) -> EligibilityAnswer:
    """Hold a registry's answer to the three words and a day without a time, whatever its adapter put there."""
    if type(said.answer) is not Answer or type(said.as_of) is not date:
        raise SourceNonsense("The adapter answered with something else than yes, no or unknown and a day.")
    return said


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
    return Findings(
        body=build_refusal_body(refusal), outcome=UNAVAILABLE_OUTCOME, reasons=(refusal.code,), failure=failure
    )
