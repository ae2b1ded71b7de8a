"""Path of a batch of messages from one peer: each is opened by itself, and only queued kinds go on, together.

A message that cannot be opened, or is a query, has its own refusal and costs the others nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.callers import PeerCaller
from gateway.exchange.acceptance import QueuedAnswer, QueuedInbound
from gateway.exchange.inbound import Inbound
from trust.errors import TrustError
from trust.exchange.errors import UnsupportedKind
from trust.exchange.kind import is_queued
from trust.exchange.message import OpenedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchInbound:
    """Answer batches addressed to this node."""

    inbound: Inbound
    queued: QueuedInbound

    def handle(self, messages: Sequence[bytes], caller: PeerCaller, now: datetime) -> tuple[QueuedAnswer, ...]:
        """Return an answer to each message, durable by then.

        Raises the store's ``StoreFull``, ``StoreBusy`` and ``StoreOutcomeUnknown`` for all of them.
        """
        items = [self._open(each, caller, now) for each in messages]
        messages_to_take = [each for each in items if isinstance(each, OpenedMessage)]
        receipts = iter(self.queued.handle_all(messages_to_take, caller, now) if messages_to_take else ())
        return tuple(next(receipts) if isinstance(each, OpenedMessage) else each for each in items)

    def _open(self, raw: bytes, caller: PeerCaller, now: datetime) -> OpenedMessage | TrustError:
        try:
            opened_message = self.inbound.open(raw, caller, now)
        except TrustError as refused:
            return refused
        if not is_queued(self.inbound.kinds.kinds, opened_message.message.kind):
            return UnsupportedKind("A batch takes messages of queued kinds only. Send a query by itself.")
        return opened_message
