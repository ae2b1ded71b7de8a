"""Evidence leaves: appended, never changed, not numbered (a sequencer numbers them at a checkpoint)."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import bindparam, func, select

from gateway.ports import Transaction
from gateway.store.moments import from_microseconds, to_microseconds
from gateway.store.schema import evidence_leaves
from gateway.store.statement import Statement, insertion

_COUNT = Statement(select(func.count().label("leaves")).select_from(evidence_leaves))
_RECENT = Statement(
    select(evidence_leaves.c.at, evidence_leaves.c.leaf, evidence_leaves.c.leaf_hash)
    .order_by(evidence_leaves.c.id.desc())
    .limit(bindparam("limit"))
)
_BETWEEN = Statement(
    select(evidence_leaves.c.id, evidence_leaves.c.at, evidence_leaves.c.leaf, evidence_leaves.c.leaf_hash)
    .where(evidence_leaves.c.id >= bindparam("first"), evidence_leaves.c.id < bindparam("end"))
    .order_by(evidence_leaves.c.id.desc())
    .limit(bindparam("limit"))
)
PAGE = 1_000


@cache
def _append(count: int) -> Statement:
    return Statement(insertion(evidence_leaves, rows=count))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeaf:
    """A leaf as it was appended; ``leaf_hash`` is RFC 6962's over ``leaf``."""

    at: datetime
    leaf: bytes
    leaf_hash: bytes


def append(tx: Transaction, *, leaf: bytes, leaf_hash: bytes, at: datetime) -> None:
    """Append one leaf under an id that sorts by time and collides with none."""
    append_all(tx, (StoredLeaf(at=at, leaf=leaf, leaf_hash=leaf_hash),))


def append_all(tx: Transaction, leaves: Sequence[StoredLeaf]) -> None:
    """Append leaves, each as :func:`append` does, in one statement."""
    values: dict[str, bytes | int] = {}
    for number, leaf in enumerate(leaves):
        values[f"id{number}"] = _from(leaf.at) + secrets.token_bytes(8)
        values[f"at{number}"] = to_microseconds(leaf.at)
        values[f"leaf{number}"], values[f"leaf_hash{number}"] = leaf.leaf, leaf.leaf_hash
    tx.run(_append(len(leaves)), values)


def between(tx: Transaction, *, since: datetime, until: datetime) -> Iterator[StoredLeaf]:
    """Yield the leaves from one moment to just before another, newest first, however many there are."""
    first, end = _from(since), _from(until)
    while True:
        rows = tx.rows(_BETWEEN, {"first": first, "end": end, "limit": PAGE})
        for row in rows:
            yield StoredLeaf(at=from_microseconds(row.at), leaf=row.leaf, leaf_hash=row.leaf_hash)
        if len(rows) < PAGE:
            return
        end = rows[-1].id


def count(tx: Transaction) -> int:
    """Return how many leaves there are."""
    return int(tx.rows(_COUNT, {})[0].leaves)


def recent(tx: Transaction, *, limit: int) -> tuple[StoredLeaf, ...]:
    """Return the newest leaves, newest first."""
    rows = tx.rows(_RECENT, {"limit": limit})
    return tuple(StoredLeaf(at=from_microseconds(row.at), leaf=row.leaf, leaf_hash=row.leaf_hash) for row in rows)


def _from(at: datetime) -> bytes:
    """Return what the ids of the leaves of one moment begin with."""
    return to_microseconds(at).to_bytes(8, "big")
