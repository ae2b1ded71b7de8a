"""The outbox: every message and receipt that this node owes another, each with its state, until it is accounted for.

1. A row is leased before it is sent, by one relay at a time; a lease that runs out lets another relay send the same
   bytes again.
2. ``next_at`` is when a row may be leased next. A lease moves it, so that no pass looks at rows under way.
3. A query touches rows of one peer and one lane, at most as many as it is told: a long queue costs no other peer.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select, update

from gateway.ports import Transaction
from gateway.store.delivery_schema import WAITING, outbox, peer_backoffs
from gateway.store.engine.statement import Row, Statement
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.tables.peer_backoffs import PeerBackoff

UNTRUSTED = "untrusted"
"""Why the rows of a peer are held together, so that their order is kept."""


class OutboxState(StrEnum):
    """What has become of a row."""

    QUEUED = "queued"
    """It waits to be sent."""
    HELD = "held"
    """It may not be sent at present; it is decided again from time to time, and sent once it may be."""
    STORED = "stored"
    """The recipient's node has it durably, by its signed receipt."""
    FAILED = "failed"
    """The recipient's node refused it, or lost it later, by its signed receipt."""
    PARKED = "parked"
    """It is tried no more, and waits for an operator."""
    CLOSED = "closed"
    """A person, or a message that took its place, ended it."""


class Lane(IntEnum):
    """The order in which rows are sent, which is that of their urgency."""

    RED = 0
    AMBER = 1
    GREEN = 2


class OutboxType(StrEnum):
    """What a row holds: a message of our own, or a receipt for another's."""

    MESSAGE = "message"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One row without its sealed bytes.

    ``message`` is this node's own name for what is sent. ``about`` is, for a receipt, the message that it is about.
    ``order_key`` is a keyed digest of case and recipient, within which rows are sent in the order of ``seq``.
    ``progress`` is the furthest state that the recipient's receipts tell. ``faults`` counts refusals of this row alone,
    in a row. ``reason`` is a code. ``clause`` is the agreement and the clause of a message of our own.
    """

    message: str
    typ: OutboxType
    kind: str
    peer: str
    service: str
    reference: str
    lane: Lane
    order_key: str
    digest: str
    created_at: datetime
    expires_at: datetime
    next_at: datetime
    seq: int = 0
    about: str | None = None
    submission: str | None = None
    state: OutboxState = OutboxState.QUEUED
    reason: str | None = None
    attempts: int = 0
    faults: int = 0
    lease_owner: str | None = None
    lease_until: datetime | None = None
    stored_at: datetime | None = None
    progress: str | None = None
    progress_at: datetime | None = None
    proof: str | None = None
    read_at: datetime | None = None
    decide_by: datetime | None = None
    decision: str | None = None
    decided_at: datetime | None = None
    answer_seq: int = 0
    receipt_seq: int = 0
    clause: str | None = None
    supersedes: str | None = None
    superseded_by: str | None = None
    escalation: int = 0
    escalate_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPeer:
    """A peer for which something waits, and its backoff if it takes nothing at present."""

    peer: str
    backoff: PeerBackoff | None


_COLUMNS = tuple(field.name for field in fields(OutboxRow))
_INSTANTS = ("created_at", "expires_at", "next_at")
_OPTIONAL_INSTANTS = ("stored_at", "progress_at", "read_at", "decide_by", "decided_at", "escalate_at")
_READ = [outbox.c[name] for name in _COLUMNS]
_WRITTEN = tuple(name for name in _COLUMNS if name != "seq")

_PUT = Statement(outbox.insert().values({name: bindparam(name) for name in (*_WRITTEN, "sealed")}))
_MINE = outbox.c.message == bindparam("its_message")
_GET = Statement(select(*_READ).where(_MINE))
_SEALED = Statement(select(outbox.c.sealed).where(_MINE))
_BY_REFERENCE = Statement(select(*_READ).where(outbox.c.reference == bindparam("its_reference")).order_by(outbox.c.seq))
_OF_SUBMISSION = Statement(
    select(*_READ).where(outbox.c.submission == bindparam("its_submission")).order_by(outbox.c.seq)
)
_least = select(func.min(outbox.c.peer).label("peer")).where(WAITING).cte("waiting", recursive=True)
_next = select(func.min(outbox.c.peer)).where(WAITING, outbox.c.peer > _least.c.peer).scalar_subquery()
_peers = _least.union_all(select(_next.label("peer")).where(_least.c.peer.is_not(None)))
_WAITING_PEERS = Statement(  # a seek for each peer, however many rows each has
    select(
        _peers.c.peer,
        peer_backoffs.c.failures,
        peer_backoffs.c.since,
        peer_backoffs.c.retry_at,
        peer_backoffs.c.reason,
    )
    .select_from(_peers.outerjoin(peer_backoffs, peer_backoffs.c.peer == _peers.c.peer))
    .where(_peers.c.peer.is_not(None))
)
_OF_LANE = (outbox.c.peer == bindparam("its_peer")) & (outbox.c.lane == bindparam("its_lane"))
_DUE = Statement(
    select(*_READ)
    .where(WAITING, _OF_LANE, outbox.c.next_at <= bindparam("now"))
    .order_by(outbox.c.next_at, outbox.c.seq)
    .limit(bindparam("most"))
)
_BLOCKS = or_(outbox.c.state == "queued", and_(outbox.c.state == "held", outbox.c.reason == UNTRUSTED))
_EARLIER = Statement(
    select(outbox.c.next_at)
    .where(outbox.c.order_key == bindparam("its_key"), outbox.c.seq < bindparam("its_seq"), _BLOCKS)
    .order_by(outbox.c.seq)
    .limit(1)
)
_later = outbox.alias("later")
_NEXT_IN_ORDER = (
    select(func.min(_later.c.seq))
    .where(
        _later.c.order_key == bindparam("its_key"),
        _later.c.seq > bindparam("its_seq"),
        or_(_later.c.state == "queued", and_(_later.c.state == "held", _later.c.reason == UNTRUSTED)),
    )
    .scalar_subquery()
)
_WAKE = Statement(
    update(outbox)
    .where(outbox.c.seq == _NEXT_IN_ORDER, outbox.c.lease_owner.is_(None), outbox.c.next_at > bindparam("now"))
    .values(next_at=bindparam("now"))
)
_LEASE = Statement(
    update(outbox)
    .where(WAITING, outbox.c.seq == bindparam("its_seq"), outbox.c.next_at <= bindparam("now"))
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until"), next_at=bindparam("until"))
)
_DEFER = Statement(
    update(outbox)
    .where(WAITING, outbox.c.seq == bindparam("its_seq"), outbox.c.lease_owner.is_(None))
    .values(next_at=bindparam("until"))
)
_RELEASED: dict[str, Any] = {"lease_owner": None, "lease_until": 0}
_TRY_AGAIN = Statement(
    update(outbox)
    .where(WAITING, _MINE, outbox.c.lease_owner == bindparam("owner"))
    .values(
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        attempts=outbox.c.attempts + bindparam("tried"),
        faults=bindparam("new_faults"),
        next_at=bindparam("again_at"),
        **_RELEASED,
    )
)
_HOLD = Statement(
    update(outbox)
    .where(_MINE, outbox.c.state == "queued", outbox.c.lease_owner.is_(None))
    .values(state="held", reason=bindparam("new_reason"))
)
_END = Statement(
    update(outbox)
    .where(_MINE, outbox.c.state == bindparam("old_state"))
    .values(
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        attempts=outbox.c.attempts + bindparam("tried"),
        **_RELEASED,
    )
)
_RETRY = Statement(
    update(outbox)
    .where(_MINE, outbox.c.state == bindparam("old_state"))
    .values(state="queued", reason=None, faults=0, next_at=bindparam("now"), **_RELEASED)
)
_SUPERSEDE = Statement(update(outbox).where(_MINE).values(superseded_by=bindparam("by")))
_PROGRESS = ("state", "reason", "stored_at", "progress", "progress_at", "proof", "read_at", "receipt_seq")
_DECIDED = ("decision", "decided_at", "answer_seq")
_NOTE_RECEIPT = Statement(
    update(outbox)
    .where(_MINE, outbox.c.receipt_seq == bindparam("old_seq"))
    .values(
        {name: bindparam(f"new_{name}") for name in (*_PROGRESS, *_DECIDED)}
        | {"attempts": outbox.c.attempts + bindparam("tried"), **_RELEASED}
    )
)
_OLDEST = Statement(
    select(outbox.c.created_at)
    .where(outbox.c.peer == bindparam("its_peer"), outbox.c.state == bindparam("its_state"))
    .order_by(outbox.c.seq)
    .limit(1)
)
_OF_PEER = Statement(
    select(*_READ)
    .where(
        outbox.c.peer == bindparam("its_peer"),
        outbox.c.state == bindparam("its_state"),
        outbox.c.seq > bindparam("after"),
    )
    .order_by(outbox.c.seq)
    .limit(bindparam("most"))
)
_UNDECIDED_PEERS = Statement(
    select(outbox.c.peer)
    .distinct()
    .where(
        outbox.c.state == OutboxState.STORED,
        outbox.c.typ == OutboxType.MESSAGE,
        outbox.c.decided_at.is_(None),
        outbox.c.created_at > bindparam("since"),
        outbox.c.created_at <= bindparam("until"),
    )
    .order_by(outbox.c.peer)
)
_PAGE = select(*_READ).where(outbox.c.seq > bindparam("after")).order_by(outbox.c.seq).limit(bindparam("most"))
_LIST = Statement(_PAGE)
_LIST_STATE = Statement(_PAGE.where(outbox.c.state == bindparam("its_state")))
_COUNTS = Statement(select(outbox.c.state, func.count().label("number")).select_from(outbox).group_by(outbox.c.state))


def put(tx: Transaction, row: OutboxRow, *, sealed: bytes) -> None:
    """Store a new row, with what is to be sent, sealed for it."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _WRITTEN}
    values |= {name: to_microseconds(values[name]) for name in _INSTANTS}
    values |= {name: _optional(values[name]) for name in _OPTIONAL_INSTANTS}
    tx.run(_PUT, {**values, "lease_until": 0, "sealed": sealed})


def get(tx: Transaction, *, message: str) -> OutboxRow | None:
    """Return the row of a message or receipt of ours."""
    rows = tx.rows(_GET, {"its_message": message})
    return _row(rows[0]) if rows else None


def sealed(tx: Transaction, *, message: str) -> bytes | None:
    """Return what a row sends, sealed; none once it was erased."""
    rows = tx.rows(_SEALED, {"its_message": message})
    return rows[0].sealed if rows else None


def by_reference(tx: Transaction, *, reference: str) -> tuple[OutboxRow, ...]:
    """Return the rows under a reference: a message, and those that took its place."""
    return tuple(map(_row, tx.rows(_BY_REFERENCE, {"its_reference": reference})))


def of_submission(tx: Transaction, *, submission: str) -> tuple[OutboxRow, ...]:
    """Return the deliveries of a submission, oldest first."""
    return tuple(map(_row, tx.rows(_OF_SUBMISSION, {"its_submission": submission})))


def list(tx: Transaction, *, state: OutboxState | None = None, after: int = 0, limit: int) -> tuple[OutboxRow, ...]:  # noqa: A001 - read as `outbox.list`
    """Return a page of rows in the order in which they were queued, those of one state or all."""
    values = {"after": after, "most": limit}
    rows = tx.rows(_LIST, values) if state is None else tx.rows(_LIST_STATE, {**values, "its_state": state})
    return tuple(map(_row, rows))


def counts(tx: Transaction) -> dict[OutboxState, int]:
    """Return how many rows are in each state."""
    return {OutboxState(row.state): int(row.number) for row in tx.rows(_COUNTS, {})}


def waiting_peers(tx: Transaction) -> tuple[WaitingPeer, ...]:
    """Return the peers for which something waits."""
    return tuple(
        WaitingPeer(peer=row.peer, backoff=None if row.retry_at is None else _backoff(row))
        for row in tx.rows(_WAITING_PEERS, {})
    )


def due(tx: Transaction, *, peer: str, lane: Lane, now: datetime, limit: int) -> tuple[OutboxRow, ...]:
    """Return rows of a peer and lane that may be leased now, as far as they do not wait for an earlier one."""
    values = {"its_peer": peer, "its_lane": int(lane), "now": to_microseconds(now), "most": limit}
    return tuple(map(_row, tx.rows(_DUE, values)))


def waits_until(tx: Transaction, row: OutboxRow) -> datetime | None:
    """Return when an earlier row of the same case and recipient is tried next, which this one waits for."""
    rows = tx.rows(_EARLIER, {"its_key": row.order_key, "its_seq": row.seq})
    return from_microseconds(rows[0].next_at) if rows else None


def lease(tx: Transaction, row: OutboxRow, *, owner: str, now: datetime, until: datetime) -> bool:
    """Lease a row; return false where another relay was first."""
    values = {"its_seq": row.seq, "owner": owner, "now": to_microseconds(now), "until": to_microseconds(until)}
    return tx.run(_LEASE, values) == 1


def defer(tx: Transaction, row: OutboxRow, *, until: datetime) -> None:
    """Look at a row that waits for another no sooner than ``until``."""
    tx.run(_DEFER, {"its_seq": row.seq, "until": to_microseconds(until)})


def wake_next(tx: Transaction, row: OutboxRow, *, now: datetime) -> None:
    """Let the next row of the same case and recipient go, if it waited for this one."""
    tx.run(_WAKE, {"its_key": row.order_key, "its_seq": row.seq, "now": to_microseconds(now)})


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTry:
    """When a leased row is tried again, in which state, and why. ``tried`` says that its bytes may have left."""

    state: OutboxState
    reason: str | None
    again_at: datetime
    faults: int
    tried: bool


def try_again(tx: Transaction, row: OutboxRow, next_try: NextTry, *, owner: str) -> bool:
    """Give a lease back; return false where it ran out and another relay has the row, or its fate is sealed."""
    values = {
        "its_message": row.message,
        "owner": owner,
        "new_state": next_try.state,
        "new_reason": next_try.reason,
        "tried": int(next_try.tried),
        "new_faults": next_try.faults,
        "again_at": to_microseconds(next_try.again_at),
    }
    return tx.run(_TRY_AGAIN, values) == 1


def hold(tx: Transaction, row: OutboxRow, *, reason: str) -> bool:
    """Hold a queued row that is not leased."""
    return tx.run(_HOLD, {"its_message": row.message, "new_reason": reason}) == 1


def end(tx: Transaction, row: OutboxRow, state: OutboxState, *, reason: str, tried: bool = False) -> bool:
    """Park, fail or close a row; return false where it is no longer in the state that it was read in."""
    values = {
        "its_message": row.message,
        "old_state": row.state,
        "new_state": state,
        "new_reason": reason,
        "tried": int(tried),
    }
    return tx.run(_END, values) == 1


def retry(tx: Transaction, row: OutboxRow, *, now: datetime) -> bool:
    """Queue a row again, with the same bytes; return false where it is no longer in the state it was read in."""
    return tx.run(_RETRY, {"its_message": row.message, "old_state": row.state, "now": to_microseconds(now)}) == 1


def supersede(tx: Transaction, *, message: str, by: str) -> None:
    """Note that another message took this one's place."""
    tx.run(_SUPERSEDE, {"its_message": message, "by": by})


def note_receipt(tx: Transaction, row: OutboxRow, changed: OutboxRow, *, tried: bool) -> bool:
    """Store what a receipt changed; return false where another receipt came between."""
    values: dict[str, Any] = {f"new_{name}": getattr(changed, name) for name in (*_PROGRESS, *_DECIDED)}
    for name in ("stored_at", "progress_at", "read_at", "decided_at"):
        values[f"new_{name}"] = _optional(getattr(changed, name))
    values |= {"its_message": row.message, "old_seq": row.receipt_seq, "tried": int(tried)}
    return tx.run(_NOTE_RECEIPT, values) == 1


def of_peer(tx: Transaction, *, peer: str, state: OutboxState, after: int = 0, limit: int) -> tuple[OutboxRow, ...]:
    """Return a page of a peer's rows in one state, oldest first."""
    values = {"its_peer": peer, "its_state": state, "after": after, "most": limit}
    return tuple(map(_row, tx.rows(_OF_PEER, values)))


def undecided_peers(tx: Transaction, *, since: datetime, until: datetime) -> tuple[str, ...]:
    """Return the peers that have messages queued in between, and have not decided all of them."""
    values = {"since": to_microseconds(since), "until": to_microseconds(until)}
    return tuple(row.peer for row in tx.rows(_UNDECIDED_PEERS, values))


def oldest_waiting(tx: Transaction, *, peer: str) -> datetime | None:
    """Return since when the oldest undelivered row of a peer waits."""
    times = [
        row.created_at
        for state in (OutboxState.QUEUED, OutboxState.HELD)
        for row in tx.rows(_OLDEST, {"its_peer": peer, "its_state": state})
    ]
    return from_microseconds(min(times)) if times else None


def _optional(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment)


def _row(row: Row) -> OutboxRow:
    values = {name: getattr(row, name) for name in _COLUMNS}
    values |= {name: from_microseconds(values[name]) for name in _INSTANTS}
    values |= {name: optional_from_microseconds(values[name]) for name in _OPTIONAL_INSTANTS}
    values["lease_until"] = from_microseconds(row.lease_until) if row.lease_until else None
    values |= {"typ": OutboxType(row.typ), "lane": Lane(row.lane), "state": OutboxState(row.state)}
    return OutboxRow(**values)


def _backoff(row: Row) -> PeerBackoff:
    return PeerBackoff(
        peer=row.peer,
        failures=row.failures,
        since=from_microseconds(row.since),
        retry_at=from_microseconds(row.retry_at),
        reason=row.reason,
    )
