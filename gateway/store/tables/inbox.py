"""The messages of queued kinds that this node accepted: their content sealed, and how far each has come.

``message`` is the node's own keyed digest of the sender's id (:func:`trust.evidence.leaf.message_key`), and so are
``supersedes`` and ``superseded_by``. ``receipt_seq`` counts the receipts of a message: :func:`next_receipt` gives each
number to one transaction, so two processes never state two things under one number.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, func, or_, select, update

from gateway.ports import Transaction
from gateway.store.delivery_schema import inbox
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds


class InboxState(StrEnum):
    """Whether people still have to act on a message."""

    OPEN = "open"
    CLOSED = "closed"
    """A person recorded the last word on it."""
    SUPERSEDED = "superseded"
    """Its sender replaced it by a newer one, which may have come first."""


class CaseState(StrEnum):
    """How far a message has come on its way into the case system of its service."""

    WAITING = "waiting"
    HANDED_OVER = "handed_over"
    """The adapter took it; the case system has not shown that it holds it."""
    IN_CASE_SYSTEM = "in_case_system"
    """The case system listed it, or a client that polls acknowledged it."""
    REJECTED = "rejected"
    """The case system refuses it for good; a person must act."""
    LOST = "lost"
    """The case system held it and holds it no longer; a person must act."""
    NOT_WANTED = "not_wanted"
    """It was superseded before it was handed over."""


class LinkState(StrEnum):
    """Whether the persons of a message were matched with records of the service's case system."""

    PENDING = "pending"
    LINKED = "linked"
    NOT_LINKED = "not_linked"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxMessage:
    """One accepted message. ``lane`` is 0 for red, 1 for amber and 2 for green."""

    message: str
    issuer: str
    kind: str
    topic: str
    from_service: str
    service: str
    reference: str
    lane: int
    digest: str
    sealed: bytes | None
    received_at: datetime
    expires_at: datetime
    supersedes: str | None = None
    superseded_by: str | None = None
    link: LinkState = LinkState.PENDING
    sealed_link: bytes | None = None
    case_state: CaseState = CaseState.WAITING
    case_attempts: int = 0
    case_next_at: datetime
    case_lease_until: datetime
    sealed_case_ref: bytes | None = None
    in_case_system_at: datetime | None = None
    proof: str | None = None
    read_at: datetime | None = None
    read_role: str | None = None
    sealed_reader: bytes | None = None
    decide_by: datetime | None = None
    decision: str | None = None
    decided_at: datetime | None = None
    answer_seq: int = 0
    receipt_seq: int = 0
    state: InboxState = InboxState.OPEN
    escalation: int = 0
    escalate_at: datetime | None = None


_NAMES = tuple(each.name for each in fields(InboxMessage))
_INSTANTS = ("received_at", "expires_at", "case_next_at", "case_lease_until")
_OPTIONAL_INSTANTS = ("in_case_system_at", "read_at", "decide_by", "decided_at", "escalate_at")
_MINE = inbox.c.message == bindparam("its_message")
_BATCH: BindParameter[int] = bindparam("batch")
_NOW: BindParameter[int] = bindparam("now")

_PUT = Statement(insertion(inbox))
_GET = Statement(select(inbox).where(_MINE))
_SAME_PARTIES = and_(
    inbox.c.issuer == bindparam("its_issuer"),
    inbox.c.from_service == bindparam("its_from_service"),
    inbox.c.service == bindparam("its_service"),
    inbox.c.kind == bindparam("its_kind"),
)
_SUCCESSOR = Statement(
    select(inbox)
    .where(_SAME_PARTIES, inbox.c.supersedes == bindparam("its_message"), inbox.c.message != bindparam("its_message"))
    .limit(1)
)
_SUPERSEDE = Statement(
    update(inbox)
    .where(
        _MINE,
        _SAME_PARTIES,
        inbox.c.message != bindparam("newer"),
        or_(inbox.c.supersedes.is_(None), inbox.c.supersedes != bindparam("newer")),
        inbox.c.state == InboxState.OPEN,
    )
    .values(state=InboxState.SUPERSEDED, superseded_by=bindparam("by"), escalate_at=None)
)
_DROP_WAITING = Statement(
    update(inbox)
    .where(_MINE, inbox.c.state == InboxState.SUPERSEDED, inbox.c.case_state == CaseState.WAITING)
    .values(case_state=CaseState.NOT_WANTED)
)
_IN_SERVICE = and_(inbox.c.service == bindparam("its_service"), inbox.c.state == bindparam("its_state"))
_AFTER = or_(
    inbox.c.received_at > bindparam("after_at"),
    and_(inbox.c.received_at == bindparam("after_at"), inbox.c.message > bindparam("after_message")),
)
_PAGE = Statement(select(inbox).where(_IN_SERVICE, _AFTER).order_by(inbox.c.received_at, inbox.c.message).limit(_BATCH))
_OPEN = Statement(
    select(inbox)
    .where(inbox.c.state == InboxState.OPEN, inbox.c.message > bindparam("after"))
    .order_by(inbox.c.message)
    .limit(_BATCH)
)
_DUE = Statement(
    select(inbox)
    .where(
        inbox.c.case_state == bindparam("its_case_state"),
        inbox.c.service == bindparam("its_service"),
        inbox.c.case_next_at <= _NOW,
        inbox.c.case_lease_until <= _NOW,
        inbox.c.state != InboxState.SUPERSEDED,
        inbox.c.sealed.is_not(None),
    )
    .order_by(inbox.c.lane, inbox.c.received_at, inbox.c.message)
    .limit(_BATCH)
)
_LEASE = Statement(
    update(inbox)
    .where(
        _MINE,
        inbox.c.case_state == bindparam("its_case_state"),
        inbox.c.state != InboxState.SUPERSEDED,
        inbox.c.case_lease_until <= _NOW,
    )
    .values(case_lease_until=bindparam("until"), case_attempts=inbox.c.case_attempts + 1)
)
_HELD_LEASE = and_(_MINE, inbox.c.case_lease_until == bindparam("its_lease"))
_POSTPONE = Statement(update(inbox).where(_HELD_LEASE).values(case_lease_until=_NOW, case_next_at=bindparam("next_at")))
_LINK = Statement(
    update(inbox)
    .where(_MINE, inbox.c.link == LinkState.PENDING)
    .values(link=bindparam("to_link"), sealed_link=bindparam("sealed"))
)
_CASE_STATE = Statement(
    update(inbox)
    .where(_MINE, inbox.c.case_state == bindparam("its_case_state"))
    .values(
        case_state=bindparam("to_case_state"),
        case_next_at=bindparam("next_at"),
        case_lease_until=_NOW,
        case_attempts=bindparam("attempts"),
        sealed_case_ref=func.coalesce(bindparam("ref", type_=inbox.c.sealed_case_ref.type), inbox.c.sealed_case_ref),
        in_case_system_at=bindparam("proved_at", type_=inbox.c.in_case_system_at.type),
        proof=bindparam("to_proof", type_=inbox.c.proof.type),
    )
)
_NEXT_RECEIPT = Statement(
    update(inbox).where(_MINE, inbox.c.receipt_seq == bindparam("its_seq")).values(receipt_seq=inbox.c.receipt_seq + 1)
)
_READ = Statement(
    update(inbox)
    .where(_MINE, inbox.c.read_at.is_(None))
    .values(read_at=bindparam("at"), read_role=bindparam("role"), sealed_reader=bindparam("reader"))
)
_ANSWER = Statement(
    update(inbox)
    .where(_MINE, inbox.c.answer_seq == bindparam("its_seq"))
    .values(
        answer_seq=inbox.c.answer_seq + 1,
        decision=bindparam("code"),
        decided_at=func.coalesce(inbox.c.decided_at, bindparam("at", type_=inbox.c.decided_at.type)),
        state=bindparam("to_state"),
    )
)
_HELD = Statement(
    select(inbox.c.message)
    .where(
        inbox.c.service == bindparam("its_service"),
        inbox.c.case_state == CaseState.IN_CASE_SYSTEM,
        inbox.c.proof == bindparam("its_proof"),
        inbox.c.sealed.is_not(None),
        inbox.c.message > bindparam("after_message"),
    )
    .order_by(inbox.c.message)
    .limit(_BATCH)
)
_PAST_CASE_SYSTEM = (CaseState.IN_CASE_SYSTEM, CaseState.NOT_WANTED, CaseState.REJECTED, CaseState.LOST)
_SETTLED = and_(
    inbox.c.sealed.is_not(None),
    inbox.c.state != InboxState.OPEN,
    or_(*(inbox.c.case_state == each for each in _PAST_CASE_SYSTEM)),
    func.coalesce(inbox.c.decided_at, inbox.c.received_at) < bindparam("before"),
)
_ERASE = Statement(
    update(inbox)
    .where(inbox.c.message.in_(select(inbox.c.message).where(_SETTLED).limit(_BATCH)))
    .values(sealed=None, sealed_link=None, sealed_case_ref=None, sealed_reader=None)
)


def put(tx: Transaction, message: InboxMessage) -> None:
    """Store a message that was accepted; its id was claimed in the same transaction."""
    values: dict[str, Any] = {name: getattr(message, name) for name in _NAMES}
    for name in (*_INSTANTS, *_OPTIONAL_INSTANTS):
        values[name] = None if values[name] is None else to_microseconds(values[name])
    tx.run(_PUT, values)


def get(tx: Transaction, message: str) -> InboxMessage | None:
    """Return a message, or none."""
    rows = tx.rows(_GET, {"its_message": message})
    return _message(rows[0]) if rows else None


def find_successor(tx: Transaction, message: InboxMessage) -> InboxMessage | None:
    """Return the message by which its sender replaced this one at the same service; it may have come first."""
    rows = tx.rows(_SUCCESSOR, {"its_message": message.message, **_parties(message)})
    return _message(rows[0]) if rows else None


def supersede(tx: Transaction, newer: InboxMessage) -> bool:
    """Replace the open message that ``newer`` supersedes, of the same parties; return whether there was one.

    A message for another service stays, and so does one that replaces ``newer`` or is ``newer``: of messages that
    replace each other, one is left. One that waits for the case system is not handed over any more; one that it has is
    followed by its successor.
    """
    values = {"its_message": newer.supersedes, "newer": newer.message, "by": newer.message, **_parties(newer)}
    if newer.supersedes is None or not tx.run(_SUPERSEDE, values):
        return False
    tx.run(_DROP_WAITING, {"its_message": newer.supersedes})
    return True


def _parties(message: InboxMessage) -> dict[str, Any]:
    return {
        "its_issuer": message.issuer,
        "its_from_service": message.from_service,
        "its_service": message.service,
        "its_kind": message.kind,
    }


def page(
    tx: Transaction, *, service: str, state: InboxState, after: tuple[int, str] | None, limit: int
) -> tuple[InboxMessage, ...]:
    """Return messages of a service, the oldest first, from behind the one whose :func:`cursor` is ``after``."""
    after_at, after_message = after or (-1, "")
    values = {"its_service": service, "its_state": state, "after_at": after_at, "after_message": after_message}
    return tuple(_message(row) for row in tx.rows(_PAGE, {**values, "batch": limit}))


def open_messages(tx: Transaction, *, after: str, limit: int) -> tuple[InboxMessage, ...]:
    """Return a page of the messages of every service on which people still have to act, by their ids."""
    return tuple(map(_message, tx.rows(_OPEN, {"after": after, "batch": limit})))


def cursor(message: InboxMessage) -> tuple[int, str]:
    """Return the place of a message in the list of its service."""
    return to_microseconds(message.received_at), message.message


def due(tx: Transaction, *, service: str, state: CaseState, now: datetime, limit: int) -> tuple[InboxMessage, ...]:
    """Return messages on which the case system's work is due, the most urgent first; none that another works on."""
    values = {"its_service": service, "its_case_state": state, "now": to_microseconds(now), "batch": limit}
    return tuple(_message(row) for row in tx.rows(_DUE, values))


def lease(tx: Transaction, message: str, *, state: CaseState, now: datetime, until: datetime) -> bool:
    """Take the work on a message until then; false where another has it, or it is in another state by now."""
    values = {"its_message": message, "its_case_state": state}
    return tx.run(_LEASE, {**values, "now": to_microseconds(now), "until": to_microseconds(until)}) == 1


def postpone(tx: Transaction, message: str, *, lease: datetime, next_at: datetime, now: datetime) -> None:
    """Give a lease back, and do the work again later."""
    values = {"its_message": message, "its_lease": to_microseconds(lease), "now": to_microseconds(now)}
    tx.run(_POSTPONE, {**values, "next_at": to_microseconds(next_at)})


def set_link(tx: Transaction, message: str, *, link: LinkState, sealed: bytes | None) -> bool:
    """Store what the match found, once."""
    return tx.run(_LINK, {"its_message": message, "to_link": link, "sealed": sealed}) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChange:
    """A step of a message towards the case system, or back. ``ref`` is the case system's key for it, sealed."""

    before: CaseState
    after: CaseState
    next_at: datetime
    attempts: int = 0
    ref: bytes | None = None
    proof: str | None = None


def change_case_state(tx: Transaction, message: str, change: CaseChange, *, now: datetime) -> bool:
    """Make a step; false where the message is in another state by now."""
    values = {
        "its_message": message,
        "its_case_state": change.before,
        "to_case_state": change.after,
        "next_at": to_microseconds(change.next_at),
        "attempts": change.attempts,
        "ref": change.ref,
        "proved_at": to_microseconds(now) if change.proof else None,
        "to_proof": change.proof,
        "now": to_microseconds(now),
    }
    return tx.run(_CASE_STATE, values) == 1


def next_receipt(tx: Transaction, message: str, *, last: int) -> bool:
    """Use up the number after ``last`` for a receipt; false where another transaction has it."""
    return tx.run(_NEXT_RECEIPT, {"its_message": message, "its_seq": last}) == 1


def mark_read(tx: Transaction, message: str, *, at: datetime, role: str, reader: bytes) -> bool:
    """Note the first reader of a message, which stops its bell and not its clock; false where there was one before."""
    values = {"its_message": message, "at": to_microseconds(at), "role": role, "reader": reader}
    return tx.run(_READ, values) == 1


def answer(tx: Transaction, message: str, *, last: int, code: str, at: datetime, state: InboxState) -> bool:
    """Count an answer, the first of which is the decision; false where another one came in between."""
    values = {"its_message": message, "its_seq": last, "code": code, "at": to_microseconds(at), "to_state": state}
    return tx.run(_ANSWER, values) == 1


def held_messages(tx: Transaction, *, service: str, proof: str, after: str, limit: int) -> tuple[str, ...]:
    """Return messages that the case system of a service holds, by that proof, in the order of their names."""
    values = {"its_service": service, "its_proof": proof, "after_message": after, "batch": limit}
    return tuple(row.message for row in tx.rows(_HELD, values))


def erase_settled(tx: Transaction, *, before: datetime, batch: int) -> int:
    """Erase the content of messages that the case system has and a person closed before then (A69)."""
    return tx.run(_ERASE, {"before": to_microseconds(before), "batch": batch})


def _message(row: Row) -> InboxMessage:
    values = {name: getattr(row, name) for name in _NAMES}
    for name in _INSTANTS:
        values[name] = from_microseconds(values[name])
    for name in _OPTIONAL_INSTANTS:
        values[name] = optional_from_microseconds(values[name])
    values["link"] = LinkState(values["link"])
    values["case_state"] = CaseState(values["case_state"])
    values["state"] = InboxState(values["state"])
    return InboxMessage(**values)
