"""Peers that take nothing at present, and when each is tried again with one message."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from gateway.ports import Transaction
from gateway.store.delivery_schema import peer_backoffs
from gateway.store.engine.statement import Row, Statement
from gateway.store.engine.timestamps import from_microseconds, to_microseconds

_INSERT = insert(peer_backoffs).values({column.name: bindparam(column.name) for column in peer_backoffs.columns})
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["peer"],
        set_={name: _INSERT.excluded[name] for name in ("failures", "since", "retry_at", "reason")},
    )
)
_GET = Statement(select(peer_backoffs).where(peer_backoffs.c.peer == bindparam("its_peer")))
_LIST = Statement(select(peer_backoffs).order_by(peer_backoffs.c.since, peer_backoffs.c.peer))
_CLEAR = Statement(delete(peer_backoffs).where(peer_backoffs.c.peer == bindparam("its_peer")))


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerBackoff:
    """A peer that takes nothing: since when, after how many failures in a row, and why, as a code."""

    peer: str
    failures: int
    since: datetime
    retry_at: datetime
    reason: str


def put(tx: Transaction, backoff: PeerBackoff) -> None:
    """Store a peer's backoff in place of an earlier one."""
    values = {
        "peer": backoff.peer,
        "failures": backoff.failures,
        "since": to_microseconds(backoff.since),
        "retry_at": to_microseconds(backoff.retry_at),
        "reason": backoff.reason,
    }
    tx.run(_PUT, values)


def get(tx: Transaction, *, peer: str) -> PeerBackoff | None:
    """Return a peer's backoff, or none for a peer that takes messages as far as is known."""
    rows = tx.rows(_GET, {"its_peer": peer})
    return _backoff(rows[0]) if rows else None


def list(tx: Transaction) -> tuple[PeerBackoff, ...]:  # noqa: A001 - read as `peer_backoffs.list`
    """Return every peer that takes nothing, the longest first."""
    return tuple(map(_backoff, tx.rows(_LIST, {})))


def clear(tx: Transaction, *, peer: str) -> bool:
    """Forget a peer's backoff; return whether there was one."""
    return tx.run(_CLEAR, {"its_peer": peer}) == 1


def _backoff(row: Row) -> PeerBackoff:
    return PeerBackoff(
        peer=row.peer,
        failures=row.failures,
        since=from_microseconds(row.since),
        retry_at=from_microseconds(row.retry_at),
        reason=row.reason,
    )
