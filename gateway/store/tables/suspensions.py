"""Suspensions, the numbered log of each issuer: an authority's own, and those that a node verified and relays."""

from sqlalchemy import bindparam, delete, func, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import suspensions
from gateway.store.tables.federation_records import StoredSuspension

_PUT = Statement(insertion(suspensions).on_conflict_do_nothing(index_elements=["issuer", "seq"]))
_INSERT = insertion(suspensions)
_REPLACE = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["issuer", "seq"],
        set_={name: _INSERT.excluded[name] for name in ("subject", "state", "issued_at", "raw")},
    )
)
_REMOVE = Statement(
    delete(suspensions).where(suspensions.c.issuer == bindparam("of"), suspensions.c.seq == bindparam("number"))
)
_HIGHEST = Statement(
    select(suspensions.c.issuer, func.max(suspensions.c.seq).label("highest"))
    .group_by(suspensions.c.issuer)
    .order_by(suspensions.c.issuer)
)
_LAST = Statement(
    select(func.max(suspensions.c.seq).label("highest")).where(suspensions.c.issuer == bindparam("issuer"))
)
_AFTER = Statement(
    select(suspensions)
    .where(suspensions.c.issuer == bindparam("issuer"), suspensions.c.seq > bindparam("after"))
    .order_by(suspensions.c.seq)
    .limit(bindparam("most"))
)
_STATES = Statement(
    select(suspensions.c.issuer, suspensions.c.subject, suspensions.c.state).order_by(
        suspensions.c.issuer, suspensions.c.seq
    )
)


def put(tx: Transaction, entry: StoredSuspension) -> bool:
    """Store a verified entry; return false, storing nothing, where the issuer's number is taken."""
    return tx.run(_PUT, _values(entry)) == 1


def replace(tx: Transaction, entry: StoredSuspension) -> None:
    """Store a verified entry in place of the one that has its number."""
    tx.run(_REPLACE, _values(entry))


def remove(tx: Transaction, *, issuer: str, seq: int) -> None:
    """Remove an entry that its issuer did not make."""
    tx.run(_REMOVE, {"of": issuer, "number": seq})


def highest(tx: Transaction) -> dict[str, int]:
    """Return the highest number that is held of each issuer."""
    return {row.issuer: row.highest for row in tx.rows(_HIGHEST, {})}


def next_seq(tx: Transaction, *, issuer: str) -> int:
    """Return the number of an issuer's next entry; no other writing transaction gets the same."""
    return (tx.rows(_LAST, {"issuer": issuer})[0].highest or 0) + 1


def after(tx: Transaction, *, issuer: str, seq: int, limit: int) -> tuple[StoredSuspension, ...]:
    """Return at most ``limit`` entries of an issuer beyond a number, the lowest first."""
    rows = tx.rows(_AFTER, {"issuer": issuer, "after": seq, "most": limit})
    return tuple(
        StoredSuspension(
            issuer=row.issuer,
            seq=row.seq,
            subject=row.subject,
            state=row.state,
            issued_at=from_microseconds(row.issued_at),
            raw=bytes(row.raw),
        )
        for row in rows
    )


def states(tx: Transaction) -> dict[tuple[str, str], str]:
    """Return what the latest entry of each issuer says of each subject."""
    return {(row.issuer, row.subject): row.state for row in tx.rows(_STATES, {})}


def _values(entry: StoredSuspension) -> dict[str, str | int | bytes]:
    return {
        "issuer": entry.issuer,
        "seq": entry.seq,
        "subject": entry.subject,
        "state": entry.state,
        "issued_at": to_microseconds(entry.issued_at),
        "raw": entry.raw,
    }
