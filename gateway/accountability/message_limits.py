"""Limits on how much one sender may have this node store: too much is turned away until later, and nothing is lost.

1. Each peer has a budget of messages, and a smaller one for each clause; each own case system has one.
2. Red messages are charged to a budget of their own: no flood of other messages keeps a sender's alert out.
3. Messages without an agreement have a small budget of their own, red ones too.
4. No budget is shared by two senders, so that none takes another's room.
5. A message is charged by its size, in the transaction that stores it, refusals and repeats included.

What exceeds a budget gets no receipt and no evidence, since nothing was done: its sender keeps it, and sends it again.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from typing import NoReturn

from config.settings import MessageAllowances
from gateway.accountability.rate_limits import OVER_BUDGET, budget_of
from gateway.ports import Store, StoreBusy, StoreFull, Transaction
from gateway.store.tables import budgets, flags
from trust.agreements.budget import Budget, Exceeded, Spent, spend
from trust.exchange.message import Message, Urgency

SHARDS, SHARD_BURST = 8, 1_000
"""A large budget is kept in so many parts, each with at least this burst, so that few messages wait for one row."""
WITHOUT_AGREEMENT_BUDGET = Budget(per_hour=2, burst=20)
"""Messages without an agreement that one peer may send: enough for emergencies, and no way round an agreement."""
UNIT_BYTES = 8_192
"""A message is charged one unit for each of these that it begins."""
RECEIPTS_PER_MESSAGE = 8
"""A peer may post so many receipts for each message that it might send."""


class MessagesLimited(Exception):
    """A budget of messages is used up; nothing was stored. ``by_clause`` says that other clauses may have room."""

    def __init__(self, retry_after: timedelta, *, by_clause: bool = False) -> None:
        super().__init__("a budget of messages is used up")
        self.retry_after_s = max(1, ceil(retry_after.total_seconds()))
        self.by_clause = by_clause


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBudgets:
    """The budget of each peer, its red messages, its clauses, and each case system of this agency."""

    peer: Budget
    red: Budget
    clause: Budget
    client: Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCharge:
    """What one message costs: the budgets by their keys, ``clause_key`` among them, and how many units of each."""

    sender: str
    budgets: Sequence[tuple[str, Budget]]
    units: int = 1
    clause_key: str | None = None


def message_budgets_from_settings(settings: MessageAllowances) -> MessageBudgets:
    """Return the budgets that the configuration gives."""
    return MessageBudgets(
        peer=budget_of(settings.peer),
        red=budget_of(settings.red),
        clause=budget_of(settings.clause),
        client=budget_of(settings.client),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLimits:
    """Look at the budgets of messages and charge them, each within a transaction of the caller's."""

    limits: MessageBudgets

    def of_message(self, message: Message, digest: str, size: int) -> MessageCharge:
        """Return what a peer's message of so many bytes costs."""
        if message.ground is not None:
            alone = (f"without agreement {message.iss}", WITHOUT_AGREEMENT_BUDGET)
            return MessageCharge(sender=message.iss, budgets=[alone])
        if message.urgency is Urgency.RED:
            red = _part(f"red {message.iss}", self.limits.red, digest)
            return MessageCharge(sender=message.iss, budgets=[red], units=_units(size))
        peer = _part(f"peer {message.iss}", self.limits.peer, digest)
        clause = _part(f"clause {message.iss} {message.agreement.id} {message.clause}", self.limits.clause, digest)
        return MessageCharge(sender=message.iss, budgets=[peer, clause], units=_units(size), clause_key=clause[0])

    def of_receipt(self, peer: str) -> MessageCharge:
        """Return what a receipt costs that a peer posts."""
        each = self.limits.peer
        roomy = Budget(per_hour=each.per_hour * RECEIPTS_PER_MESSAGE, burst=each.burst * RECEIPTS_PER_MESSAGE)
        return MessageCharge(sender=peer, budgets=[(f"receipts {peer}", roomy)])

    def of_client(self, client_id: str, sizes: Sequence[int], *, red: bool = False) -> MessageCharge:
        """Return what a case system's own messages cost; its red ones have as much again for themselves."""
        key = f"client {'red ' if red else ''}{client_id}"
        return MessageCharge(
            sender=client_id, budgets=[(key, self.limits.client)], units=sum(_units(size) for size in sizes)
        )

    def check(self, tx: Transaction, charge: MessageCharge, *, now: datetime) -> MessagesLimited | None:
        """Return why a message must wait, in a transaction that need not write."""
        return _limited(charge, _spend(tx, charge, now))

    def charge(self, tx: Transaction, charge: MessageCharge, *, now: datetime) -> None:
        """Charge for a message. Raises :class:`MessagesLimited`, which gives the transaction up."""
        outcomes = _spend(tx, charge, now)
        limited = _limited(charge, outcomes)
        if limited is not None:
            raise limited
        budgets.save(tx, {key: each.due for key, each in outcomes if isinstance(each, Spent)})

    def refuse(self, store: Store, charge: MessageCharge, limited: MessagesLimited, *, now: datetime) -> NoReturn:
        """Flag a sender that a budget turned away, once a day so that a flood writes nothing, and raise ``limited``."""
        sender = charge.sender
        if not store.read(lambda tx: flags.is_raised(tx, code=OVER_BUDGET, asker=sender, at=now)):
            with suppress(StoreFull, StoreBusy):
                store.write(lambda tx: flags.raise_flag(tx, code=OVER_BUDGET, asker=sender, at=now))
        raise limited


def _spend(tx: Transaction, charge: MessageCharge, now: datetime) -> list[tuple[str, Spent | Exceeded]]:
    due = budgets.due(tx, keys=[key for key, _ in charge.budgets])
    return [
        (key, spend(budget, due=due.get(key), now=now, units=min(charge.units, budget.burst)))
        for key, budget in charge.budgets
    ]


def _limited(charge: MessageCharge, outcomes: Sequence[tuple[str, Spent | Exceeded]]) -> MessagesLimited | None:
    waits = {key: each.retry_after for key, each in outcomes if isinstance(each, Exceeded)}
    if not waits:
        return None
    return MessagesLimited(max(waits.values()), by_clause=set(waits) == {charge.clause_key})


def _part(key: str, budget: Budget, digest: str) -> tuple[str, Budget]:
    """Return the part of a budget that a message is charged to, which is the same however often it comes."""
    parts = max(1, min(SHARDS, budget.burst // SHARD_BURST, budget.per_hour))
    if parts == 1:
        return key, budget
    part = int.from_bytes(sha256(digest.encode()).digest()[:4]) % parts
    return f"{key} {part}", Budget(per_hour=budget.per_hour // parts, burst=budget.burst // parts)


def _units(size: int) -> int:
    return max(1, ceil(size / UNIT_BYTES))
