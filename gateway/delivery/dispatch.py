"""One attempt to send rows of the outbox that go to one peer; the numbers stand again in the code.

1. Decide again, by what holds now: trust, marks, agreement, consents, restrictions. What may not leave is held.
2. Send the same bytes as before. Messages that one token permits share a request where the peer takes batches; where
   it refuses the request as a whole, or answers nonsense, each is sent by itself. One that a revoked key signed, which
   no recipient takes, gives way to a new message instead.
3. Read the signed receipt, which alone says that the recipient has the message.

An attempt ends in one :class:`SendAttempt` for each row. A fault that is not this row's concerns the peer: its other
rows wait for one that gets through, and cost no attempt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from time import monotonic
from typing import TypeVar

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
from trust.exchange.batch import MAX_BATCH, MAX_MESSAGES, BatchRefusal
from trust.exchange.kind import Kinds
from trust.exchange.message import Message, peek_message
from trust.exchange.receipt import Receipt
from trust.exchange.refusal import Refusal
from trust.federation.chain import TrustedEntity
from trust.identifiers import EntityId
from trust.jose import peek_key_id
from trust.keys import KeyUse
from trust.oauth.authorization_details import AuthorizationDetail

T = TypeVar("T")

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
_PUNCTUATION, _FRAME = 3, 32
"""Bytes of a batch about each message, and about all of them."""


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


_PEER_TAKES_NOTHING = frozenset({Ending.PEER_AWAY, Ending.PEER_UNTRUSTED})


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
class _Outgoing:
    """A row that may leave now, with its bytes. ``message`` is none for a receipt, which needs no token."""

    row: OutboxRow
    raw: bytes
    party: TrustedEntity
    message: Message | None = None

    @property
    def detail(self) -> AuthorizationDetail:
        """What its token must permit."""
        if self.message is None:
            raise TypeError("a receipt is sent without a token")
        return detail_for(self.message.agreement, self.message.purpose, self.message.kind)

    @property
    def takes_batches(self) -> bool:
        """Whether it may share a request with others."""
        return self.message is not None and self.party.node is not None and self.party.node.batch_endpoint is not None


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

    def attempt(self, rows: Sequence[OutboxRow], batch: PolicyBatch, *, until: float) -> list[SendAttempt]:
        """Send rows of one peer once, as far as they may leave now, and none after ``until``. Raises nothing.

        ``until`` is on the monotonic clock. Where the peer takes nothing, the rest of the rows is not tried.
        """
        try:
            sealed = self.store.read(lambda tx: [outbox.sealed(tx, message=row.message) for row in rows])
        except Exception as fault:  # noqa: BLE001 - as below
            return [self._crashed(row, fault) for row in rows]
        attempts: list[SendAttempt] = []
        ready: list[_Outgoing] = []
        for row, each in zip(rows, sealed, strict=True):
            prepared = self._guarded(row, partial(self._prepare, row, each, batch))
            if isinstance(prepared, SendAttempt):
                attempts.append(prepared)
            else:
                ready.append(prepared)
        for together in _together(ready, self.own):
            attempts += self._send_together(together, until)
        return [self._guarded(each.row, partial(self._explain, each, batch)) for each in attempts]

    def _guarded(self, row: OutboxRow, work: Callable[[], T]) -> T | SendAttempt:
        """Do the work on one row, and tell as its attempt what kept it from being done."""
        try:
            return work()
        except PeerRefused as refused:
            return _refused(row, refused)
        except MessagesLimited as limited:  # by this very node
            code = peer_limits.CLAUSE_LIMITING if limited.by_clause else peer_limits.PEER_LIMITING
            return SendAttempt(row=row, ending=Ending.LIMITED, code=code, retry_after_s=limited.retry_after_s)
        except (Untrusted, TransportError, MessageIdReused, TrustError) as fault:
            ending, code = _ending_of(fault)
            return SendAttempt(row=row, ending=ending, code=code)
        except Exception as fault:  # noqa: BLE001 - the administrator is told, and no other row waits for this one
            return self._crashed(row, fault)

    def _explain(self, attempt: SendAttempt, batch: PolicyBatch) -> SendAttempt:
        """Say of a peer that takes nothing that it announced that."""
        if attempt.ending is not Ending.PEER_AWAY:
            return attempt
        away = away_now(batch.party(EntityId(attempt.row.peer)).node, self.clock.now())
        return attempt if away is None else replace(attempt, code=MAINTENANCE)

    def _crashed(self, row: OutboxRow, fault: Exception) -> SendAttempt:
        if isinstance(fault, StoreFull | StoreBusy):
            return SendAttempt(row=row, ending=Ending.NOT_TRIED, code="store")
        self.crashed(fault, "dispatch")
        return SendAttempt(row=row, ending=Ending.REFUSED, code="internal")

    def _prepare(self, row: OutboxRow, sealed: bytes | None, batch: PolicyBatch) -> SendAttempt | _Outgoing:
        """Open a row and decide again (1)."""
        if sealed is None:
            return SendAttempt(row=row, ending=Ending.FAILED, code="erased")
        raw = open_outgoing(self.vault.seal_key(), row.message, sealed)
        if row.typ is OutboxType.RECEIPT:
            party = batch.party(EntityId(row.peer))
            return _Outgoing(row=row, raw=with_current_key(raw, self.vault), party=party)
        message = peek_message(raw, kinds=self.kinds)
        party = batch.party(message.aud)
        decision = batch.decide_again(message)
        if isinstance(decision, Refusal):
            return SendAttempt(row=row, ending=Ending.HELD, code=decision.code)
        if peek_key_id(raw) not in self.vault.published(KeyUse.MESSAGE).kids:
            return self._renew(row)
        return _Outgoing(row=row, raw=raw, party=party, message=message)

    def _renew(self, row: OutboxRow) -> SendAttempt:
        """Have a new message take the place of one that a revoked key signed; its sender sees both."""
        try:
            self.reissuer.renew(row, now=self.clock.now())
        except SubmissionRefused as refused:
            return SendAttempt(row=row, ending=Ending.HELD, code=refused.code)
        except NothingToReissue:
            return SendAttempt(row=row, ending=Ending.FAILED, code=KEY_REVOKED)
        return SendAttempt(row=row, ending=Ending.NOT_TRIED, code=KEY_REVOKED)

    def _send_together(self, together: Sequence[_Outgoing], until: float) -> list[SendAttempt]:
        first = together[0]
        shared = first.takes_batches and first.party.entity_id != self.own and len(together) > 1
        if shared and monotonic() <= until:
            try:
                return self._send_batch(together)
            except (PeerRefused, TrustError) as refused:
                if isinstance(refused, PeerRefused) and not _is_of_the_batch(refused):
                    return [_refused(each.row, refused) for each in together]
            except TransportError as fault:
                ending, code = _ending_of(fault)
                return [SendAttempt(row=each.row, ending=ending, code=code) for each in together]
            except Exception as fault:  # noqa: BLE001 - each is tried by itself
                self.crashed(fault, "dispatch")
        return self._send_singly(together, until)

    def _send_singly(self, together: Sequence[_Outgoing], until: float) -> list[SendAttempt]:
        attempts: list[SendAttempt] = []
        for each in together:
            if monotonic() > until:  # another relay may have it by the time it would be sent
                attempts.append(SendAttempt(row=each.row, ending=Ending.NOT_TRIED, code="late"))
            elif attempts and attempts[-1].ending in _PEER_TAKES_NOTHING:
                attempts.append(SendAttempt(row=each.row, ending=Ending.NOT_TRIED, code=attempts[-1].code))
            else:
                attempts.append(self._guarded(each.row, partial(self._send, each)))
        return attempts

    def _send_batch(self, together: Sequence[_Outgoing]) -> list[SendAttempt]:
        """Send messages in one request (2), and read the answer to each (3)."""
        first = together[0]
        answers = self.peers.send_batch(
            first.party, [each.raw for each in together], detail=first.detail, timeout_s=self.timeout_s
        )
        return [
            _refused(
                each.row,
                PeerRefused(status=answer.status, code=answer.code, retry_after_s=answer.retry_after_s),
            )
            if isinstance(answer, BatchRefusal)
            else self._guarded(each.row, partial(self._read, each, answer))
            for each, answer in zip(together, answers, strict=True)
        ]

    def _send(self, outgoing: _Outgoing) -> SendAttempt:
        if outgoing.message is None:
            return self._send_receipt(outgoing.row, outgoing.raw, outgoing.party)
        return self._read(outgoing, self._deliver(outgoing))

    def _deliver(self, outgoing: _Outgoing) -> bytes:
        if outgoing.party.entity_id == self.own:
            return self.ask_own_node(outgoing.raw, outgoing.detail, self.clock.now())
        return self.peers.send_message(
            outgoing.party,
            outgoing.raw,
            detail=outgoing.detail,
            timeout_s=self.timeout_s,
            trace=trace_context.new_trace(),
        )

    def _read(self, outgoing: _Outgoing, answer: bytes) -> SendAttempt:
        if outgoing.message is None:
            raise TypeError("only a message is answered by a receipt")
        row, party, now = outgoing.row, outgoing.party, self.clock.now()
        receipt = self.receipts.open(answer, party, outgoing.message, row.digest, now)
        return SendAttempt(row=row, ending=Ending.RECEIPTED, receipt=receipt, raw=answer)

    def _send_receipt(self, row: OutboxRow, raw: bytes, party: TrustedEntity) -> SendAttempt:
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


def _together(ready: Sequence[_Outgoing], own: EntityId) -> list[list[_Outgoing]]:
    """Group what may share a request, as much of it as fits into one; the order stays within a group."""
    groups: dict[AuthorizationDetail | None, list[list[_Outgoing]]] = {}
    for each in ready:
        detail = each.detail if each.takes_batches and each.party.entity_id != own else None
        requests = groups.setdefault(detail, [[]])
        if detail is not None and not _has_room(requests[-1], each):
            requests.append([])
        requests[-1].append(each)
    return [request for requests in groups.values() for request in requests]


def _has_room(request: Sequence[_Outgoing], another: _Outgoing) -> bool:
    size = sum(len(each.raw) + _PUNCTUATION for each in (*request, another))
    return len(request) < MAX_MESSAGES and size <= MAX_BATCH - _FRAME


def _is_of_the_batch(refused: PeerRefused) -> bool:
    """Tell whether the request as a whole was refused for what it was, so that its messages may fare better alone."""
    return refused.code != _NO_AGREEMENT and refused.status not in _OF_THE_PEER


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
