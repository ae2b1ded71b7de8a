"""Receipts for messages of this node: what each changes, whether it came as the answer or was posted later.

1. ``stored``, ``in_case_system`` and ``read`` only go forward. A late or repeated receipt changes nothing.
2. ``failed`` counts when it is newer than what is known: a state may worsen, and the sender is told (assertion A68).
3. Every answer is kept; the one with the highest number stands.
4. A change, its event and its leaf stand in one transaction.

A posted receipt proves itself by the recipient's signature and names a message by its id and digest. One for a message
that this node never sent, or sent to another agency, is for no message at all.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from gateway.accountability.message_limits import MessageLimits, MessagesLimited
from gateway.delivery.evidence import receipt_entry
from gateway.delivery.outbox import open_outgoing
from gateway.delivery.sealed_records import seal_answer
from gateway.evidence import recorder
from gateway.key_refresh import verify_with_key_refresh
from gateway.ports import KeyVault, Store, Transaction, TrustResolver
from gateway.store.tables import answers, delivery_events, flags, outbox
from gateway.store.tables.answers import StoredAnswer
from gateway.store.tables.delivery_events import DeliveryEvent, DeliverySide
from gateway.store.tables.outbox import OutboxRow, OutboxState, OutboxType
from trust.claims import from_seconds
from trust.errors import NoChain
from trust.evidence.leaf import message_key
from trust.exchange.kind import Kinds
from trust.exchange.message import Message, RequestRef, peek_message
from trust.exchange.receipt import Receipt, ReceiptState, open_receipt, peek_request
from trust.federation.chain import TrustedEntity
from trust.identifiers import EntityId, KindName
from trust.strict_json import JsonObject

POSSIBLE_BREACH = "possible_breach"
_FORWARD = (ReceiptState.STORED, ReceiptState.IN_CASE_SYSTEM, ReceiptState.READ)
_OUTCOMES = ("closed", "status", "answer")
"""The member of an answer that says what became of the message, one for each kind."""


class UnknownMessage(Exception):
    """A receipt is for no message that this node sent to its issuer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptBook:
    """Read and record receipts."""

    own: EntityId
    directory: TrustResolver
    vault: KeyVault
    store: Store
    kinds: Kinds
    limits: MessageLimits

    def receive(self, raw: bytes, now: datetime) -> None:
        """Record a posted receipt, durable by the return.

        Raises ``TrustError`` for one that does not verify, :class:`UnknownMessage`, ``MessagesLimited``, and the
        store's errors.
        """
        issuer, request = peek_request(raw)
        key = message_key(self.vault.evidence_hmac_key(), self.own, request.jti)
        row, sealed = self.store.read(lambda tx: (outbox.get(tx, message=key), outbox.sealed(tx, message=key)))
        if row is None or sealed is None or row.typ is not OutboxType.MESSAGE or row.peer != issuer:
            raise UnknownMessage
        party = self.directory.resolve(issuer, now=now, urgent=True)
        message = peek_message(open_outgoing(self.vault.seal_key(), key, sealed), kinds=self.kinds)
        receipt = self.open(raw, party, message, row.digest, now)
        charge = self.limits.of_receipt(issuer)

        def effect(tx: Transaction) -> None:
            if self.record(tx, row.message, receipt, raw, now=now):
                self.limits.charge(tx, charge, now=now)

        try:
            self.store.write(effect)
        except MessagesLimited as limited:
            self.limits.refuse(self.store, charge, limited, now=now)

    def open(self, raw: bytes, party: TrustedEntity, message: Message, digest: str, now: datetime) -> Receipt:
        """Verify a receipt for a message of ours, and read its answer. Raises ``TrustError`` only."""
        request = RequestRef(jti=message.jti, digest=digest)

        def verify(party: TrustedEntity) -> Receipt:
            if party.node is None:
                raise NoChain("The recipient's chain describes no node that may exchange messages.")
            return open_receipt(
                raw, receiver_keys=party.node.message_keys, own_id=self.own, sent=request, message=message, now=now
            )

        receipt = verify_with_key_refresh(party, raw, verify, directory=self.directory, now=now)
        if receipt.answer is not None:
            parse = self.kinds[message.kind].parse_answer
            receipt = replace(receipt, answer=None if parse is None else parse(receipt.answer).to_body())
        self.directory.note_suspensions(receipt.iss, receipt.suspensions, now=now)
        return receipt

    def record(
        self, tx: Transaction, message: str, receipt: Receipt, raw: bytes, *, now: datetime, tried: bool = False
    ) -> bool:
        """Store what a verified receipt changes, with its event and its leaf; return false where it is no news."""
        row = outbox.get(tx, message=message)
        if row is None:
            return False
        changed = advance(row, receipt)
        is_news = changed != row
        if receipt.answer is not None:
            is_news = self._store_answer(tx, row, receipt, receipt.answer) or is_news
        if not is_news and not tried:
            return False
        outbox.note_receipt(tx, row, changed, tried=tried)
        outbox.wake_next(tx, row, now=now)
        if is_news:
            delivery_events.put(tx, _event(row, receipt, now))
            recorder.record(tx, receipt_entry(row, receipt, raw, own=self.own, at=now))
        return is_news

    def _store_answer(self, tx: Transaction, row: OutboxRow, receipt: Receipt, body: JsonObject) -> bool:
        side, code = DeliverySide.SENDER, answer_code(body)
        sealed = seal_answer(self.vault.seal_key(), row.message, side, receipt.seq, answer=body)
        answer = StoredAnswer(
            message=row.message, seq=receipt.seq, side=side, at=from_seconds(receipt.at), code=code, sealed=sealed
        )
        if not answers.put(tx, answer):
            return False
        parse = self.kinds[KindName(row.kind)].parse_answer
        if parse is not None and parse(body).is_possible_breach:
            flags.raise_flag(tx, code=POSSIBLE_BREACH, asker=f"{row.peer} {row.reference}", at=answer.at)
        return True


def advance(row: OutboxRow, receipt: Receipt) -> OutboxRow:
    """Return the row as a receipt leaves it; the same row where it says nothing new."""
    at, is_newer = from_seconds(receipt.at), receipt.seq > row.receipt_seq
    changed = replace(row, receipt_seq=max(row.receipt_seq, receipt.seq))
    if receipt.state is ReceiptState.FAILED:
        if not is_newer or row.state is OutboxState.CLOSED:
            return changed
        return replace(
            changed, state=OutboxState.FAILED, reason=None if receipt.reason is None else receipt.reason.code
        )
    if row.state is not OutboxState.CLOSED and (is_newer or row.state is not OutboxState.FAILED):
        changed = replace(changed, state=OutboxState.STORED, reason=None, stored_at=row.stored_at or at)
    if receipt.state in _FORWARD and _rank(receipt.state) > _rank(row.progress):
        changed = replace(changed, progress=str(receipt.state), progress_at=at)
    if receipt.state is ReceiptState.IN_CASE_SYSTEM and row.proof in {None, "none"} and receipt.proof is not None:
        changed = replace(changed, proof=str(receipt.proof))
    if receipt.state is ReceiptState.READ and row.read_at is None:
        changed = replace(changed, read_at=at)
    if receipt.answer is not None and receipt.seq > row.answer_seq:
        code = answer_code(receipt.answer)
        changed = replace(changed, decision=code, decided_at=at, answer_seq=receipt.seq)
    return changed


def answer_code(body: JsonObject) -> str:
    """Return the word of an answer that says what became of the message."""
    return next((str(body[name]) for name in _OUTCOMES if name in body), "answered")


def _rank(progress: str | None) -> int:
    return -1 if progress is None else _FORWARD.index(ReceiptState(progress))


def _event(row: OutboxRow, receipt: Receipt, now: datetime) -> DeliveryEvent:
    code = {
        ReceiptState.FAILED: receipt.reason and receipt.reason.code,
        ReceiptState.IN_CASE_SYSTEM: receipt.proof and str(receipt.proof),
        ReceiptState.ANSWERED: receipt.answer and answer_code(receipt.answer),
    }.get(receipt.state)
    return DeliveryEvent(
        message=row.message,
        side=DeliverySide.SENDER,
        at=now,
        event=str(receipt.state),
        code=code or None,
        actor=receipt.read_by,
    )
