"""Decisions of named persons not to share: record, list and review them (scenario S20).

1. A decision has a ground of the legal register that is in force that day, a reason, and a day of review.
2. What tells of the person, the reason and the name of the practitioner rest as sealed bytes.
3. A review is a new decision. The old one stays as it was and names the new one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
from trust.agreements.statutory_ground import GroundContext, check_ground, check_withholding
from trust.errors import ExchangeRefused
from trust.exchange.errors import Fault
from trust.exchange.person import Subject
from trust.identifiers import ServiceRef, ServiceSlug
from trust.sealing import seal

LONGEST_REVIEW = timedelta(days=90)
"""How far ahead the review of a decision not to share may lie."""
MAX_SEALED = 65_536
MAX_ABOUT = 100
"""Decisions about one person that are shown."""


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
class Withholding:
    """A decision not to share, as a person makes it. ``request`` is their own reference for what was asked."""

    service: ServiceSlug
    subject: Subject = field(repr=False)
    ground: str
    reason: str = field(repr=False)
    review_on: date
    case_ref: str
    by: DecidingPerson
    recipient: ServiceRef | None = None
    request: str | None = None


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
    review_on: date | None = None
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

    def withhold(self, new: Withholding, *, now: datetime) -> SharingView:
        """Record a decision not to share.

        Raises :class:`DecisionFaults` for the ground, the day of review, or a person who is described too vaguely.
        """
        faults = self._faults(new.service, new.ground, new.review_on, now)
        if not person_keys(self.vault.evidence_hmac_key(), new.subject):
            faults.append(Fault(path="subject", problem="is too vague; give an identifier, or birth date and a name"))
        if faults:
            raise DecisionFaults(*faults)
        content = SealedDecision(
            subject=new.subject, reason=new.reason, case_ref=new.case_ref, by=new.by, request=new.request
        )
        recipient = None if new.recipient is None else str(new.recipient)
        terms = _Terms(
            service=new.service,
            outcome=SharingOutcome.NOT_SHARED,
            ground=new.ground,
            recipient=recipient,
            review_at=end_of(new.review_on),
        )
        row = self._row(terms, content, now)
        self.store.write(lambda tx: self._put(tx, row, content))
        return self._view(row, now)

    def review(self, decision: SharingRow, finding: SharingReview, *, now: datetime) -> SharingView:
        """Record what a review decided, as a new decision; the old one stays.

        Raises as :meth:`withhold` does, :class:`CaseRefused` for one that was reviewed, and ``StoreBusy``.
        """
        if decision.reviewed_at is not None:
            raise CaseRefused(
                CaseRefusal.NOT_PERMITTED,
                detail="This decision was reviewed already.",
                remedy="Review the decision that followed it.",
            )
        if faults := self._faults(decision.service, finding.ground, finding.review_on, now):
            raise DecisionFaults(*faults)
        old = self._open(decision)
        content = SealedDecision(
            subject=old.subject,
            reason=finding.reason,
            case_ref=old.case_ref,
            by=finding.by,
            request=old.request,
            previous=decision.id,
        )
        terms = _Terms(
            service=decision.service,
            outcome=SharingOutcome.SHARE if finding.review_on is None else SharingOutcome.NOT_SHARED,
            ground=finding.ground,
            recipient=decision.recipient,
            review_at=None if finding.review_on is None else end_of(finding.review_on),
        )
        row = self._row(terms, content, now)

        def effect(tx: Transaction) -> bool:
            if not sharing_decisions.review(tx, id=decision.id, next_decision=row.id, at=now):
                return False
            self._put(tx, row, content)
            return True

        if not self.store.write(effect):
            raise StoreBusy("Another person reviewed it at the same time; look at it again.")
        return self._view(row, now)

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

    def _faults(self, service: str, ground: str, review_on: date | None, now: datetime) -> list[Fault]:
        today, place = now.astimezone(UTC).date(), self.services[service]
        context = GroundContext(service_kind=place.kind, nations=place.nations, on=today)
        check, faults = check_ground if review_on is None else check_withholding, []
        try:
            check(ground, context)
        except ExchangeRefused as refused:
            faults.append(Fault(path="ground", problem=refused.detail))
        if review_on is not None and not today < review_on <= today + LONGEST_REVIEW:
            days = LONGEST_REVIEW.days
            faults.append(Fault(path="review_on", problem=f"must lie ahead, by {days} days at most"))
        return faults

    def _row(self, terms: "_Terms", content: SealedDecision, now: datetime) -> SharingRow:
        decision = self.new_id()
        sealed = seal(self.vault.seal_key(), strict_json.dumps(typed_json.encode(content)), _place(decision))
        return SharingRow(
            id=decision,
            service=terms.service,
            outcome=terms.outcome,
            ground=terms.ground,
            recipient=terms.recipient,
            decided_at=now,
            review_at=terms.review_at,
            sealed=sealed,
        )

    def _put(self, tx: Transaction, row: SharingRow, content: SealedDecision) -> None:
        sharing_decisions.put(tx, row, person_keys(self.vault.evidence_hmac_key(), content.subject))

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
            review_on=None if row.review_at is None else day_before(row.review_at),
            reviewed_at=row.reviewed_at,
            previous=content.previous,
            next=row.next_decision,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    service: str
    outcome: SharingOutcome
    ground: str
    recipient: str | None
    review_at: datetime | None


def end_of(day: date) -> datetime:
    """Return the end of a day, in UTC."""
    return datetime.combine(day + timedelta(days=1), time.min, UTC)


def day_before(end: datetime) -> date:
    """Return the day that ends at a moment."""
    return (end - timedelta(days=1)).date()


def _place(decision: str) -> bytes:
    return f"sharing decision {decision}".encode()
