"""Decisions of named persons to share without an agreement, or not to share: record, list and review (scenario S20).

1. A decision has a ground of the legal register that is in force that day, and a reason.
2. A decision not to share has a day of review. What was shared is reviewed by a second person within 72 hours.
3. What tells of the person, the reason and the name of the practitioner rest as sealed bytes.
4. A review is a new decision. The old one stays as it was and names the new one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from secrets import token_urlsafe

from gateway.accountability.subject_buckets import person_keys
from gateway.callers import CaseRefusal, CaseRefused
from gateway.keys.sealed import open_own
from gateway.ports import KeyVault, Store, StoreBusy, Transaction
from gateway.store.tables import sharing_decisions
from gateway.store.tables.sharing_decisions import SharingOutcome, SharingRow
from trust import strict_json, typed_json
from trust.agreements.lawful_basis import lookup
from trust.agreements.legal_entry import UkNation
from trust.agreements.statutory_ground import GroundContext, check_ground, check_sharing, check_withholding
from trust.errors import ExchangeRefused
from trust.exchange.errors import Fault
from trust.exchange.person import Subject
from trust.identifiers import ServiceSlug
from trust.sealing import seal

LONGEST_REVIEW = timedelta(days=90)
"""How far ahead the review of a decision not to share may lie."""
SECOND_REVIEW = timedelta(hours=72)
"""The time in which a second person reviews what was shared without an agreement."""
MAX_SEALED = 65_536
MAX_ABOUT = 100
"""Decisions about one person that are shown."""

_REVIEWS = {
    SharingOutcome.NOT_SHARED: "Decide again at its review.",
    SharingOutcome.SHARED: "Have a second person review it at its second-review.",
}
Effect = Callable[[Transaction, SharingRow], bool]
"""Do what belongs to a decision in its transaction; false where another act came first, so that nothing is stored."""


def _nothing_else(_tx: Transaction, _row: SharingRow) -> bool:
    return True


class DecisionFaults(Exception):
    """A decision that cannot be recorded; ``faults`` names each reason by its field."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__()
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidingService:
    """A service of this node, by its kind and the nations where it is."""

    kind: str
    nations: frozenset[UkNation]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidingPerson:
    """The person who signed in and decided, as their own agency knows them. ``name`` never leaves the node."""

    name: str = field(repr=False)
    role: str
    org_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedDecision:
    """What rests sealed of a decision. ``subject`` is the person that it is about."""

    subject: Subject = field(repr=False)
    reason: str = field(repr=False)
    case_ref: str
    by: DecidingPerson
    request: str | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDecision:
    """A decision as a person makes it: not to share until a review, or with no day of review to share.

    ``request`` is their own reference for what was asked; ``others`` are further persons by which it is found.
    """

    service: ServiceSlug
    subject: Subject = field(repr=False)
    ground: str
    reason: str = field(repr=False)
    case_ref: str
    by: DecidingPerson
    review_on: date | None = None
    recipient: str | None = None
    request: str | None = None
    others: tuple[Subject, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondReview:
    """What a second person says of something that was shared."""

    is_upheld: bool
    reason: str = field(repr=False)
    by: DecidingPerson


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingReview:
    """What a review decided: again not to share, with a new day of review, or that it may be shared from now on.

    Sharing itself is another act, under an agreement or by a decision of its own.
    """

    ground: str
    reason: str = field(repr=False)
    by: DecidingPerson
    review_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingView:
    """One decision for the people of its service. It names no person but by the case's own reference."""

    id: str
    service: str
    outcome: str
    ground: str
    law: str
    decided_at: datetime
    decided_by_role: str
    case_ref: str = field(repr=False)
    reason: str = field(repr=False)
    is_overdue: bool
    recipient: str | None = None
    request: str | None = field(default=None, repr=False)
    review_by: datetime | None = None
    reviewed_at: datetime | None = None
    previous: str | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingDecisions:
    """Keep decisions of the services of this node. ``new_id`` makes their ids."""

    store: Store
    vault: KeyVault
    services: Mapping[str, DecidingService]
    new_id: Callable[[], str] = lambda: token_urlsafe(16)

    def record(self, new: NewDecision, *, now: datetime, also: Effect = _nothing_else) -> SharingView:
        """Record a decision, and do ``also`` in the same transaction.

        Raises :class:`DecisionFaults` for the ground, the day of review, or a person who is described too vaguely, and
        ``StoreBusy`` where ``also`` returns false.
        """
        self.check(new, now=now)
        return self._store(new, _first_terms(new, now), _first_content(new), also=also, now=now)

    def check(self, new: NewDecision, *, now: datetime) -> None:
        """Raise :class:`DecisionFaults` where a decision cannot be recorded."""
        faults = self._faults(new, check_sharing if new.review_on is None else check_withholding, now)
        if not person_keys(self.vault.evidence_hmac_key(), new.subject):
            faults.append(Fault(path="subject", problem="is too vague; give an identifier, or birth date and a name"))
        if faults:
            raise DecisionFaults(*faults)

    def put(self, tx: Transaction, new: NewDecision, *, now: datetime) -> None:
        """Store a decision that was checked, in the transaction of what it decides on."""
        self._put(tx, new, self._row(new, _first_terms(new, now), _first_content(new), now))

    def review(self, decision: SharingRow, finding: SharingReview, *, now: datetime) -> SharingView:
        """Record what the review of a decision not to share decided, as a new decision; the old one stays.

        Raises as :meth:`record` does, and :class:`CaseRefused` for one that was reviewed or is no such decision.
        """
        _check_reviewable(decision, SharingOutcome.NOT_SHARED)
        old = self._open(decision)
        new = _following(decision, old, finding.ground, finding.reason, finding.by)
        new = replace(new, review_on=finding.review_on)
        if faults := self._faults(new, check_ground if new.review_on is None else check_withholding, now):
            raise DecisionFaults(*faults)
        terms = _Terms(
            outcome=SharingOutcome.MAY_SHARE if new.review_on is None else SharingOutcome.NOT_SHARED,
            review_at=None if new.review_on is None else end_of(new.review_on),
            ground=new.ground,
        )
        return self._follow(decision, old, new, terms, now)

    def second_review(self, decision: SharingRow, finding: SecondReview, *, now: datetime) -> SharingView:
        """Record what a second person says of something that was shared, as a new decision.

        Raises :class:`CaseRefused` for the person who shared it, and for a decision that waits for no second person.
        """
        _check_reviewable(decision, SharingOutcome.SHARED)
        old = self._open(decision)
        if old.by.name == finding.by.name:
            raise _refuse("You decided to share it; a second person reviews it.", "Have another person review it.")
        new = _following(decision, old, decision.ground, finding.reason, finding.by)
        outcome = SharingOutcome.UPHELD if finding.is_upheld else SharingOutcome.NOT_UPHELD
        return self._follow(decision, old, new, _Terms(outcome=outcome, review_at=None, ground=new.ground), now)

    def find(self, decision: str, services: Sequence[str]) -> SharingRow | None:
        """Return a decision of these services, or none."""
        row = self.get(decision)
        return None if row is None or row.service not in services else row

    def show(self, row: SharingRow, *, now: datetime) -> SharingView:
        """Return a decision as its people see it."""
        return self._view(row, now)

    def get(self, decision: str) -> SharingRow | None:
        """Return a decision of whichever service, or none."""
        return self.store.read(lambda tx: sharing_decisions.get(tx, id=decision))

    def page(
        self, services: Sequence[str], *, before: tuple[datetime, str], limit: int, now: datetime
    ) -> tuple[SharingView, ...]:
        """Return decisions of these services from before a place, newest first."""
        rows = self.store.read(lambda tx: sharing_decisions.page(tx, services=services, before=before, limit=limit))
        return tuple(self._view(row, now) for row in rows)

    def about(self, person: Subject, services: Sequence[str], *, now: datetime) -> tuple[SharingView, ...]:
        """Return what these services decided about a person, newest first."""
        keys = person_keys(self.vault.evidence_hmac_key(), person)
        rows = self.store.read(lambda tx: sharing_decisions.about(tx, keys, limit=MAX_ABOUT))
        return tuple(self._view(row, now) for row in rows if row.service in services)

    def _faults(self, new: NewDecision, check: Callable[..., object], now: datetime) -> list[Fault]:
        today, place = now.astimezone(UTC).date(), self.services[new.service]
        context, faults = GroundContext(service_kind=place.kind, nations=place.nations, on=today), []
        try:
            check(new.ground, context)
        except ExchangeRefused as refused:
            faults.append(Fault(path="ground", problem=refused.detail))
        if new.review_on is not None and not today < new.review_on <= today + LONGEST_REVIEW:
            days = LONGEST_REVIEW.days
            faults.append(Fault(path="review_on", problem=f"must lie ahead, by {days} days at most"))
        return faults

    def _follow(
        self, decision: SharingRow, old: SealedDecision, new: NewDecision, terms: "_Terms", now: datetime
    ) -> SharingView:
        content = replace(old, reason=new.reason, by=new.by, previous=decision.id)

        def note_review(tx: Transaction, row: SharingRow) -> bool:
            return sharing_decisions.review(tx, id=decision.id, next_decision=row.id, at=now)

        return self._store(new, terms, content, also=note_review, now=now)

    def _store(
        self, new: NewDecision, terms: "_Terms", content: SealedDecision, *, also: Effect, now: datetime
    ) -> SharingView:
        row = self._row(new, terms, content, now)

        def effect(tx: Transaction) -> bool:
            if not also(tx, row):
                return False
            self._put(tx, new, row)
            return True

        if not self.store.write(effect):
            raise StoreBusy("Another person decided at the same time; look at it again.")
        return self._view(row, now)

    def _row(self, new: NewDecision, terms: "_Terms", content: SealedDecision, now: datetime) -> SharingRow:
        decision = self.new_id()
        return SharingRow(
            id=decision,
            service=new.service,
            outcome=terms.outcome,
            ground=terms.ground,
            recipient=new.recipient,
            decided_at=now,
            review_at=terms.review_at,
            sealed=seal(self.vault.seal_key(), strict_json.dumps(typed_json.encode(content)), _place(decision)),
        )

    def _put(self, tx: Transaction, new: NewDecision, row: SharingRow) -> None:
        key = self.vault.evidence_hmac_key()
        keys = (each for person in (new.subject, *new.others) for each in person_keys(key, person))
        sharing_decisions.put(tx, row, keys)

    def _open(self, row: SharingRow) -> SealedDecision:
        raw = open_own(self.vault.seal_key(), row.sealed, _place(row.id))
        return typed_json.decode(SealedDecision, strict_json.loads(raw, max_bytes=MAX_SEALED))

    def _view(self, row: SharingRow, now: datetime) -> SharingView:
        content = self._open(row)
        return SharingView(
            id=row.id,
            service=row.service,
            outcome=str(row.outcome),
            ground=row.ground,
            law=lookup(row.ground, row.decided_at.date()).title,
            decided_at=row.decided_at,
            decided_by_role=content.by.role,
            case_ref=content.case_ref,
            reason=content.reason,
            is_overdue=row.is_overdue(now),
            recipient=row.recipient,
            request=content.request,
            review_by=row.review_at,
            reviewed_at=row.reviewed_at,
            previous=content.previous,
            next=row.next_decision,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    outcome: SharingOutcome
    review_at: datetime | None
    ground: str


def _first_content(new: NewDecision) -> SealedDecision:
    return SealedDecision(subject=new.subject, reason=new.reason, case_ref=new.case_ref, by=new.by, request=new.request)


def _first_terms(new: NewDecision, now: datetime) -> _Terms:
    if new.review_on is None:
        return _Terms(outcome=SharingOutcome.SHARED, review_at=now + SECOND_REVIEW, ground=new.ground)
    return _Terms(outcome=SharingOutcome.NOT_SHARED, review_at=end_of(new.review_on), ground=new.ground)


def end_of(day: date) -> datetime:
    """Return the end of a day, in UTC."""
    return datetime.combine(day + timedelta(days=1), time.min, UTC)


def _place(decision: str) -> bytes:
    return f"sharing decision {decision}".encode()


def _following(decision: SharingRow, old: SealedDecision, ground: str, reason: str, by: DecidingPerson) -> NewDecision:
    """Return the decision that a review makes about the same person, without its day of review."""
    return NewDecision(
        service=ServiceSlug(decision.service),
        subject=old.subject,
        ground=ground,
        reason=reason,
        case_ref=old.case_ref,
        by=by,
        recipient=decision.recipient,
        request=old.request,
    )


def _check_reviewable(decision: SharingRow, outcome: SharingOutcome) -> None:
    if decision.outcome is not outcome:
        raise _refuse("This decision has another review.", _REVIEWS.get(decision.outcome, "It waits for none."))
    if decision.reviewed_at is not None:
        raise _refuse("This decision was reviewed already.", "Review the decision that followed it.")


def _refuse(detail: str, remedy: str) -> CaseRefused:
    return CaseRefused(CaseRefusal.NOT_PERMITTED, detail=detail, remedy=remedy)
