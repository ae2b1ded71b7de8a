"""The outbox of a node: what is queued, and every change of its state with its event and its evidence.

1. A change, its event and its leaf stand in one transaction; where one fails, none of them happened.
2. A row rests sealed, and the same bytes are sent on every attempt.
3. A message is never deleted: it is parked for an operator, or closed by a person or by what took its place.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import choice

from gateway.evidence import recorder
from gateway.keys.sealed import open_own
from gateway.ports import Transaction
from gateway.store.tables import delivery_events, outbox
from gateway.store.tables.delivery_events import DeliveryEvent, DeliverySide
from gateway.store.tables.outbox import Lane, NextTry, OutboxRow, OutboxState, OutboxType
from trust.claims import digest, keyed_digest
from trust.evidence.leaf import Leaf, LeafKind
from trust.exchange.message import Urgency
from trust.exchange.receipt import RECEIPT_LIFE
from trust.identifiers import EntityId, ServiceRef
from trust.sealing import seal
from trust.strict_json import dumps

SUPERSEDED = "superseded"
EXPIRED = "expired"
REFERENCE_LENGTH = 8
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LANES = {Urgency.RED: Lane.RED, Urgency.AMBER: Lane.AMBER, Urgency.GREEN: Lane.GREEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedReceipt:
    """A signed receipt that a recipient owes. ``message`` is the recipient's own name for the message it is about."""

    peer: EntityId
    to_service: ServiceRef
    raw: bytes
    lane: Lane
    message: str
    reference: str


def new_reference() -> str:
    """Return a new reference for people: `HG-` and eight characters of Crockford's base 32, which none can confuse."""
    return "HG-" + "".join(choice(_CROCKFORD) for _ in range(REFERENCE_LENGTH))


def lane_of(urgency: Urgency) -> Lane:
    """Return the lane in which a message of this urgency is sent."""
    return _LANES[urgency]


def case_key(key: bytes, client_id: str, case_ref: str) -> str:
    """Return the keyed digest of a case of this agency."""
    return keyed_digest(key, dumps(["hearthgate case 1", client_id, case_ref]))


def order_key(key: bytes, case: str, recipient: ServiceRef) -> str:
    """Return the key within which messages keep their order: one case and one recipient."""
    return keyed_digest(key, dumps(["hearthgate order 1", case, str(recipient)]))


def seal_outgoing(key: bytes, message: str, raw: bytes) -> bytes:
    """Seal what is to be sent for its own row."""
    return seal(key, raw, _place(message))


def open_outgoing(key: bytes, message: str, sealed: bytes) -> bytes:
    """Open it again. Raises :class:`gateway.keys.sealed.SealBroken`."""
    return open_own(key, sealed, _place(message))


def enqueue(tx: Transaction, row: OutboxRow, *, sealed: bytes) -> None:
    """Queue a message of this node's own, with its event."""
    outbox.put(tx, row, sealed=sealed)
    delivery_events.put(tx, _event(row, "queued", row.created_at))


def enqueue_receipt(tx: Transaction, receipt: QueuedReceipt, *, seal_key: bytes, now: datetime) -> None:
    """Queue a receipt, in the transaction of the state that it states. Receipts of one message keep their order."""
    name = digest(receipt.raw)
    row = OutboxRow(
        message=name,
        typ=OutboxType.RECEIPT,
        about=receipt.message,
        kind="receipt",
        peer=receipt.peer,
        service=str(receipt.to_service),
        reference=receipt.reference,
        lane=receipt.lane,
        order_key=f"receipt {receipt.message}",
        digest=name,
        created_at=now,
        expires_at=now + RECEIPT_LIFE - timedelta(days=1),
        next_at=now,
    )
    outbox.put(tx, row, sealed=seal_outgoing(seal_key, name, receipt.raw))


def put_off(tx: Transaction, row: OutboxRow, next_try: NextTry, *, owner: str, now: datetime) -> bool:
    """Give a leased row back, to be tried again; a hold and its end are events. Return false for a lost lease."""
    if not outbox.try_again(tx, row, next_try, owner=owner):
        return False
    if next_try.state is not row.state or (next_try.state is OutboxState.HELD and next_try.reason != row.reason):
        note_hold(tx, row, next_try.state, next_try.reason, now=now)
    return True


def note_hold(tx: Transaction, row: OutboxRow, state: OutboxState, reason: str | None, *, now: datetime) -> None:
    """Record that a row is held, or no longer."""
    is_held = state is OutboxState.HELD
    delivery_events.put(tx, _event(row, "held" if is_held else "released", now, code=reason if is_held else None))
    if is_held and row.typ is OutboxType.MESSAGE:
        recorder.record(tx, recorder.build_entry(_leaf(row, "held", reason, now)))


def end(
    tx: Transaction, row: OutboxRow, state: OutboxState, *, reason: str, now: datetime, actor: str | None = None
) -> bool:
    """Park, fail or close a row, and let the next one of its case go; false where it changed meanwhile."""
    if not outbox.end(tx, row, state, reason=reason):
        return False
    outbox.wake_next(tx, row, now=now)
    delivery_events.put(tx, _event(row, str(state), now, code=reason, actor=actor))
    if row.typ is OutboxType.MESSAGE:
        recorder.record(tx, recorder.build_entry(_leaf(row, str(state), reason, now)))
    return True


def retry(tx: Transaction, row: OutboxRow, *, now: datetime, actor: str) -> bool:
    """Queue a row again, with the same bytes, on an operator's word; false where it changed meanwhile."""
    if not outbox.retry(tx, row, now=now):
        return False
    delivery_events.put(tx, _event(row, "retried", now, actor=actor))
    if row.typ is OutboxType.MESSAGE:
        recorder.record(tx, recorder.build_entry(_leaf(row, "retried", None, now)))
    return True


def send_again(tx: Transaction, row: OutboxRow, *, now: datetime) -> bool:
    """Queue a receipted message that its recipient does not know any more, with the same bytes.

    What the recipient forgot is forgotten here, so that its new receipts count, which it numbers from the first on.
    Return false where the bytes count no longer, or the row changed meanwhile.
    """
    if row.expires_at <= now:
        return False
    forgotten = replace(
        row,
        state=OutboxState.QUEUED,
        stored_at=None,
        progress=None,
        progress_at=None,
        proof=None,
        read_at=None,
        receipt_seq=0,
        answer_seq=0,
    )
    if not outbox.retry(tx, row, now=now) or not outbox.note_receipt(tx, row, forgotten, tried=False):
        return False
    delivery_events.put(tx, _event(row, "lost", now))
    recorder.record(tx, recorder.build_entry(_leaf(row, "lost", None, now)))
    return True


def note_missing(tx: Transaction, row: OutboxRow, whereabouts: str, *, now: datetime) -> None:
    """Record that a comparison found a receipted message missing at its recipient."""
    delivery_events.put(tx, _event(row, "missing", now, code=whereabouts))
    recorder.record(tx, recorder.build_entry(_leaf(row, "missing", whereabouts, now)))


def receipt_taken(tx: Transaction, row: OutboxRow, *, now: datetime) -> None:
    """Close a receipt that its recipient took, and let the next one of its message go."""
    if outbox.end(tx, row, OutboxState.CLOSED, reason="taken", tried=True):
        outbox.wake_next(tx, row, now=now)


def _event(
    row: OutboxRow, event: str, at: datetime, *, code: str | None = None, actor: str | None = None
) -> DeliveryEvent:
    if row.typ is OutboxType.RECEIPT:
        message, side, name = str(row.about), DeliverySide.RECIPIENT, f"receipt_{event}"
    else:
        message, side, name = row.message, DeliverySide.SENDER, event
    return DeliveryEvent(message=message, side=side, at=at, event=name, code=code, actor=actor)


def _leaf(row: OutboxRow, outcome: str, reason: str | None, at: datetime) -> Leaf:
    """Return the leaf of what this node does with a message of its own: nothing of it is told by that."""
    return Leaf(
        kind=LeafKind.REFUSED,
        at=at,
        outcome_code=outcome,
        reason_codes=() if reason is None else (reason,),
        peer=EntityId(row.peer),
        message_id=row.message,
        fields=(),
    )


def _place(message: str) -> bytes:
    return f"outbox {message}".encode()
