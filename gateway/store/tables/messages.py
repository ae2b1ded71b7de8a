"""The ids of messages that were handled, with the answer that each was given.

A message id is (issuer, jti). It is remembered past the message's own expiry, so that nothing is done twice; the sealed
answer is kept only until then. An issuer may write anything into a ``jti``, so the node's own keyed digest of it
(:func:`trust.evidence.leaf.message_key`) stands in the column of that name.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, bindparam, delete, select, tuple_, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import to_microseconds
from gateway.store.schema import messages

REMEMBERED_PAST_EXPIRY = timedelta(hours=1)
"""Far longer than clocks may differ: a replay is refused by its id or by its expiry, whichever forgets last."""

_MINE = (messages.c.issuer == bindparam("issuer")) & (messages.c.jti == bindparam("jti"))
_ID = tuple_(messages.c.issuer, messages.c.jti)
_EXPIRED = select(messages.c.issuer, messages.c.jti).where(messages.c.expires <= bindparam("now"))
_BATCH: BindParameter[int] = bindparam("batch")

_FIND = Statement(select(messages.c.digest, messages.c.sealed_reply).where(_MINE))
_CLAIM = Statement(insertion(messages).on_conflict_do_nothing(index_elements=["issuer", "jti"]))
_REPLACE = Statement(
    update(messages)
    .where(_MINE, messages.c.digest == bindparam("its_digest"), messages.c.sealed_reply == bindparam("earlier"))
    .values(sealed_reply=bindparam("later"))
)
_ERASE_REPLIES = Statement(
    update(messages)
    .where(_ID.in_(_EXPIRED.where(messages.c.sealed_reply.is_not(None)).limit(_BATCH)))
    .values(sealed_reply=None)
)
_ERASE_IDS = Statement(delete(messages).where(_ID.in_(_EXPIRED.limit(_BATCH))))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReply:
    """What the id was first used for. ``sealed_reply`` is none once the answer was erased, or where none was kept."""

    digest: str
    sealed_reply: bytes | None


def find(tx: Transaction, *, issuer: str, message: str) -> StoredReply | None:
    """Return what this id was used for, or none for a new one."""
    rows = tx.rows(_FIND, {"issuer": issuer, "jti": message})
    return StoredReply(digest=rows[0].digest, sealed_reply=rows[0].sealed_reply) if rows else None


def claim(
    tx: Transaction, *, issuer: str, message: str, digest: str, sealed_reply: bytes | None, expires: datetime
) -> StoredReply | None:
    """Claim a message id together with its answer and return none, or what an earlier claim holds.

    Of several transactions with one id, one succeeds; the others find the winner's answer. ``expires`` is the
    message's own.
    """
    values = {
        "issuer": issuer,
        "jti": message,
        "digest": digest,
        "sealed_reply": sealed_reply,
        "expires": to_microseconds(expires),
    }
    return None if tx.run(_CLAIM, values) else find(tx, issuer=issuer, message=message)


def replace(
    tx: Transaction, earlier: StoredReply, *, issuer: str, message: str, sealed_reply: bytes
) -> StoredReply | None:
    """Put an answer in the place of an earlier one and return none, or what stands there by now."""
    values = {
        "issuer": issuer,
        "jti": message,
        "its_digest": earlier.digest,
        "earlier": earlier.sealed_reply,
        "later": sealed_reply,
    }
    return None if tx.run(_REPLACE, values) else find(tx, issuer=issuer, message=message)


def erase_expired(tx: Transaction, *, now: datetime, batch: int) -> int:
    """Erase at most ``batch`` answers of expired messages and as many ids past remembering; return how many."""
    replies = tx.run(_ERASE_REPLIES, {"now": to_microseconds(now), "batch": batch})
    ids = tx.run(_ERASE_IDS, {"now": to_microseconds(now - REMEMBERED_PAST_EXPIRY), "batch": batch})
    return replies + ids
