"""The lookup of each sent message, so that accounting for a message names its case.

``message`` is the node's own keyed digest of the message id; the id itself, with its holder, rests sealed.
"""

from sqlalchemy import bindparam, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion
from gateway.store.schema import lookup_messages

_PUT = Statement(insertion(lookup_messages))
_FIND = Statement(select(lookup_messages).where(lookup_messages.c.message == bindparam("its_message")))


def put(tx: Transaction, *, message: str, lookup_id: str, sealed: bytes) -> None:
    """Note that a message is part of a lookup."""
    tx.run(_PUT, {"message": message, "lookup_id": lookup_id, "sealed": sealed})


def find(tx: Transaction, *, message: str) -> tuple[str, bytes] | None:
    """Return the lookup that a message was part of, and what is sealed of the message; or none."""
    rows = tx.rows(_FIND, {"its_message": message})
    return (rows[0].lookup_id, bytes(rows[0].sealed)) if rows else None
