"""Which lookup each message of ours was part of, so that accounting for a message names the case it was sent for.

``message`` is the node's own keyed digest of the message id; the id itself, with its holder, rests sealed.
"""

from sqlalchemy import BindParameter, bindparam, delete, select

from gateway.ports import Transaction
from gateway.store.schema import lookup_messages, lookups
from gateway.store.statement import Statement, insertion

_BATCH: BindParameter[int] = bindparam("batch")
_PUT = Statement(insertion(lookup_messages))
_FIND = Statement(select(lookup_messages).where(lookup_messages.c.message == bindparam("its_message")))
_OF = Statement(select(lookup_messages.c.message).where(lookup_messages.c.lookup_id == bindparam("its_lookup")))
_OLD = (
    select(lookup_messages.c.message)
    .where(lookup_messages.c.lookup_id == lookups.c.id, lookups.c.keep_until < bindparam("before"))
    .limit(_BATCH)
)
_ERASE = Statement(delete(lookup_messages).where(lookup_messages.c.message.in_(_OLD)))


def put(tx: Transaction, *, message: str, lookup_id: str, sealed: bytes) -> None:
    """Note that a message is part of a lookup."""
    tx.run(_PUT, {"message": message, "lookup_id": lookup_id, "sealed": sealed})


def find(tx: Transaction, *, message: str) -> tuple[str, bytes] | None:
    """Return the lookup that a message was part of, and what is sealed of the message; or none."""
    rows = tx.rows(_FIND, {"its_message": message})
    return (rows[0].lookup_id, bytes(rows[0].sealed)) if rows else None


def messages_of(tx: Transaction, *, lookup_id: str) -> tuple[str, ...]:
    """Return the messages of a lookup."""
    return tuple(row.message for row in tx.rows(_OF, {"its_lookup": lookup_id}))


def erase_before(tx: Transaction, *, before: int, batch: int) -> int:
    """Forget at most ``batch`` messages of lookups whose keeping ended before a moment in microseconds."""
    return tx.run(_ERASE, {"before": before, "batch": batch})
