"""Hand accepted messages to the case systems of their services, and see that each really arrived.

1. A message is leased, linked where it can be, and handed over. Handing over is repeated until the case system took it.
2. Where the case system lists what it holds, only that list proves arrival; it is asked soon after, and again later.
3. A case system without a list took the message and cannot prove it: the receipt says so.
4. A refusal for good is told to the sender (A68) and rings the bell; the copy stays.
5. Once a day everything that the list proved is asked for again: what is gone is lost, is told, and rings (A70).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from adapters.contract import AdapterError, Deadline, DeliveredMessage, MessageRejected, Receiver
from gateway.delivery.inbox import Inbox, Progress
from gateway.delivery.inbox_content import open_content, seal_detail
from gateway.delivery.linking import find_record
from gateway.exchange.answer import call_adapter
from gateway.exchange.services import HostedService, ServiceRegistry
from gateway.ports import Store, Transaction
from gateway.runtime.background import Attempt
from gateway.store.tables import delivery_events, escalations, inbox
from gateway.store.tables.delivery_events import DeliveryEvent, DeliverySide
from gateway.store.tables.inbox import CaseChange, CaseState, InboxMessage, LinkState
from trust.exchange.persons import ConcernedPerson, read_persons
from trust.exchange.reader import Reader
from trust.exchange.receipt import ArrivalProof, ReceiptState
from trust.exchange.refusal import Refusal
from trust.strict_json import JsonObject

BATCH = 16
"""Messages of one service that a round hands over."""
ASKED_AT_ONCE = 500
"""Messages that a case system is asked about in one call."""
LEASE = timedelta(minutes=2)
FIRST_RETRY = timedelta(seconds=5)
LAST_RETRY = timedelta(minutes=15)
HANDED_OVER_AGAIN = 8
"""Checks without the message on the case system's list after which it is handed over again."""
MISSING_AFTER = timedelta(hours=12)
"""How long a message that was handed over may be missing from the list before its bell rings."""
REJECTED = Refusal(
    code="case_system_refused",
    reason="The recipient's case system refuses the message.",
    remedy="Ring the service's duty line: a person there has the message and its reference.",
)
LOST = Refusal(
    code="lost_in_case_system",
    reason="The recipient's case system had the message and has it no longer.",
    remedy="Ring the service's duty line: a person there has the message and its reference.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSystemDelivery:
    """The rounds by which messages reach case systems. ``observe`` is told of a service's failure."""

    store: Store
    inbox: Inbox
    services: ServiceRegistry
    case_system_s: float
    spread: Callable[[], float]
    """Return a number from 0 to 1, so that retries do not come together."""
    observe: Callable[[str, str], None]
    attempt: Attempt

    def round(self, now: datetime) -> int:
        """Hand over what is due and ask for what was handed over; return how many messages took a step."""
        return sum(
            self._serve(service, receiver, now)
            for service in self.services.values()
            if (receiver := service.adapter.receiver) is not None
        )

    def verify(self, now: datetime) -> int:
        """Ask every case system for all that it proved to hold, and return how many messages are lost (5)."""
        lost = 0
        for service in self.services.values():
            receiver = service.adapter.receiver
            if receiver is not None and receiver.can_prove:
                lost += self.attempt("verify", partial(self._verify, service, receiver, now)) or 0
        return lost

    def _serve(self, service: HostedService, receiver: Receiver, now: datetime) -> int:
        slug = service.ref.service
        waiting, handed_over = self.store.read(
            lambda tx: (
                inbox.due(tx, service=slug, state=CaseState.WAITING, now=now, limit=BATCH),
                inbox.due(tx, service=slug, state=CaseState.HANDED_OVER, now=now, limit=ASKED_AT_ONCE),
            )
        )
        for row in waiting:
            self.attempt("hand_over", partial(self._hand_over, service, receiver, row, now))
        if handed_over:
            self.attempt("confirm", partial(self._confirm, service, receiver, handed_over, now))
        return len(waiting) + len(handed_over)

    def _hand_over(self, service: HostedService, receiver: Receiver, row: InboxMessage, now: datetime) -> None:
        until = now + LEASE
        if not self.store.write(lambda tx: inbox.lease(tx, row.message, state=CaseState.WAITING, now=now, until=until)):
            return
        try:
            delivery = self._delivery(service, row, now)
            if delivery is None:
                return
            deadline = Deadline.after(self.case_system_s)
            ref = call_adapter(lambda: receiver.receive(delivery, deadline=deadline))
        except MessageRejected:
            self.observe(row.service, "rejected")
            self.store.write(lambda tx: self.inbox.note_rejection(tx, row, REJECTED, now=now))
            return
        except AdapterError:
            self.observe(row.service, "failed")
            next_at = now + self._pause(row.case_attempts)
            self.store.write(lambda tx: inbox.postpone(tx, row.message, lease=until, next_at=next_at, now=now))
            return
        self._took(receiver, row, ref, now)

    def _took(self, receiver: Receiver, row: InboxMessage, ref: str, now: datetime) -> None:
        sealed = seal_detail(self.inbox.vault.seal_key(), row.message, "ref", {"ref": ref})
        before = CaseState.WAITING
        if receiver.can_prove:
            change = CaseChange(before=before, after=CaseState.HANDED_OVER, next_at=now, ref=sealed)
            self.store.write(lambda tx: _handed_over(tx, row, change, now))
            return
        proof = ArrivalProof.NONE
        change = CaseChange(before=before, after=CaseState.IN_CASE_SYSTEM, next_at=now, ref=sealed, proof=proof)
        self.store.write(lambda tx: self.inbox.note_arrival(tx, row, change, now=now))

    def _delivery(self, service: HostedService, row: InboxMessage, now: datetime) -> DeliveredMessage | None:
        content = open_content(self.inbox.vault.seal_key(), row)
        if content is None:
            return None
        ref = self._link(service, row, content.document, now)
        return DeliveredMessage(
            message_id=row.message,
            kind=row.kind,
            topic=row.topic,
            urgency=("red", "amber", "green")[row.lane],
            received_at=row.received_at,
            from_agency=row.issuer,
            from_service=row.from_service,
            to_service=row.service,
            reference=row.reference,
            document=content.document,
            linked_ref=ref,
            not_linked=ref is None,
        )

    def _link(
        self, service: HostedService, row: InboxMessage, document: dict[str, object], now: datetime
    ) -> str | None:
        persons = _persons(document, now)
        ref = find_record(service, persons, now=now, deadline=Deadline.after(self.case_system_s))
        link = LinkState.NOT_LINKED if ref is None else LinkState.LINKED
        sealed = None
        if ref is not None:
            sealed = seal_detail(self.inbox.vault.seal_key(), row.message, "link", {"ref": ref})
        self.store.write(lambda tx: inbox.set_link(tx, row.message, link=link, sealed=sealed))
        return ref

    def _confirm(
        self, service: HostedService, receiver: Receiver, rows: tuple[InboxMessage, ...], now: datetime
    ) -> None:
        """Ask the case system which of these it holds (2)."""
        ids = [row.message for row in rows]
        try:
            held_ids = call_adapter(lambda: receiver.holds(ids, deadline=Deadline.after(self.case_system_s)))
        except AdapterError:
            self.observe(service.ref.service, "unproved")
            held_ids = frozenset()
        for row in rows:
            if row.message in held_ids:
                self.store.write(partial(self._note_held, row, now=now))
            else:
                self.store.write(partial(self._note_missing, row, now=now))

    def _note_held(self, row: InboxMessage, tx: Transaction, *, now: datetime) -> None:
        change = CaseChange(
            before=CaseState.HANDED_OVER, after=CaseState.IN_CASE_SYSTEM, next_at=now, proof=ArrivalProof.HELD
        )
        self.inbox.note_arrival(tx, row, change, now=now)

    def _note_missing(self, row: InboxMessage, tx: Transaction, *, now: datetime) -> None:
        """Ask again later; after some time hand the message over again, and after half a day have its bell ring."""
        again = row.case_attempts + 1 >= HANDED_OVER_AGAIN
        after = CaseState.WAITING if again else CaseState.HANDED_OVER
        change = CaseChange(
            before=CaseState.HANDED_OVER,
            after=after,
            next_at=now + self._pause(row.case_attempts),
            attempts=0 if again else row.case_attempts + 1,
        )
        if inbox.change_case_state(tx, row.message, change, now=now) and now - row.received_at >= MISSING_AFTER:
            _note_lost(tx, row, now)

    def _verify(self, service: HostedService, receiver: Receiver, now: datetime) -> int:
        lost, ids = 0, self._held_messages(service, "")
        while ids:
            missing = self._missing(receiver, ids)
            lost += sum(self.store.write(partial(self._note_gone, each, now=now)) for each in missing)
            ids = self._held_messages(service, ids[-1])
        return lost

    def _held_messages(self, service: HostedService, after: str) -> tuple[str, ...]:
        slug, proof = service.ref.service, ArrivalProof.HELD
        return self.store.read(
            lambda tx: inbox.held_messages(tx, service=slug, proof=proof, after=after, limit=ASKED_AT_ONCE)
        )

    def _missing(self, receiver: Receiver, ids: tuple[str, ...]) -> list[str]:
        """Return those of ``ids`` that the case system does not hold. Raises :class:`AdapterError`."""
        held_ids = call_adapter(lambda: receiver.holds(ids, deadline=Deadline.after(self.case_system_s)))
        return sorted(frozenset(ids) - held_ids)

    def _note_gone(self, message: str, tx: Transaction, *, now: datetime) -> int:
        """Tell the sender of a message that its recipient's case system lost, and have the bell ring (5)."""
        row = inbox.get(tx, message)
        change = CaseChange(before=CaseState.IN_CASE_SYSTEM, after=CaseState.LOST, next_at=now)
        if row is None or not inbox.change_case_state(tx, message, change, now=now):
            return 0
        progress = Progress(state=ReceiptState.FAILED, member={"reason": LOST}, code=LOST.code)
        self.inbox.tell(tx, row, progress, now=now)
        _note_lost(tx, row, now)
        return 1

    def _pause(self, attempts: int) -> timedelta:
        """Return how long to wait after so many attempts: between half and all of a time that doubles."""
        longest: timedelta = min(FIRST_RETRY * 2 ** min(attempts, 16), LAST_RETRY)
        return longest * (0.5 + self.spread() / 2)


def _handed_over(tx: Transaction, row: InboxMessage, change: CaseChange, now: datetime) -> None:
    if inbox.change_case_state(tx, row.message, change, now=now):
        delivery_events.put(tx, _event(row, "handed_over", now))


def _note_lost(tx: Transaction, row: InboxMessage, now: datetime) -> None:
    escalations.note_lost(tx, side=DeliverySide.RECIPIENT, message=row.message, now=now)
    delivery_events.put(tx, _event(row, "lost", now))


def _event(row: InboxMessage, event: str, at: datetime) -> DeliveryEvent:
    return DeliveryEvent(message=row.message, side=DeliverySide.RECIPIENT, at=at, event=event)


def _persons(document: JsonObject, now: datetime) -> tuple[ConcernedPerson, ...]:
    """Read the persons of a stored document; the message was parsed before it was stored."""
    return read_persons(Reader(document), this_year=now.year)
