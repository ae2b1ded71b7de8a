"""Batches of messages on the peer API, put together from the parts that accept single ones."""

from collections.abc import Sequence
from datetime import datetime

from gateway.accountability.message_limits import MessagesLimited
from gateway.callers import PeerCaller
from gateway.exchange.acceptance import QueuedInbound
from gateway.exchange.batch import BatchInbound
from gateway.exchange.inbound import Inbound, MessageIdReused
from gateway.http.peer.peer_api import HandleBatch
from gateway.ports import StoreFull
from gateway.web import problem
from gateway.web.problem import Problem
from trust.errors import TrustError


def batch_handler(inbound: Inbound, queued: QueuedInbound) -> HandleBatch:
    """Return what answers a batch: each refusal is the problem that the message would have got alone."""
    batches = BatchInbound(inbound=inbound, queued=queued)

    def handle(messages: Sequence[bytes], caller: PeerCaller, now: datetime) -> Sequence[bytes | Problem]:
        return [each if isinstance(each, bytes) else _problem(each) for each in batches.handle(messages, caller, now)]

    return handle


def _problem(fault: Exception) -> Problem:
    match fault:
        case MessageIdReused():
            return Problem(problem.CONFLICT)
        case TrustError():
            return problem.from_trust_error(fault)
        case MessagesLimited():
            kind = problem.CLAUSE_LIMITED if fault.by_clause else problem.MESSAGES_LIMITED
            return Problem(kind, headers={"Retry-After": str(fault.retry_after_s)})
        case StoreFull():
            return Problem(problem.BUSY, headers={"Retry-After": "60"})
        case _:
            return Problem(problem.INTERNAL)
