"""Take in what a case system submits: whole or not at all, in one transaction.

1. The same key with the same submission is the one that it made first, and costs nothing.
2. Each recipient has a plan; one that may not be sent it refuses the submission for all, with every fault.
3. One transaction holds the submission, its charge, a row of the outbox for each recipient, the evidence and the
   events. A store that is full takes none of it, and the case system is told so (assertion A10).
4. A submission that takes the place of an earlier one closes what of that one has not left yet (A8).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import TypeVar

from gateway.accountability.message_limits import MessageCharge, MessageLimits, MessagesLimited
from gateway.callers import CaseRefusal, CaseRefused
from gateway.delivery import evidence, outbox
from gateway.delivery.case_submission import CaseSubmission, RecipientPlan, SubmissionRefused
from gateway.delivery.recipient_plan import PlannedMessage, RecipientPlanner
from gateway.delivery.sealed_records import open_request, seal_request
from gateway.evidence import recorder
from gateway.exchange.consent_checks import ConsentChecks
from gateway.ports import KeyVault, Store, StoreFull, Transaction
from gateway.store.tables import outbox as rows
from gateway.store.tables import submissions
from gateway.store.tables.outbox import OutboxRow, OutboxState, OutboxType
from gateway.store.tables.submissions import SubmissionRow
from trust import strict_json
from trust.claims import digest, from_seconds, keyed_digest
from trust.evidence.leaf import message_key
from trust.exchange.escalation import UNREAD_AFTER
from trust.exchange.message import Message, Urgency
from trust.identifiers import EntityId

T = TypeVar("T")


Also = Callable[[Transaction, SubmissionRow], None]
"""Store what belongs to a submission, in its transaction; what it raises gives both up."""


def _nothing_else(_tx: Transaction, _row: SubmissionRow) -> None:
    """Store a submission and no more."""


_NO_INCIDENT = "There is no incident of this case system that this could belong to."
_NOT_FOUND = "There is no earlier submission of this case system that this one could take the place of."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Earlier:
    """The submission whose place a new one takes, and the ids of its messages by recipient."""

    row: SubmissionRow
    messages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Plan and take in submissions. ``keep_trying`` is how long a message is tried before it is parked."""

    own: EntityId
    store: Store
    vault: KeyVault
    planner: RecipientPlanner
    limits: MessageLimits
    consents: ConsentChecks
    keep_trying: timedelta

    def plan(self, client_id: str, submission: CaseSubmission, *, now: datetime) -> tuple[RecipientPlan, ...]:
        """Return what each recipient would get, with the reason where it would get nothing. Nothing is stored.

        Raises :class:`CaseRefused` for an earlier submission that is not there.
        """
        return tuple(each.plan for each in self._plan(client_id, submission, token_urlsafe(16), now))

    def submit(
        self,
        client_id: str,
        submission: CaseSubmission,
        *,
        idempotency_key: str,
        now: datetime,
        also: Also = _nothing_else,
    ) -> str:
        """Return the id of the submission, which is durable by then; ``also`` is done in its transaction.

        Raises :class:`SubmissionRefused`, :class:`CaseRefused` for a key that stands for another submission,
        ``MessagesLimited``, and the store's ``StoreFull`` and ``StoreBusy``; nothing is sent then.
        """
        submission_id = token_urlsafe(16)
        key = self._digest({"idempotency_key": idempotency_key})
        request_digest = self._digest(submission.to_record())
        first = self.store.read(lambda tx: submissions.find_by_key(tx, client_id=client_id, idempotency_key=key))
        if first is not None:
            self.store.write(lambda _tx: None)  # what was read may be on one machine only until this returns
            return _repeat(first, request_digest)
        drafts = self._plan(client_id, submission, submission_id, now)
        charge = self._charge(client_id, submission, drafts)
        if any(each.plan.refusal is not None for each in drafts):
            self._refuse(submission, drafts, charge, now)
        row = SubmissionRow(
            id=submission_id,
            client_id=client_id,
            idempotency_key=key,
            request_digest=request_digest,
            kind=submission.kind.name,
            topic=submission.topic,
            urgency=str(submission.urgency),
            case_key=outbox.case_key(self.vault.evidence_hmac_key(), client_id, submission.case_ref),
            incident=submission.incident,
            sealed_request=seal_request(self.vault.seal_key(), submission_id, _record(submission, drafts)),
            created_at=now,
        )
        first = self._commit(row, submission, drafts, charge, also)
        return submission_id if first is None else _repeat(first, request_digest)

    def _charge(self, client_id: str, submission: CaseSubmission, drafts: tuple[PlannedMessage, ...]) -> MessageCharge:
        """Return what a submission costs its client. Raises ``StoreFull`` where there is room for red ones only."""
        is_red = submission.urgency is Urgency.RED
        if not is_red and self.store.is_nearly_full():
            raise StoreFull("The disk is nearly full, and what room there is waits for red messages.")
        return self.limits.of_client(client_id, [len(each.raw) for each in drafts], red=is_red)

    def _plan(
        self, client_id: str, submission: CaseSubmission, submission_id: str, now: datetime
    ) -> tuple[PlannedMessage, ...]:
        self._check_incident(client_id, submission)
        earlier = self._earlier(client_id, submission)
        messages = earlier.messages if earlier is not None else {}
        return self.planner.plan(submission, submission_id, supersedes=messages.get, now=now)

    def _check_incident(self, client_id: str, submission: CaseSubmission) -> None:
        """Raise :class:`CaseRefused` unless what follows up an incident follows up one of the same client."""
        name = submission.incident
        if name is None or submission.play is not None or submission.begins_incident:
            return
        rows = self.store.read(lambda tx: submissions.of_incident(tx, incident=name))
        if not rows or rows[0].client_id != client_id:
            raise CaseRefused(CaseRefusal.NOT_PERMITTED, detail=_NO_INCIDENT, remedy="Leave incident out.")

    def _earlier(self, client_id: str, submission: CaseSubmission) -> _Earlier | None:
        if submission.supersedes is None:
            return None
        name = submission.supersedes
        row = self.store.read(lambda tx: submissions.get(tx, id=name))
        if row is None or row.client_id != client_id or row.sealed_request is None:
            raise CaseRefused(CaseRefusal.NOT_PERMITTED, detail=_NOT_FOUND, remedy="Leave supersedes out.")
        record = open_request(self.vault.seal_key(), row.id, row.sealed_request)
        return _Earlier(row=row, messages=record["messages"])

    def _commit(
        self,
        row: SubmissionRow,
        submission: CaseSubmission,
        drafts: tuple[PlannedMessage, ...],
        charge: MessageCharge,
        also: Also,
    ) -> SubmissionRow | None:
        """Store everything, or return what the same key stands for since."""
        hmac_key, seal_key, now = self.vault.evidence_hmac_key(), self.vault.seal_key(), row.created_at
        deliveries = [
            (
                build_row(each, message, row, key=hmac_key, expires_at=now + self.keep_trying),
                evidence.sent_entry(hmac_key, submission, message, each),
            )
            for each in drafts
            if (message := each.message) is not None
        ]
        sealed = [
            outbox.seal_outgoing(seal_key, delivery.message, each.raw)
            for (delivery, _), each in zip(deliveries, drafts, strict=True)
        ]

        def effect(tx: Transaction) -> SubmissionRow | None:
            first = submissions.create(tx, row)
            if first is not None:
                return first
            self.limits.charge(tx, charge, now=now)
            for (delivery, entry), outgoing in zip(deliveries, sealed, strict=True):
                if delivery.supersedes is not None:
                    _supersede(tx, delivery, now)
                outbox.enqueue(tx, delivery, sealed=outgoing)
                recorder.record(tx, entry)
            for each in drafts:
                if each.message is not None:
                    self.consents.note_use(tx, each.message, now)
            also(tx, row)
            return None

        return self._write(effect, charge, now)

    def _write(self, effect: Callable[[Transaction], T], charge: MessageCharge, now: datetime) -> T:
        try:
            return self.store.write(effect)
        except MessagesLimited as limited:
            self.limits.refuse(self.store, charge, limited, now=now)

    def _refuse(
        self, submission: CaseSubmission, drafts: tuple[PlannedMessage, ...], charge: MessageCharge, now: datetime
    ) -> None:
        """Record a refusal and raise :class:`SubmissionRefused`."""
        key = self.vault.evidence_hmac_key()
        entries = [
            evidence.refused_entry(key, submission, each.plan, own=self.own, at=now)
            for each in drafts
            if each.plan.refusal is not None
        ]

        def effect(tx: Transaction) -> None:
            self.limits.charge(tx, charge, now=now)
            recorder.record(tx, *entries)

        self._write(effect, charge, now)
        raise SubmissionRefused(each.plan for each in drafts)

    def _digest(self, request: strict_json.JsonObject) -> str:
        """Tell two requests apart without a digest that could be tried against a list of people."""
        return keyed_digest(self.vault.evidence_hmac_key(), strict_json.dumps(request))


def build_row(
    draft: PlannedMessage, message: Message, submission: SubmissionRow, *, key: bytes, expires_at: datetime
) -> OutboxRow:
    """Return the row of a signed message, queued at the time at which it was signed."""
    now, service = from_seconds(message.iat), draft.plan.service
    return OutboxRow(
        message=message_key(key, message.iss, message.jti),
        typ=OutboxType.MESSAGE,
        submission=submission.id,
        kind=message.kind,
        peer=message.aud,
        service=str(service),
        reference=outbox.new_reference(),
        lane=outbox.lane_of(Urgency(submission.urgency)),
        order_key=outbox.order_key(key, submission.case_key, service),
        digest=digest(draft.raw),
        created_at=now,
        expires_at=expires_at,
        next_at=now,
        decide_by=draft.plan.decide_by,
        clause=f"{draft.plan.agreement} {draft.plan.clause}",
        supersedes=None if message.supersedes is None else message_key(key, message.iss, message.supersedes),
        escalate_at=now + UNREAD_AFTER if message.urgency is Urgency.RED else draft.plan.decide_by,
    )


def _record(submission: CaseSubmission, drafts: tuple[PlannedMessage, ...]) -> strict_json.JsonObject:
    """Return the sealed record: what was submitted, the plan for each recipient, and the ids of the messages."""
    return {
        **submission.to_record(),
        "left_out": [asdict(each) for each in submission.left_out],
        "plans": [each.plan.to_json() for each in drafts],
        **({"not_reached": list(submission.not_reached)} if submission.not_reached else {}),
        "messages": {str(each.plan.service): each.message.jti for each in drafts if each.message is not None},
    }


def _supersede(tx: Transaction, delivery: OutboxRow, now: datetime) -> None:
    """Close the earlier message if it cannot have left yet; else both are sent, and the recipient keeps the newer."""
    earlier = rows.get(tx, message=str(delivery.supersedes))
    if earlier is None:
        return
    rows.supersede(tx, message=earlier.message, by=delivery.message)
    waits = earlier.state in {OutboxState.QUEUED, OutboxState.HELD, OutboxState.PARKED}
    if waits and earlier.attempts == 0 and earlier.lease_owner is None:
        outbox.end(tx, earlier, OutboxState.CLOSED, reason=outbox.SUPERSEDED, now=now)


def _repeat(first: SubmissionRow, request_digest: str) -> str:
    if first.request_digest != request_digest:
        raise CaseRefused(
            CaseRefusal.KEY_REUSED,
            detail="This Idempotency-Key already stands for another submission.",
            remedy="Use a new key for each submission; repeat one with exactly the same body.",
        )
    return first.id
