"""The receiving side of queued messages: store them, and state to the sender what becomes of each.

1. A message is cut to what its clause permits and stored in the transaction of its claim and evidence.
2. A newer message replaces the one that it supersedes at the same service, whichever came first (assertion A8). Of
   messages that replace each other in a circle, the one that came last stands.
3. Each later state is written in one transaction with its event, its evidence and the signed receipt that goes back.
4. ``read`` is stated only for a signed-in person: the callers of :meth:`Inbox.read` see to that.
5. Nothing is erased before the case system has it or a person closed it (A69).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from gateway.accountability.message_limits import MessageLimits
from gateway.delivery import outbox
from gateway.delivery.calendars import Calendars
from gateway.delivery.inbox_content import content_of, deadline_of, open_content, seal_content, seal_detail
from gateway.delivery.outbox import QueuedReceipt
from gateway.delivery.receipts import POSSIBLE_BREACH, answer_code
from gateway.delivery.sealed_records import seal_answer
from gateway.evidence import recorder
from gateway.exchange.acceptance import ReceiptSigner, ReceiptSubject
from gateway.exchange.kinds import Acceptance
from gateway.exchange.services import HostedService
from gateway.ports import KeyVault, Store, StoreBusy, Transaction
from gateway.restrictions.places import Places
from gateway.store.tables import answers, delivery_events, escalations, flags, inbox
from gateway.store.tables.answers import StoredAnswer
from gateway.store.tables.delivery_events import DeliveryEvent, DeliverySide
from gateway.store.tables.inbox import CaseChange, CaseState, InboxMessage, InboxState
from gateway.store.tables.outbox import Lane
from trust.agreements.decision import Permit
from trust.agreements.location import answer_faults
from trust.agreements.minimise import cut_message
from trust.agreements.time_terms import DEFAULT_TERM, due_at
from trust.claims import digest, from_seconds
from trust.evidence.leaf import Leaf, LeafKind, message_key
from trust.exchange.errors import MalformedBody
from trust.exchange.escalation import UNREAD_AFTER
from trust.exchange.kind import Kinds, QueuedBody
from trust.exchange.message import Message, OpenedMessage, Urgency
from trust.exchange.person import parse_subject
from trust.exchange.receipt import ArrivalProof, ReceiptState
from trust.exchange.refusal import Refusal
from trust.identifiers import EntityId, KindName, RoleCode, ServiceRef, ServiceSlug
from trust.strict_json import JsonObject

_LONGEST_LINE = 64
_ANSWER_BYTES = 1
"""What an answer is charged for; the case API caps its size."""
TakeNotice = Callable[[Transaction, Message, QueuedBody, datetime], None]
"""Take what a message says to this node itself, in the transaction that stores it."""


class NoSuchMessage(Exception):
    """There is no such message in the inbox of this service, or its content was erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyReader:
    """A signed-in person who opened a message: their own agency's name for them, and the duty role."""

    id: str
    role: RoleCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A state of a message that its sender is told of; ``member`` is what a receipt of this state alone has.

    ``code`` and ``actor`` stand in the event (:class:`gateway.store.tables.delivery_events.DeliveryEvent`).
    """

    state: ReceiptState
    member: Mapping[str, Any] = field(repr=False)
    code: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """Store messages for the services of this node, and state their progress."""

    own: EntityId
    store: Store
    vault: KeyVault
    kinds: Kinds
    signer: ReceiptSigner
    calendars: Calendars
    limits: MessageLimits
    places: Places
    take_notice: TakeNotice

    def accept(
        self, permit: Permit, service: HostedService, opened_message: OpenedMessage, now: datetime
    ) -> Acceptance:
        """Return the effect that stores a message, cut to what the clause permits (1, 2)."""
        message = opened_message.message
        persons, cut = cut_message(message, cast("QueuedBody", permit.query), permit.fields)
        key = message_key(self.vault.evidence_hmac_key(), message.iss, message.jti)
        content = content_of(message, persons, cut, opened_message.digest)
        urgency = message.urgency or Urgency.GREEN
        decide_by = deadline_of(message) or due_at(
            permit.clause.respond_within or DEFAULT_TERM, now, self.calendars.of_own(None), urgency=urgency
        )
        supersedes = message.supersedes and message_key(self.vault.evidence_hmac_key(), message.iss, message.supersedes)
        row = InboxMessage(
            message=key,
            issuer=message.iss,
            kind=message.kind,
            topic=_topic(cut),
            from_service=message.from_service,
            service=service.ref.service,
            reference=outbox.new_reference(),
            lane=outbox.lane_of(urgency),
            digest=opened_message.digest,
            sealed=seal_content(self.vault.seal_key(), key, content),
            received_at=now,
            expires_at=from_seconds(message.exp),
            supersedes=supersedes,
            case_next_at=now,
            case_lease_until=now,
            decide_by=decide_by,
            receipt_seq=1,
            escalate_at=now + UNREAD_AFTER if urgency is Urgency.RED else decide_by,
        )

        def effect(tx: Transaction) -> None:
            _store(tx, row, now)
            if message.handling is not None and message.handling.restricted_address:
                self.places.restrict_received(tx, replace(message, persons=persons), now=now)
            self.take_notice(tx, message, cut, now)

        return Acceptance(effect=effect, fields=tuple(sorted(permit.fields)))

    def page(
        self, service: ServiceSlug, *, state: InboxState, after: tuple[int, str] | None, limit: int
    ) -> tuple[InboxMessage, ...]:
        """Return messages of a service, the oldest first."""
        return self.store.read(lambda tx: inbox.page(tx, service=service, state=state, after=after, limit=limit))

    def get(self, service: ServiceSlug, message: str) -> tuple[InboxMessage, JsonObject]:
        """Return a message of a service with its content. Raises :class:`NoSuchMessage`."""
        row = self._row(service, message)
        content = open_content(self.vault.seal_key(), row)
        if content is None:
            raise NoSuchMessage
        return row, content.document

    def read(self, service: ServiceSlug, message: str, reader: DutyReader, *, now: datetime) -> None:
        """Note that a signed-in person in a duty role opened a message: the bell stops. Raises :class:`NoSuchMessage`.

        The second reader changes nothing.
        """
        row = self._row(service, message)
        sealed = seal_detail(self.vault.seal_key(), row.message, "reader", {"id": reader.id, "role": reader.role})
        progress = Progress(state=ReceiptState.READ, member={"read_by": reader.role}, actor=reader.role)

        def effect(tx: Transaction) -> None:
            if inbox.mark_read(tx, row.message, at=now, role=reader.role, reader=sealed):
                self.tell(tx, row, progress, now=now)

        self.store.write(effect)

    def acknowledge(self, service: ServiceSlug, message: str, *, client_id: str, now: datetime) -> None:
        """Note that the case system that polls has stored a message. Raises :class:`NoSuchMessage`."""
        row, proof = self._row(service, message), ArrivalProof.ACKNOWLEDGED
        change = CaseChange(before=CaseState.WAITING, after=CaseState.IN_CASE_SYSTEM, next_at=now, proof=proof)
        self.store.write(lambda tx: self.note_arrival(tx, row, change, actor=client_id, now=now))

    def note_arrival(
        self, tx: Transaction, row: InboxMessage, change: CaseChange, *, now: datetime, actor: str | None = None
    ) -> bool:
        """State that the case system has a message, and how that is known; false where that is known already."""
        if not inbox.change_case_state(tx, row.message, change, now=now):
            return False
        progress = Progress(
            state=ReceiptState.IN_CASE_SYSTEM,
            member={"proof": ArrivalProof(str(change.proof))},
            code=change.proof,
            actor=actor,
        )
        self.tell(tx, row, progress, now=now)
        return True

    def note_rejection(self, tx: Transaction, row: InboxMessage, refusal: Refusal, *, now: datetime) -> None:
        """State that the case system refuses a message for good (A68). A person acts on the copy, which stays."""
        change = CaseChange(before=CaseState.WAITING, after=CaseState.REJECTED, next_at=now)
        if inbox.change_case_state(tx, row.message, change, now=now):
            progress = Progress(state=ReceiptState.FAILED, member={"reason": refusal}, code=refusal.code)
            self.tell(tx, row, progress, now=now)
            escalations.note_lost(tx, side=DeliverySide.RECIPIENT, message=row.message, now=now)

    def answer(
        self, service: ServiceSlug, message: str, body: JsonObject, *, actor: str, now: datetime
    ) -> InboxMessage:
        """Record what a person decided on a message, tell its sender, and return the message as it stands then.

        Raises :class:`NoSuchMessage`, ``MalformedBody`` for a body that is no answer of the kind or tells a restricted
        place, ``ExchangeRefused`` for one that cannot follow the last, and ``MessagesLimited``.
        """
        row = self._row(service, message)
        parse = self.kinds[KindName(row.kind)].parse_answer
        if parse is None:
            raise NoSuchMessage
        parsed = parse(body)
        parsed.check_follows(row.decision)
        answer = parsed.to_body()
        self._refuse_places(row, answer)
        code = answer_code(answer)
        progress = Progress(state=ReceiptState.ANSWERED, member={"answer": answer}, code=code, actor=actor)
        state = InboxState.CLOSED if parsed.is_final else InboxState.OPEN
        charge = self.limits.of_client(f"answers {service}", [_ANSWER_BYTES], red=row.lane == Lane.RED)

        def effect(tx: Transaction) -> None:
            if not inbox.answer(tx, row.message, last=row.answer_seq, code=code, at=now, state=state):
                raise StoreBusy("Another person answered it at the same time; look at it again.")
            self.limits.charge(tx, charge, now=now)
            seq, side = self.tell(tx, row, progress, now=now), DeliverySide.RECIPIENT
            sealed = seal_answer(self.vault.seal_key(), row.message, side, seq, answer=answer)
            answers.put(tx, StoredAnswer(message=row.message, seq=seq, side=side, at=now, code=code, sealed=sealed))
            if parsed.is_possible_breach:
                flags.raise_flag(tx, code=POSSIBLE_BREACH, asker=f"{row.issuer} {row.reference}", at=now)

        self.store.write(effect)
        return self._row(service, message)

    def tell(self, tx: Transaction, row: InboxMessage, progress: Progress, *, now: datetime) -> int:
        """Sign and queue the receipt of a state, with its event and leaf, and return its number."""
        current = inbox.get(tx, row.message)
        content = None if current is None else open_content(self.vault.seal_key(), current)
        if current is None or content is None or not inbox.next_receipt(tx, row.message, last=current.receipt_seq):
            raise StoreBusy("The message changed at the same time; try again.")
        seq, sender = current.receipt_seq + 1, EntityId(row.issuer)
        subject = ReceiptSubject(
            sender=sender,
            request=content.request,
            from_service=ServiceSlug(row.from_service),
            to_service=ServiceSlug(row.service),
        )
        entry = recorder.build_entry(_leaf(row, progress, now))
        draft = self.signer.draft(subject, progress.state, seq=seq, now=now)
        receipt = QueuedReceipt(
            peer=sender,
            to_service=ServiceRef(entity=sender, service=ServiceSlug(row.from_service)),
            raw=self.signer.sign(replace(draft, evidence={"leaf": digest(entry.leaf)}, **progress.member)),
            lane=Lane(row.lane),
            message=row.message,
            reference=row.reference,
        )
        outbox.enqueue_receipt(tx, receipt, seal_key=self.vault.seal_key(), now=now)
        recorder.record(tx, entry)
        delivery_events.put(tx, _event(row, str(progress.state), now, code=progress.code, actor=progress.actor))
        return seq

    def _refuse_places(self, row: InboxMessage, answer: JsonObject) -> None:
        """Raise ``MalformedBody`` for an answer whose texts tell the place of a person of the message."""
        content = open_content(self.vault.seal_key(), row)
        if content is None:
            return
        persons = [parse_subject(each["subject"]) for each in content.document["persons"]]
        values = self.places.values_of(persons)
        faults = () if values is None else answer_faults(answer, KindName(row.kind), values)
        if faults:
            raise MalformedBody(faults)

    def _row(self, service: ServiceSlug, message: str) -> InboxMessage:
        row = self.store.read(lambda tx: inbox.get(tx, message))
        if row is None or row.service != service:
            raise NoSuchMessage
        return row


def _store(tx: Transaction, row: InboxMessage, now: datetime) -> None:
    """Store a message; the newer of two versions stands, whichever came first."""
    successor = inbox.find_successor(tx, row)
    if successor is not None and _closes_circle(tx, row, successor):
        successor = None
    if successor is not None:
        case_state = CaseState.NOT_WANTED
        row = replace(
            row,
            state=InboxState.SUPERSEDED,
            superseded_by=successor.message,
            case_state=case_state,
            escalate_at=None,
        )
    inbox.put(tx, row)
    delivery_events.put(tx, _event(row, "stored", now))
    if successor is not None:
        delivery_events.put(tx, _event(row, "superseded", now))
    if row.supersedes is not None and inbox.supersede(tx, row):
        earlier = replace(row, message=row.supersedes)
        delivery_events.put(tx, _event(earlier, "superseded", now))


def _closes_circle(tx: Transaction, row: InboxMessage, successor: InboxMessage) -> bool:
    """Say whether what took a message's place gave way to the very one that this message replaces.

    So does a line of messages that is longer than any that people write: the message stands.
    """
    current: InboxMessage | None = successor
    for _ in range(_LONGEST_LINE):
        if current is None:
            return False
        if current.message == row.supersedes:
            return True
        current = inbox.get(tx, current.superseded_by) if current.superseded_by else None
    return True


def _event(
    row: InboxMessage, event: str, at: datetime, *, code: str | None = None, actor: str | None = None
) -> DeliveryEvent:
    return DeliveryEvent(message=row.message, side=DeliverySide.RECIPIENT, at=at, event=event, code=code, actor=actor)


def _leaf(row: InboxMessage, progress: Progress, at: datetime) -> Leaf:
    """Return the leaf of a state; nothing of a person is told by it."""
    return Leaf(
        kind=LeafKind.ANSWERED,
        at=at,
        outcome_code=f"receipt_{progress.state}",
        reason_codes=() if progress.code is None else (progress.code,),
        peer=EntityId(row.issuer),
        message_iss=EntityId(row.issuer),
        message_id=row.message,
        message_digest=row.digest,
        from_service=ServiceSlug(row.from_service),
        to_service=ServiceSlug(row.service),
        fields=(),
    )


def _topic(body: QueuedBody) -> str:
    """Return the topic, service type or notice type of a message: the one word that its clause lists."""
    words = [word for listed in body.clause_words.values() for word in listed]
    return words[0] if words else ""
