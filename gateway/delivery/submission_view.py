"""Submissions as their client sees them: every recipient's state, clause, deadline and outcome.

1. A client sees its own submissions only; another's is as one that does not exist (assertion A49).
2. A practitioner who signed in sees what their own team sent: what is urgent must not wait for one person's return.
3. Until a person has read it, each delivery says by when to ring and which number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from gateway.callers import CaseCaller
from gateway.delivery.calendars import ZONE
from gateway.delivery.case_submission import OfferedRoute, RecipientPlan
from gateway.delivery.sealed_records import open_answer, open_request
from gateway.exchange.case_question import EMERGENCY, LeftOut
from gateway.exchange.peer_maintenance import warn
from gateway.ports import KeyVault, Store, Transaction
from gateway.store.tables import answers, delivery_events, outbox, submissions
from gateway.store.tables.answers import StoredAnswer
from gateway.store.tables.delivery_events import DeliveryEvent, DeliverySide
from gateway.store.tables.outbox import Lane, OutboxRow, OutboxState
from gateway.store.tables.submissions import SubmissionRow
from trust.exchange.alert import ALERT
from trust.exchange.escalation import FALLBACK_AFTER
from trust.exchange.message import Urgency
from trust.exchange.risk import RiskAdvice, advise
from trust.federation.opening_hours import Fallback
from trust.identifiers import EntityId
from trust.strict_json import JsonObject

UNPROVED = "Arrival in the case system cannot be proved."


class DeliveryState(StrEnum):
    """How far a delivery has come. The states after ``stored`` are the recipient's, by its signed receipts."""

    QUEUED = "queued"
    HELD = "held"
    STORED = "stored"
    IN_CASE_SYSTEM = "in_case_system"
    READ = "read"
    FAILED = "failed"
    PARKED = "parked"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedAlternative:
    """What a recipient that declined a referral offers in its place."""

    service_type: str
    service: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOutcome:
    """One answer of a recipient. ``outcome`` is the word that it closed, answered or set the status with."""

    at: datetime
    outcome: str
    reason: str | None = None
    declined_by: str | None = None
    alternative: OfferedAlternative | None = None
    result: str | None = None
    note: str | None = None
    ground: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStep:
    """One step of a message at this node. ``actor`` is a role, a client or an administrator, never a practitioner."""

    at: datetime
    event: str
    code: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """One recipient of a submission. ``reference`` is how both sides name it on the telephone.

    ``fields`` and ``persons`` were sent; ``left_out`` was not, since the clause does not grant it. ``decide_by`` is
    when the recipient must have decided; ``overdue`` says that it has not. ``outcome`` is the last of ``outcomes``.
    ``advice`` says by when to ring which number, until the message was read.
    """

    service: str
    service_name: str
    organisation: str
    reference: str
    state: DeliveryState
    since: datetime
    overdue: bool
    fields: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    agreement: str | None = None
    clause: str | None = None
    law: str | None = None
    reason: str | None = None
    proof: str | None = None
    decide_by: datetime | None = None
    outcome: str | None = None
    outcomes: tuple[DeliveryOutcome, ...] = ()
    fallback: Fallback | None = None
    warning: str | None = None
    advice: str | None = None
    steps: tuple[DeliveryStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayRun:
    """The play and its step that a submission came from, and the steps that the worker dropped."""

    id: str
    step: str
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionView:
    """One alert, referral or notice with all its deliveries.

    ``suggested`` is what the risk assessment of an alert suggests, for the worker to take or leave. ``not_reached``
    names services that a notice to past recipients does not reach, which a person tells.
    """

    id: str
    kind: str
    topic: str
    urgency: str
    case_ref: str
    created_at: datetime
    deliveries: tuple[DeliveryView, ...]
    incident: str | None = None
    play: PlayRun | None = None
    supersedes: str | None = None
    left_out: tuple[LeftOut, ...] = ()
    suggested: RiskAdvice | None = None
    not_reached: tuple[str, ...] = ()
    emergency: str = EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientPreview:
    """What one recipient would get; with ``refusal`` it would get nothing, and ``remedy`` says what would change that.

    ``warning`` says that a service is closed, and ``fallback`` which person to ring. ``routes`` are what may be sent
    instead where the person's consent is missing.
    """

    service: str
    service_name: str
    organisation: str
    agreement: str | None = None
    clause: str | None = None
    law: str | None = None
    fields: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    decide_by: datetime | None = None
    fallback: Fallback | None = None
    warning: str | None = None
    refusal: str | None = None
    remedy: str | None = None
    routes: tuple[OfferedRoute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionPreview:
    """What a submission would send to each recipient. Nothing is sent or stored.

    ``suggested`` is what the risk assessment of an alert suggests, for the worker to take or leave.
    """

    recipients: tuple[RecipientPreview, ...]
    left_out: tuple[LeftOut, ...] = ()
    suggested: RiskAdvice | None = None
    emergency: str = EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionPage:
    """Submissions, newest first; ``next`` continues the list as the parameter ``after``, and is absent at its end."""

    items: tuple[SubmissionView, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionPlace:
    """A place in a list: the instant and the id of its last item."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """A submission as it rests in the store, with its opened request."""

    row: SubmissionRow
    request: JsonObject
    deliveries: Sequence[OutboxRow]
    answers: Mapping[str, Sequence[StoredAnswer]] = field(default_factory=dict)
    events: Mapping[str, Sequence[DeliveryEvent]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessages:
    """Show submissions to the clients that made them. ``away`` says that a peer is away as it announced."""

    store: Store
    vault: KeyVault
    away: Callable[[EntityId, datetime], str | None]

    def get(self, submission_id: str, caller: CaseCaller, *, kind: str, now: datetime) -> SubmissionView | None:
        """Return a submission of this kind, or ``None`` where this caller has none by that id."""
        row = self.store.read(lambda tx: submissions.get(tx, id=submission_id))
        if row is None or row.kind != kind:
            return None
        views = self._views([row], caller, now)
        return views[0] if views else None

    def page(
        self, caller: CaseCaller, *, kind: str, before: SubmissionPlace, limit: int, now: datetime
    ) -> tuple[tuple[SubmissionView, ...], SubmissionPlace | None]:
        """Return a page of the caller's submissions, newest first, and the place at which the next page begins."""
        client_id = caller.client.client_id
        rows = self.store.read(
            lambda tx: submissions.of_client(
                tx, client_id=client_id, kind=kind, before=(before.at, before.id), limit=limit
            )
        )
        last = SubmissionPlace(at=rows[-1].created_at, id=rows[-1].id) if len(rows) == limit else None
        return self._views(rows, caller, now), last

    def of_incident(self, incident: str, caller: CaseCaller, *, now: datetime) -> tuple[SubmissionView, ...]:
        """Return the caller's submissions of one run of a play, oldest first."""
        return self._views(self.store.read(lambda tx: submissions.of_incident(tx, incident=incident)), caller, now)

    def _views(self, rows: Iterable[SubmissionRow], caller: CaseCaller, now: datetime) -> tuple[SubmissionView, ...]:
        requests = ((row, self._request(row, caller)) for row in rows)
        visible = [(row, request) for row, request in requests if request is not None]
        stored = self.store.read(lambda tx: [_load(tx, row, request) for row, request in visible])
        return tuple(self._view(each, now) for each in stored)

    def _request(self, row: SubmissionRow, caller: CaseCaller) -> JsonObject | None:
        if row.client_id != caller.client.client_id or row.sealed_request is None:
            return None
        request = open_request(self.vault.seal_key(), row.id, row.sealed_request)
        return request if _may_read(caller, request) else None

    def _view(self, stored: _Stored, now: datetime) -> SubmissionView:
        row, request = stored.row, stored.request
        plans = {plan["service"]: plan for plan in request.get("plans", ())}
        return SubmissionView(
            id=row.id,
            kind=row.kind,
            topic=row.topic,
            urgency=row.urgency,
            case_ref=request["case_ref"],
            created_at=row.created_at,
            deliveries=tuple(
                self._delivery(each, plans.get(each.service, {}), stored, now) for each in stored.deliveries
            ),
            incident=row.incident,
            play=_play(request.get("play")),
            supersedes=request.get("supersedes"),
            left_out=tuple(LeftOut(**each) for each in request.get("left_out", ())),
            suggested=suggestion(row.kind, request["body"]),
            not_reached=tuple(request.get("not_reached", ())),
        )

    def _delivery(self, row: OutboxRow, plan: JsonObject, stored: _Stored, now: datetime) -> DeliveryView:
        outcomes = tuple(self._outcome(each) for each in stored.answers.get(row.message, ()))
        fallback = Fallback(**plan["fallback"]) if plan.get("fallback") else None
        state = state_of(row)
        return DeliveryView(
            service=row.service,
            service_name=plan.get("service_name", row.service),
            organisation=plan.get("organisation", row.peer),
            reference=row.reference,
            state=state,
            since=row.progress_at or row.stored_at or row.created_at,
            overdue=is_overdue(row, now),
            fields=tuple(plan.get("fields", ())),
            left_out=tuple(plan.get("left_out", ())),
            persons=tuple(plan.get("persons", ())),
            agreement=plan.get("agreement"),
            clause=plan.get("clause"),
            law=plan.get("law"),
            reason=row.reason,
            proof=UNPROVED if row.proof == "none" else row.proof,
            decide_by=row.decide_by,
            outcome=row.decision,
            outcomes=outcomes,
            fallback=fallback,
            warning=self._warning(row, plan, now),
            advice=None if row.read_at else advice(row, fallback, Urgency(stored.row.urgency)),
            steps=tuple(
                DeliveryStep(at=each.at, event=each.event, code=each.code, actor=each.actor)
                for each in stored.events.get(row.message, ())
            ),
        )

    def _warning(self, row: OutboxRow, plan: JsonObject, now: datetime) -> str | None:
        """Return what to know before relying on it: what was said first, and why it waits if its recipient is away."""
        away = self.away(EntityId(row.peer), now) if row.state is OutboxState.QUEUED else None
        fallback = Fallback(**plan["fallback"]) if plan.get("fallback") else None
        waits = None if away is None else warn(away, fallback, is_red=row.lane is Lane.RED)
        return " ".join(filter(None, (plan.get("warning"), waits))) or None

    def _outcome(self, stored: StoredAnswer) -> DeliveryOutcome:
        key = self.vault.seal_key()
        return outcome_of(stored, open_answer(key, stored.message, stored.side, stored.seq, sealed=stored.sealed))


def suggestion(kind: str, body: JsonObject) -> RiskAdvice | None:
    """Return what the risk assessment of an alert suggests; none where it suggests nothing."""
    advice = advise(body.get("details", {})) if kind == ALERT else RiskAdvice()
    return advice if advice.steps else None


def preview_recipient(plan: RecipientPlan) -> RecipientPreview:
    """Return a plan as the case API shows it."""
    refusal = plan.refusal
    return RecipientPreview(
        service=str(plan.service),
        service_name=plan.service_name,
        organisation=plan.organisation,
        agreement=plan.agreement,
        clause=plan.clause,
        law=plan.law,
        fields=plan.fields,
        left_out=plan.left_out,
        persons=plan.persons,
        decide_by=plan.decide_by,
        fallback=plan.fallback,
        warning=" ".join(filter(None, (plan.warning, plan.away))) or None,
        refusal=None if refusal is None else refusal.reason,
        remedy=None if refusal is None else refusal.remedy,
        routes=() if refusal is None else refusal.routes,
    )


def outcome_of(stored: StoredAnswer, body: JsonObject) -> DeliveryOutcome:
    """Return an answer as the case API shows it."""
    alternative = body.get("alternative")
    return DeliveryOutcome(
        at=stored.at,
        outcome=stored.code,
        reason=body.get("reason"),
        declined_by=body.get("declined_by"),
        alternative=OfferedAlternative(**alternative) if alternative else None,
        result=body.get("outcome"),
        note=body.get("note"),
        ground=body.get("ground"),
    )


def state_of(row: OutboxRow) -> DeliveryState:
    """Return how far a delivery has come, in one word."""
    return DeliveryState(row.progress if row.state is OutboxState.STORED and row.progress else row.state)


def is_overdue(row: OutboxRow, now: datetime) -> bool:
    """Say whether the recipient should have decided by now and has not; a person's word ends it."""
    ended = row.decided_at is not None or row.state is OutboxState.CLOSED
    return not ended and row.decide_by is not None and row.decide_by <= now


def advice(row: OutboxRow, fallback: Fallback | None, urgency: Urgency) -> str:
    """Say by when to ring and which number: what each answer about an alert says from the first second."""
    by = row.created_at + FALLBACK_AFTER if urgency is Urgency.RED else row.decide_by or row.expires_at
    local = by.astimezone(ZONE)
    same_day = local.date() == row.created_at.astimezone(ZONE).date()
    when = f"{local:%H:%M}" if same_day else f"{local:%H:%M} on {local:%A} {local.day} {local:%B}"
    number = f"{fallback.phone} ({fallback.name})" if fallback else "the service; it publishes no number"
    return f"If no one has rung you by {when}, ring {number}. {EMERGENCY}"


def _load(tx: Transaction, row: SubmissionRow, request: JsonObject) -> _Stored:
    deliveries = outbox.of_submission(tx, submission=row.id)
    messages = [each.message for each in deliveries]
    side = DeliverySide.SENDER
    return _Stored(
        row=row,
        request=request,
        deliveries=deliveries,
        answers={message: answers.list(tx, message=message, side=side) for message in messages},
        events=delivery_events.of_messages(tx, messages, side=side),
    )


def _play(record: JsonObject | None) -> PlayRun | None:
    if record is None:
        return None
    return PlayRun(id=record["id"], step=record["step"], dropped=tuple(record["dropped"]))


def _may_read(caller: CaseCaller, request: Mapping[str, Any]) -> bool:
    """Say whether this token may see a submission of its client: the case system's own, or that of a team member."""
    signed_in = caller.token.signed_in
    if signed_in is None:
        return caller.client.vouches
    sender = request["practitioner"]
    team = (request["from_service"], sender["org_unit"])
    return sender["id"] == signed_in.sub or team in {(each.service, each.org_unit) for each in signed_in.positions}
