"""Keys by which leaves are found: of their message, and of the person; beside the leaves, and erased in time.

A key is a keyed digest of the node's own, so that none can be tried against a list of people or of message ids. A leaf
of version 1 is found by its message's own id, which stands in it in clear.
"""

from collections.abc import Collection, Sequence
from functools import cache

from sqlalchemy import BindParameter, bindparam, delete, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion, numbered_values
from gateway.store.schema import evidence_index

_BATCH: BindParameter[int] = bindparam("batch")
_OLD = select(evidence_index.c.leaf).where(evidence_index.c.leaf < bindparam("before")).limit(_BATCH)
_ERASE = Statement(delete(evidence_index).where(evidence_index.c.leaf.in_(_OLD)))


@cache
def _put(count: int) -> Statement:
    return Statement(insertion(evidence_index, rows=count))


@cache
def _find(count: int) -> Statement:
    keys: list[BindParameter[str]] = [bindparam(f"key{number}") for number in range(count)]
    return Statement(
        select(evidence_index.c.leaf)
        .where(evidence_index.c.key.in_(keys), evidence_index.c.leaf < bindparam("before"))
        .distinct()
        .order_by(evidence_index.c.leaf.desc())
        .limit(bindparam("limit"))
    )


def put(tx: Transaction, rows: Collection[tuple[str, bytes]]) -> None:
    """Note by which keys leaves are found, each pair of key and leaf once, in one statement."""
    if rows:
        tx.run(_put(len(rows)), numbered_values({"key": key, "leaf": leaf} for key, leaf in rows))


def find(tx: Transaction, keys: Sequence[str], *, before: bytes, limit: int) -> tuple[bytes, ...]:
    """Return the ids of the newest leaves below ``before`` that any of these keys finds, newest first."""
    if not keys:
        return ()
    values: dict[str, str | bytes | int] = {f"key{number}": key for number, key in enumerate(keys)}
    rows = tx.rows(_find(len(keys)), {**values, "before": before, "limit": limit})
    return tuple(row.leaf for row in rows)


def erase_before(tx: Transaction, *, before: bytes, batch: int) -> int:
    """Forget the keys of about ``batch`` leaves whose ids sort below ``before``, and return how many keys went."""
    return tx.run(_ERASE, {"before": before, "batch": batch})
