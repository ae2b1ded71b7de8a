"""Escalations of queued messages: which rows of the outbox and the inbox are due, and which steps were taken.

A row is claimed before a step is taken, by one process at a time; a claim that runs out lets another process take it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, func, or_, select, update

from gateway.ports import Transaction
from gateway.store.delivery_schema import inbox, outbox
from gateway.store.engine.statement import Row, Statement
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.tables.delivery_events import DeliverySide
from trust.exchange.escalation import EscalationFacts, EscalationStep

RED = 0
"""The lane of red messages."""
UNDELIVERED = ("failed", "parked", "held")
"""States in which a sender's message does not reach its recipient."""
_OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalatingMessage:
    """One message at one side. ``service`` is as the row names it, ``peer`` the other agency."""

    side: DeliverySide
    message: str
    peer: str
    service: str
    reference: str
    facts: EscalationFacts
    escalate_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statements:
    due: Statement
    get: Statement
    claim: Statement
    take: Statement


_TABLES: dict[DeliverySide, Table] = {DeliverySide.SENDER: outbox, DeliverySide.RECIPIENT: inbox}
_SHARED = (
    "message",
    "service",
    "reference",
    "lane",
    "state",
    "read_at",
    "decided_at",
    "decide_by",
    "escalation",
    "escalate_at",
)


def _columns(side: DeliverySide) -> list[ColumnElement[Any]]:
    table = _TABLES[side]
    sender = side is DeliverySide.SENDER
    own = [table.c["peer" if sender else "issuer"].label("peer")]
    own.append(table.c["created_at" if sender else "received_at"].label("since"))
    return [*(table.c[name] for name in _SHARED), *own]


def _statements(side: DeliverySide) -> _Statements:
    table = _TABLES[side]
    mine = table.c.message == bindparam("its_message")
    same_steps = and_(mine, table.c.escalation == bindparam("its_escalation"))
    unchanged = and_(same_steps, func.coalesce(table.c.escalate_at, 0) == bindparam("its_escalate_at"))
    # A reading in between may have ended the claim's time; only another claim sets another one.
    claimed = and_(same_steps, or_(table.c.escalate_at.is_(None), table.c.escalate_at == bindparam("its_escalate_at")))
    return _Statements(
        due=Statement(
            select(*_columns(side))
            .where(table.c.escalate_at.is_not(None), table.c.escalate_at <= bindparam("now"))
            .order_by(table.c.lane, table.c.escalate_at)
            .limit(bindparam("most"))
        ),
        get=Statement(select(*_columns(side)).where(mine)),
        claim=Statement(
            update(table).where(unchanged).values(escalation=bindparam("steps"), escalate_at=bindparam("until"))
        ),
        take=Statement(
            update(table)
            .where(claimed)
            .values(escalation=bindparam("steps"), escalate_at=bindparam("next_at", type_=table.c.escalate_at.type))
        ),
    )


_OF = {side: _statements(side) for side in DeliverySide}


def _lacks(table: Table, step: EscalationStep) -> ColumnElement[bool]:
    return table.c.escalation.op("&")(int(step)) == 0


_UNDELIVERED = Statement(
    select(*_columns(DeliverySide.SENDER))
    .where(
        outbox.c.state == bindparam("its_state"),
        outbox.c.lane == RED,
        outbox.c.typ == "message",
        _lacks(outbox, EscalationStep.UNDELIVERED | EscalationStep.CLAIMED),
    )
    .limit(bindparam("most"))
)
_UNPOLLED = Statement(
    select(*_columns(DeliverySide.RECIPIENT))
    .where(
        inbox.c.service == bindparam("its_service"),
        inbox.c.state == _OPEN,
        inbox.c.case_state == "waiting",
        inbox.c.read_at.is_(None),
        inbox.c.received_at <= bindparam("before"),
        _lacks(inbox, EscalationStep.UNPOLLED | EscalationStep.CLAIMED),
    )
    .order_by(inbox.c.received_at)
    .limit(bindparam("most"))
)


_KEPT = EscalationStep.OVERDUE | EscalationStep.UNDELIVERED | EscalationStep.UNPOLLED
_LOST = {
    side: Statement(
        update(table)
        .where(table.c.message == bindparam("its_message"))
        .values(
            escalation=table.c.escalation.op("&")(int(_KEPT)).op("|")(int(EscalationStep.LOST)),
            escalate_at=bindparam("now"),
        )
    )
    for side, table in _TABLES.items()
}

_FOUND = {
    side: Statement(
        update(table)
        .where(table.c.message == bindparam("its_message"))
        .values(escalation=table.c.escalation.op("&")(~int(EscalationStep.LOST)))
    )
    for side, table in _TABLES.items()
}


def due(tx: Transaction, *, side: DeliverySide, now: datetime, limit: int) -> tuple[EscalatingMessage, ...]:
    """Return messages of a side that are to be looked at now, red ones first."""
    rows = tx.rows(_OF[side].due, {"now": to_microseconds(now), "most": limit})
    return tuple(_message(row, side) for row in rows)


def undelivered(tx: Transaction, *, limit: int) -> tuple[EscalatingMessage, ...]:
    """Return red messages of this node that do not reach their recipients, as long as that was not told."""
    return tuple(
        _message(row, DeliverySide.SENDER)
        for state in UNDELIVERED
        for row in tx.rows(_UNDELIVERED, {"its_state": state, "most": limit})
    )


def unpolled(tx: Transaction, *, service: str, before: datetime, limit: int) -> tuple[EscalatingMessage, ...]:
    """Return messages that a service's case system has not fetched since then, as long as that was not told."""
    values = {"its_service": service, "before": to_microseconds(before), "most": limit}
    return tuple(_message(row, DeliverySide.RECIPIENT) for row in tx.rows(_UNPOLLED, values))


def get(tx: Transaction, message: EscalatingMessage) -> EscalatingMessage | None:
    """Return what is known of a message by now."""
    rows = tx.rows(_OF[message.side].get, {"its_message": message.message})
    return _message(rows[0], message.side) if rows else None


def claim(tx: Transaction, message: EscalatingMessage, *, until: datetime) -> EscalatingMessage | None:
    """Claim a message until then, and return what is known of it by now; none where another process was first."""
    steps = message.facts.steps | EscalationStep.CLAIMED
    values = {**_unchanged(message), "steps": int(steps), "until": to_microseconds(until)}
    return get(tx, message) if tx.run(_OF[message.side].claim, values) == 1 else None


def take(tx: Transaction, message: EscalatingMessage, steps: EscalationStep, *, next_at: datetime | None) -> bool:
    """Give a claim back with the steps taken and when to look again; false where another process has it by now."""
    values = {
        **_unchanged(message),
        "steps": int(steps & ~EscalationStep.CLAIMED),
        "next_at": None if next_at is None else to_microseconds(next_at),
    }
    return tx.run(_OF[message.side].take, values) == 1


def note_lost(tx: Transaction, *, side: DeliverySide, message: str, now: datetime) -> None:
    """Have a message escalated from its first step on, since the case system does not hold it."""
    tx.run(_LOST[side], {"its_message": message, "now": to_microseconds(now)})


def note_found(tx: Transaction, *, side: DeliverySide, message: str) -> None:
    """Note that a message that was lost is there again, so that another loss counts as one."""
    tx.run(_FOUND[side], {"its_message": message})


def _unchanged(message: EscalatingMessage) -> dict[str, Any]:
    at = message.escalate_at
    return {
        "its_message": message.message,
        "its_escalation": int(message.facts.steps),
        "its_escalate_at": 0 if at is None else to_microseconds(at),
    }


def _message(row: Row, side: DeliverySide) -> EscalatingMessage:
    sender = side is DeliverySide.SENDER
    return EscalatingMessage(
        side=side,
        message=row.message,
        peer=row.peer,
        service=row.service,
        reference=row.reference,
        escalate_at=optional_from_microseconds(row.escalate_at),
        facts=EscalationFacts(
            red=row.lane == RED,
            since=from_microseconds(row.since),
            is_read=row.read_at is not None,
            is_decided=row.decided_at is not None,
            is_ended=_is_ended(row, side),
            is_undelivered=sender and row.state in UNDELIVERED,
            decide_by=optional_from_microseconds(row.decide_by),
            steps=EscalationStep(row.escalation),
        ),
    )


def _is_ended(row: Row, side: DeliverySide) -> bool:
    """Say whether nothing more is to come; a decision without a reader may be a machine's, and stops no bell."""
    if side is DeliverySide.SENDER:
        return bool(row.state == "closed")
    return bool(row.state == "superseded" or (row.state == "closed" and row.read_at is not None))
