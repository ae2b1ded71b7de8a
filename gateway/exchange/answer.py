"""Search for the person behind a permitted query, and the answer of a service to it.

Each kind's responder words the answer; what no kind may do otherwise is here:

1. whether the description is enough to search by;
2. the search, the match, and a failure of the case system, which under a conditional clause tells of no record;
3. what restricts the person's record: one read beside the release decision asks every source in order, also where no
   record was found. The transaction that records the answer reads again; an answer decided on others is dropped
   (:class:`RestrictionsChanged`), and the person is searched for again (assertion A45);
4. an exception that an adapter raises against its contract counts as nonsense of its source.

Adapters return all they hold; the gateway minimises.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol, TypeVar

from adapters.contract import (
    AdapterError,
    Candidate,
    Deadline,
    Finder,
    RecordUnreadable,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.matching import decide as matching
from adapters.matching.decide import Match
from gateway.accountability.subject_buckets import person_keys, record_key
from gateway.exchange.services import HostedService
from gateway.exchange.source_probe import probe
from gateway.ports import Transaction
from trust.agreements.clause import Clause, Existence
from trust.agreements.decision import Denial, MatchOutcome, Permit, PersonRestrictions
from trust.exchange.errors import MalformedSubject, SubjectTooVague
from trust.exchange.message import Message
from trust.exchange.person import Subject, check_birth_date, enough_to_go_on, for_holder
from trust.exchange.refusal import Refusal, build_refusal_body
from trust.strict_json import JsonObject

UNRESTRICTED = PersonRestrictions()
T = TypeVar("T")
RecordRestrictions = Callable[[Candidate | None], PersonRestrictions]
"""Read what restricts a record that was found; none was found where there is no candidate."""
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


class RestrictionsChanged(Exception):
    """The person's restrictions changed between the release decision and its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonInSight:
    """The person of one question, and the record that was found, if any.

    ``keys`` are the keyed digests of what question and record say of the person; ``record_key`` is the record's own.
    """

    service: HostedService
    record: Candidate | None
    message: Message
    keys: tuple[str, ...]
    record_key: str | None
    now: datetime


class RestrictionSource(Protocol):
    """One reason to restrict. It returns the restrictions so far, with its own added; it never lifts one.

    ``person.keys`` can be shared by two people of one family name and birthday: compare the persons before a stranger
    is restricted.
    """

    def __call__(
        self, tx: Transaction, person: PersonInSight, restrictions: PersonRestrictions, /
    ) -> PersonRestrictions:
        """Return what restricts the release to this person's question."""
        ...


class ReleaseNote(Protocol):
    """Something to store with an answer, in the transaction that records it."""

    def __call__(self, tx: Transaction, person: PersonInSight, reasons: Sequence[str], /) -> None:
        """Store it; ``reasons`` are those of the release (:class:`trust.agreements.decision.Release`)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAnswer:
    """The body to sign, and what the evidence and the metrics say of it. ``failure`` is safe to log.

    ``fields`` names what the body releases of a record. ``undisclosed`` says that the answer is the one that a
    conditional clause gives for every absence and doubt. ``dropped`` names the members of the question that its version
    does not know. ``record`` is the record that was found, for this node's own account alone: nothing that leaves, and
    no budget, depends on it. ``restrictions`` are those that the release was decided on.
    """

    body: JsonObject
    outcome: str
    reasons: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    undisclosed: bool = False
    failure: str | None = None
    dropped: tuple[str, ...] = ()
    record: Candidate | None = field(default=None, repr=False)
    restrictions: PersonRestrictions | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionsOf:
    """Read a person's restrictions from every source, in order. ``notes`` are stored with the answer."""

    hmac_key: Callable[[], bytes]
    sources: tuple[RestrictionSource, ...] = ()
    notes: tuple[ReleaseNote, ...] = ()

    def __call__(
        self, tx: Transaction, service: HostedService, record: Candidate | None, message: Message, now: datetime
    ) -> PersonRestrictions:
        """Return what restricts the release of this record to this question."""
        person, restrictions = self._in_sight(service, record, message, now), UNRESTRICTED
        for source in self.sources:
            restrictions = source(tx, person, restrictions)
        return restrictions

    def confirm(
        self, tx: Transaction, service: HostedService, answer: "ServiceAnswer", message: Message, now: datetime
    ) -> None:
        """Read again what an answer was decided on, and store what follows from it.

        Raises :class:`RestrictionsChanged` where others bind it now.
        """
        if self(tx, service, answer.record, message, now) != answer.restrictions:
            raise RestrictionsChanged
        for note in self.notes:
            note(tx, self._in_sight(service, answer.record, message, now), answer.reasons)

    def _in_sight(
        self, service: HostedService, record: Candidate | None, message: Message, now: datetime
    ) -> PersonInSight:
        key = self.hmac_key()
        keys = person_keys(key, message.subject)
        if record is not None:
            keys = tuple(dict.fromkeys((*keys, *person_keys(key, record.person))))
        return PersonInSight(
            service=service,
            record=record,
            message=message,
            keys=keys,
            record_key=None if record is None else record_key(key, service.ref, record.ref),
            now=now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One permitted query to one source. ``restrictions_of`` reads what restricts a record, or the search for one."""

    permit: Permit
    service: HostedService
    source: Finder
    subject: Subject
    restrictions_of: RecordRestrictions
    deadline: Deadline

    def answer(self, read: Callable[[Match, PersonRestrictions], ServiceAnswer]) -> ServiceAnswer:
        """Search for the person and return what ``read`` answers for the match.

        Under a conditional clause a failure of the case system that concerns one record is answered like an absence and
        reported to this node's administrator alone; :mod:`gateway.exchange.source_probe` tells it from an outage. The
        search then has half of the time, and ``read`` the rest.
        """
        failure, record = None, None
        try:
            match, record = self._find()
        except RecordUnreadable as doubt:
            match, failure = Match(outcome=matching.MatchResult.REVIEW), doubt.detail
        except AdapterError as failed:
            refusal = self.disclosed_failure(failed)
            if refusal is not None:
                return refusal
            match, failure = Match(outcome=matching.MatchResult.NONE), failed.detail
        restrictions = self.restrictions_of(record)
        answer = read(match, restrictions)
        return replace(answer, failure=failure or answer.failure, record=record, restrictions=restrictions)

    def disclosed_failure(self, failed: AdapterError) -> ServiceAnswer | None:
        """Return the refusal that tells of a failure, or ``None`` where it may only look like an absence."""
        if not is_conditional(self.permit):
            return _source_failed(failed)
        outage = probe(self.source, self.subject, deadline=self.deadline)
        return None if outage is None else replace(_source_failed(outage), failure=failed.detail)

    def _find(self) -> tuple[Match, Candidate | None]:
        deadline = self.deadline
        if is_conditional(self.permit):
            deadline = Deadline.after(deadline.remaining_s() / 2)
        return call_adapter(lambda: self._match(self.source.find(self.subject, deadline=deadline)))

    def _match(self, candidates: Sequence[Candidate]) -> tuple[Match, Candidate | None]:
        match = matching.match(self.subject, candidates, institutions=self.service.institutions)
        ref = match.ref or match.nearest
        return match, next((each for each in candidates if each.ref == ref), None)


def check_subject(subject: Subject, *, today: date) -> Refusal | None:
    """Refuse a description that fits too many people, or an impossible birth date; before the search."""
    try:
        check_birth_date(subject, today=today)
        enough_to_go_on(subject)
    except (MalformedSubject, SubjectTooVague) as error:
        return Refusal(code=error.code, reason=error.detail, remedy="Describe the person again, more exactly.")
    return None


def describe_to(service: HostedService | None, message: Message, clause: Clause | None) -> Subject:
    """Return the person of a question as the service may be told of them (assertions A47, A48)."""
    listed = clause.subject_by_holder.get(message.holder) if clause is not None else None
    authorised = clause is not None and message.holder in clause.location_recipients
    kind = service.kind if service is not None else ""
    return for_holder(message.subject, kind, listed, with_restricted=authorised)


def tells_nothing(permit: Permit | Denial, answer: ServiceAnswer) -> bool:
    """Say whether this is an answer under a conditional clause that may not tell, by its time, of any record."""
    return is_conditional(permit) and (answer.undisclosed or answer.outcome == UNAVAILABLE_OUTCOME)


def is_conditional(permit: Permit | Denial) -> bool:
    """Say whether the clause lets existence be told only where a record may be disclosed."""
    return isinstance(permit, Permit) and permit.clause.existence is Existence.CONDITIONAL


def call_adapter(call: Callable[[], T]) -> T:
    """Call an adapter; an exception against its contract becomes :class:`SourceNonsense`.

    Adapters may be anyone's code. A crash would fail every answer to a question inside this agency and, under a
    conditional clause, tell a peer that a record was match.
    """
    try:
        return call()
    except AdapterError:
        raise
    except Exception as fault:
        raise SourceNonsense(f"The adapter failed with {type(fault).__name__}.") from fault


def refuse_not_offered(permit: Permit, service: HostedService) -> ServiceAnswer:
    """Return the refusal of a service without a source for the kind that is asked."""
    return _refuse(NOT_OFFERED, failure=f"{service.ref}: no source is configured for {permit.clause.kind}")


def _source_failed(failed: AdapterError) -> ServiceAnswer:
    refusal = UNAVAILABLE if isinstance(failed, SourceUnavailable) else UNREADABLE
    return _refuse(refusal, failure=failed.detail)


def _refuse(refusal: Refusal, *, failure: str) -> ServiceAnswer:
    return ServiceAnswer(
        body=build_refusal_body(refusal), outcome=UNAVAILABLE_OUTCOME, reasons=(refusal.code,), failure=failure
    )
