"""Evidence of messages that this node sends, and of the receipts that come back.

1. A message leaves one leaf in the transaction that queues it, which names the fields and persons' parts that leave.
2. Each receipt that changes something leaves one, with its digest and its state.
3. A submission that is refused leaves one for each recipient that is the reason.
4. A person is found by all that is known of them here, however little a recipient is told.
"""

from collections.abc import Iterable
from datetime import datetime

from gateway.accountability.subject_buckets import person_keys
from gateway.delivery.case_submission import CaseSubmission, RecipientPlan
from gateway.delivery.recipient_plan import PlannedMessage
from gateway.evidence import recorder
from gateway.evidence.recorder import EvidenceEntry
from gateway.store.tables.outbox import OutboxRow
from trust.claims import digest, from_seconds
from trust.evidence.leaf import Leaf, LeafKind, message_key, subject_key
from trust.exchange.message import Message
from trust.exchange.persons import ConcernedPerson
from trust.exchange.receipt import Receipt
from trust.identifiers import EntityId, ServiceRef


def sent_entry(key: bytes, submission: CaseSubmission, message: Message, draft: PlannedMessage) -> EvidenceEntry:
    """Return the entry of a message that is queued, at the time at which it was signed."""
    by_ref = {person.ref: person for person in submission.persons}
    persons = [by_ref.get(person.ref, person) for person in message.persons]
    return recorder.build_entry(
        Leaf(
            kind=LeafKind.SENT,
            at=from_seconds(message.iat),
            outcome_code="sent",
            peer=message.aud,
            message_iss=message.iss,
            message_id=message_key(key, message.iss, message.jti),
            message_digest=digest(draft.raw),
            agreement=message.under,
            clause=message.clause or None,
            ground=message.ground,
            purpose=message.purpose,
            from_service=message.from_service,
            to_service=message.to_service,
            subject_hmac=subject_key(key, persons[0].subject),
            practitioner=message.practitioner.sub,
            role=message.practitioner.role,
            fields=draft.plan.fields,
        ),
        _person_keys(key, persons),
    )


def refused_entry(
    key: bytes, submission: CaseSubmission, plan: RecipientPlan, *, own: EntityId, at: datetime
) -> EvidenceEntry:
    """Return the entry of a message that was not made, because its recipient may not be sent it."""
    return recorder.build_entry(
        Leaf(
            kind=LeafKind.REFUSED,
            at=at,
            outcome_code="refused",
            reason_codes=() if plan.refusal is None else (plan.refusal.code,),
            peer=plan.service.entity,
            message_iss=own,
            message_id=message_key(key, own, f"{submission.request_id} {plan.service}"),
            purpose=submission.purpose,
            from_service=submission.from_service,
            to_service=plan.service.service,
            role=submission.practitioner.role,
            fields=(),
        ),
        (message_key(key, own, submission.request_id), *_person_keys(key, submission.persons)),
    )


def receipt_entry(row: OutboxRow, receipt: Receipt, raw: bytes, *, own: EntityId, at: datetime) -> EvidenceEntry:
    """Return the entry of a receipt for a message of ours."""
    recipient = ServiceRef(entity=EntityId(row.peer), service=receipt.to_service)
    return recorder.build_entry(
        Leaf(
            kind=LeafKind.RECEIVED,
            at=at,
            outcome_code=f"receipt_{receipt.state}",
            reason_codes=() if receipt.reason is None else (receipt.reason.code,),
            peer=recipient.entity,
            message_iss=own,
            message_id=row.message,
            message_digest=row.digest,
            answer_digest=digest(raw),
            from_service=receipt.from_service,
            to_service=recipient.service,
            fields=(),
        )
    )


def _person_keys(key: bytes, persons: Iterable[ConcernedPerson]) -> tuple[str, ...]:
    return tuple(sorted({each for person in persons for each in person_keys(key, person.subject)}))
