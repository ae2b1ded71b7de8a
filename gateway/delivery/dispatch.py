"""One attempt to send one row of the outbox; the numbers stand again in the code.

1. Decide again, by what holds now: trust, marks, agreement, consents, restrictions. What may not leave is held.
2. Send the same bytes as before.
   One that a revoked key signed, which no recipient takes, gives way to a new message instead.
3. Read the signed receipt, which alone says that the recipient has the message.

An attempt ends in one :class:`SendAttempt`. A fault that is not this row's concerns the
peer: its other rows wait for one that gets through, and cost no attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.accountability.message_limits import MessagesLimited
from gateway.agreements.registry import detail_for
from gateway.delivery.case_submission import SubmissionRefused
from gateway.delivery.outbox import open_outgoing
from gateway.delivery.receipts import ReceiptBook, UnknownMessage
from gateway.delivery.reissue import KEY_REVOKED, NothingToReissue, Reissuer
from gateway.delivery.sending_policy import NOT_TRUSTED, PolicyBatch
from gateway.exchange.acceptance import with_current_key
from gateway.exchange.inbound import MessageIdReused
from gateway.exchange.inbound_evidence import ID_REUSED
from gateway.exchange.outbound import AskOwnNode
from gateway.exchange.peer_maintenance import MAINTENANCE, away_now
from gateway.peers.refusals import read_refusal
from gateway.ports import (
    Clock,
    KeyVault,
    PeerClient,
    PeerRefused,
    PeerRequest,
    Store,
    StoreBusy,
    StoreFull,
    Transport,
    TransportError,
)
from gateway.store.tables import outbox, peer_limits
from gateway.store.tables.outbox import OutboxRow, OutboxType
from gateway.telemetry import trace_context
from trust.errors import TrustError, Untrusted
from trust.exchange.kind import Kinds
from trust.exchange.message import Message, peek_message
from trust.exchange.receipt import Receipt
from trust.exchange.refusal import Refusal
from trust.federation.chain import TrustedEntity
from trust.identifiers import EntityId
from trust.jose import peek_key_id
from trust.keys import KeyUse

MESSAGE_TYPE = "application/jwt"
MAX_ANSWER = 65_536
_NO_CONTENT = 204
_CONFLICT = 409
_UNAVAILABLE = 503
_OF_THE_PEER = frozenset({401, 403, 408, 429, 502, 503, 504})
"""Statuses that say nothing of the message: the peer, what stands before it, or what it thinks of this node."""
_TOO_MANY = 429
_LIMITS = {"messages-limited": peer_limits.PEER_LIMITING, "clause-limited": peer_limits.CLAUSE_LIMITING}
_NO_AGREEMENT = "invalid_authorization_details"


class Ending(StrEnum):
    """How an attempt ended."""

    RECEIPTED = "receipted"
    """A signed receipt came, of success or failure."""
    TAKEN = "taken"
    """The recipient took a receipt of ours, or knows no message that it could be about."""
    HELD = "held"
    """It may not be sent at present."""
    PEER_AWAY = "peer_away"
    """The peer takes nothing at present."""
    PEER_UNTRUSTED = "peer_untrusted"
    """No trust anchor vouches for the peer at present."""
    REFUSED = "refused"
    """The peer refused this row, or answered nonsense."""
    FAILED = "failed"
    """The peer refused this row for good."""
    LIMITED = "limited"
    """The peer takes no more from this node for a while, of this row's clause or at all; nothing was done there."""
    NOT_TRIED = "not_tried"
    """A fault of this node's own, such as a store that is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAttempt:
    """How one attempt ended; ``code`` says why.

    ``retry_after_s`` is there for :attr:`Ending.LIMITED`, ``receipt`` and ``raw`` for :attr:`Ending.RECEIPTED`.
    """

    row: OutboxRow
    ending: Ending
    code: str = ""
    retry_after_s: int = 0
    receipt: Receipt | None = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Make attempts. Safe for several threads; ``timeout_s`` bounds each."""

    own: EntityId
    vault: KeyVault
    store: Store
    clock: Clock
    peers: PeerClient
    transport: Transport
    ask_own_node: AskOwnNode
    receipts: ReceiptBook
    kinds: Kinds
    reissuer: Reissuer
    crashed: Callable[[Exception, str], None]
    timeout_s: float

    def attempt(self, row: OutboxRow, batch: PolicyBatch) -> SendAttempt:
        """Send a row once, if it may leave now. Raises nothing."""
        try:
            return self._explain(self._attempt(row, batch), batch)
        except (StoreFull, StoreBusy):
            return SendAttempt(row=row, ending=Ending.NOT_TRIED, code="store")
        except Exception as fault:  # noqa: BLE001 - the administrator is told, and no other row waits for this one
            self.crashed(fault, "dispatch")
            return SendAttempt(row=row, ending=Ending.REFUSED, code="internal")

    def _attempt(self, row: OutboxRow, batch: PolicyBatch) -> SendAttempt:
        sealed = self.store.read(lambda tx: outbox.sealed(tx, message=row.message))
        if sealed is None:
            return SendAttempt(row=row, ending=Ending.FAILED, code="erased")
        raw = open_outgoing(self.vault.seal_key(), row.message, sealed)
        send = self._send_receipt if row.typ is OutboxType.RECEIPT else self._send_message
        try:
            return send(row, raw, batch)
        except PeerRefused as refused:
            return _refused(row, refused)
        except MessagesLimited as limited:  # by this very node
            code = peer_limits.CLAUSE_LIMITING if limited.by_clause else peer_limits.PEER_LIMITING
            return SendAttempt(row=row, ending=Ending.LIMITED, code=code, retry_after_s=limited.retry_after_s)
        except (Untrusted, TransportError, MessageIdReused, TrustError) as fault:
            ending, code = _ending_of(fault)
            return SendAttempt(row=row, ending=ending, code=code)

    def _explain(self, attempt: SendAttempt, batch: PolicyBatch) -> SendAttempt:
        """Say of a peer that takes nothing that it announced that."""
        if attempt.ending is not Ending.PEER_AWAY:
            return attempt
        away = away_now(batch.party(EntityId(attempt.row.peer)).node, self.clock.now())
        return attempt if away is None else replace(attempt, code=MAINTENANCE)

    def _send_message(self, row: OutboxRow, raw: bytes, batch: PolicyBatch) -> SendAttempt:
        message = peek_message(raw, kinds=self.kinds)
        party = batch.party(message.aud)
        decision = batch.decide_again(message)  # 1
        if isinstance(decision, Refusal):
            return SendAttempt(row=row, ending=Ending.HELD, code=decision.code)
        if peek_key_id(raw) not in self.vault.published(KeyUse.MESSAGE).kids:
            return self._renew(row)
        answer = self._deliver(message, raw, party)  # 2
        receipt = self.receipts.open(answer, party, message, row.digest, self.clock.now())  # 3
        return SendAttempt(row=row, ending=Ending.RECEIPTED, receipt=receipt, raw=answer)

    def _renew(self, row: OutboxRow) -> SendAttempt:
        """Have a new message take the place of one that a revoked key signed; its sender sees both."""
        try:
            self.reissuer.renew(row, now=self.clock.now())
        except SubmissionRefused as refused:
            return SendAttempt(row=row, ending=Ending.HELD, code=refused.code)
        except NothingToReissue:
            return SendAttempt(row=row, ending=Ending.FAILED, code=KEY_REVOKED)
        return SendAttempt(row=row, ending=Ending.NOT_TRIED, code=KEY_REVOKED)

    def _deliver(self, message: Message, raw: bytes, party: TrustedEntity) -> bytes:
        detail = detail_for(message.agreement, message.purpose, message.kind)
        if message.aud == self.own:
            return self.ask_own_node(raw, detail, self.clock.now())
        trace = trace_context.new_trace()
        return self.peers.send_message(party, raw, detail=detail, timeout_s=self.timeout_s, trace=trace)

    def _send_receipt(self, row: OutboxRow, raw: bytes, batch: PolicyBatch) -> SendAttempt:
        party, raw = batch.party(EntityId(row.peer)), with_current_key(raw, self.vault)  # 1
        if row.peer == self.own:
            try:
                self.receipts.receive(raw, self.clock.now())
            except UnknownMessage:
                return SendAttempt(row=row, ending=Ending.TAKEN, code="unknown")
            return SendAttempt(row=row, ending=Ending.TAKEN)
        if party.node is None:
            return SendAttempt(row=row, ending=Ending.PEER_UNTRUSTED, code=NOT_TRUSTED.code)
        answer = self.transport.send(
            PeerRequest(
                method="POST",
                url=party.node.receipt_endpoint,
                headers={"Content-Type": MESSAGE_TYPE},
                body=raw,
                accept="application/problem+json",
                max_bytes=MAX_ANSWER,
                timeout_s=self.timeout_s,
            )
        )
        if answer.status == _NO_CONTENT:
            return SendAttempt(row=row, ending=Ending.TAKEN)
        return _refused(row, read_refusal(answer))


def _ending_of(fault: Exception) -> tuple[Ending, str]:
    match fault:
        case Untrusted():
            return Ending.PEER_UNTRUSTED, NOT_TRUSTED.code
        case TransportError():
            return Ending.PEER_AWAY, "unreachable"
        case MessageIdReused():
            return Ending.FAILED, ID_REUSED
        case TrustError():
            return Ending.REFUSED, fault.code
    raise fault


def _refused(row: OutboxRow, refused: PeerRefused) -> SendAttempt:
    """Tell what a refusal before the message was opened is about."""
    status, code = refused.status, refused.code
    if status == _TOO_MANY and code in _LIMITS:
        wait_s = refused.retry_after_s or 1
        return SendAttempt(row=row, ending=Ending.LIMITED, code=_LIMITS[code], retry_after_s=wait_s)
    if code == _NO_AGREEMENT:  # a token's refusal: the peer holds no such agreement in force
        return SendAttempt(row=row, ending=Ending.HELD, code="peer_holds_no_agreement")
    if status in _OF_THE_PEER:
        return SendAttempt(row=row, ending=Ending.PEER_AWAY, code=code if status != _UNAVAILABLE else "unavailable")
    if status == _CONFLICT:
        return SendAttempt(row=row, ending=Ending.FAILED, code=code)
    return SendAttempt(row=row, ending=Ending.REFUSED, code=code)
