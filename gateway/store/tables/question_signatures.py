"""Signatures of others' questions, sealed: a third party verifies one, and no word of the question is kept for it."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import BindParameter, bindparam, delete, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion, numbered_values
from gateway.store.schema import question_signatures

_BATCH: BindParameter[int] = bindparam("batch")
_GET = Statement(select(question_signatures.c.sealed).where(question_signatures.c.leaf == bindparam("its_leaf")))
_OLD = select(question_signatures.c.leaf).where(question_signatures.c.leaf < bindparam("before")).limit(_BATCH)
_ERASE = Statement(delete(question_signatures).where(question_signatures.c.leaf.in_(_OLD)))


@cache
def _put(count: int) -> Statement:
    return Statement(insertion(question_signatures, rows=count))


def put(tx: Transaction, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """Keep the sealed signatures of leaves' messages."""
    if rows:
        tx.run(_put(len(rows)), numbered_values({"leaf": leaf, "sealed": sealed} for leaf, sealed in rows))


def get(tx: Transaction, *, leaf: bytes) -> bytes | None:
    """Return the sealed signature of the message whose *received* leaf this is, or none."""
    rows = tx.rows(_GET, {"its_leaf": leaf})
    return bytes(rows[0].sealed) if rows else None


def erase_before(tx: Transaction, *, before: bytes, batch: int) -> int:
    """Forget at most ``batch`` signatures of leaves whose ids sort below ``before``."""
    return tx.run(_ERASE, {"before": before, "batch": batch})
