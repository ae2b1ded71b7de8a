"""Evidence leaves: appended, never changed, not numbered (a sequencer numbers them at a checkpoint).

The keys by which an account finds them stand in :mod:`gateway.store.tables.evidence_index`, and are erased in time.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import BindParameter, bindparam, func, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion, numbered_values
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import evidence_leaves

_COUNT = Statement(select(func.count().label("leaves")).select_from(evidence_leaves))
_RECENT = Statement(select(evidence_leaves).order_by(evidence_leaves.c.id.desc()).limit(bindparam("limit")))
_BETWEEN = Statement(
    select(evidence_leaves)
    .where(evidence_leaves.c.id >= bindparam("first"), evidence_leaves.c.id < bindparam("end"))
    .order_by(evidence_leaves.c.id.desc())
    .limit(bindparam("limit"))
)
PAGE = 1_000
_MOMENT_BYTES = 8


@cache
def _append(count: int) -> Statement:
    return Statement(insertion(evidence_leaves, rows=count))


@cache
def _get(count: int) -> Statement:
    ids: list[BindParameter[bytes]] = [bindparam(f"id{number}") for number in range(count)]
    return Statement(select(evidence_leaves).where(evidence_leaves.c.id.in_(ids)).order_by(evidence_leaves.c.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeaf:
    """A leaf as it was appended; ``leaf_hash`` is RFC 6962's over ``leaf``, ``id`` comes from :func:`new_id`."""

    id: bytes
    at: datetime
    leaf: bytes
    leaf_hash: bytes


def new_id(at: datetime) -> bytes:
    """Return an id that sorts by time and collides with none."""
    return first_id(at) + secrets.token_bytes(8)


def first_id(at: datetime) -> bytes:
    """Return what sorts before every id of a moment and after those of all moments before it."""
    return to_microseconds(at).to_bytes(_MOMENT_BYTES, "big")


def append(tx: Transaction, *, leaf: bytes, leaf_hash: bytes, at: datetime) -> None:
    """Append one leaf under a new id."""
    append_all(tx, (StoredLeaf(id=new_id(at), at=at, leaf=leaf, leaf_hash=leaf_hash),))


def append_all(tx: Transaction, leaves: Sequence[StoredLeaf]) -> None:
    """Append leaves in one statement."""
    values = numbered_values(
        {"id": each.id, "at": to_microseconds(each.at), "leaf": each.leaf, "leaf_hash": each.leaf_hash}
        for each in leaves
    )
    tx.run(_append(len(leaves)), values)


def between(tx: Transaction, *, since: datetime, until: datetime) -> Iterator[StoredLeaf]:
    """Yield the leaves from one moment to just before another, newest first, however many there are."""
    first, end = first_id(since), first_id(until)
    while True:
        page = page_between(tx, first=first, end=end, limit=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        end = page[-1].id


def page_between(tx: Transaction, *, first: bytes, end: bytes, limit: int) -> tuple[StoredLeaf, ...]:
    """Return the newest leaves whose ids lie from ``first`` to just before ``end``, newest first."""
    return tuple(_leaf(row) for row in tx.rows(_BETWEEN, {"first": first, "end": end, "limit": limit}))


def get_all(tx: Transaction, ids: Sequence[bytes]) -> tuple[StoredLeaf, ...]:
    """Return the leaves of these ids, oldest first; ids that no leaf has are left out."""
    if not ids:
        return ()
    return tuple(_leaf(row) for row in tx.rows(_get(len(ids)), {f"id{n}": each for n, each in enumerate(ids)}))


def count(tx: Transaction) -> int:
    """Return how many leaves there are."""
    return int(tx.rows(_COUNT, {})[0].leaves)


def recent(tx: Transaction, *, limit: int) -> tuple[StoredLeaf, ...]:
    """Return the newest leaves, newest first."""
    return tuple(_leaf(row) for row in tx.rows(_RECENT, {"limit": limit}))


def _leaf(row: Row) -> StoredLeaf:
    return StoredLeaf(id=row.id, at=from_microseconds(row.at), leaf=row.leaf, leaf_hash=row.leaf_hash)
