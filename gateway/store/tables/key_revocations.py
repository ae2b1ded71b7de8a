"""Revocations of keys, each as its issuer signed it: of this entity's own keys and of others'. None is ever removed."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, func, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import key_revocations
from gateway.store.tables.federation_records import StoredKeyRevocation

MOST_OF_ONE = 1_000
"""Revoked keys of one entity that are remembered: what an entity signs must not fill the store."""

_PUT = Statement(insertion(key_revocations).on_conflict_do_nothing(index_elements=["subject", "kid"]))
_COUNT = Statement(
    select(func.count().label("held")).select_from(key_revocations).where(key_revocations.c.subject == bindparam("of"))
)
_OF = Statement(
    select(key_revocations)
    .where(key_revocations.c.subject == bindparam("of"))
    .order_by(key_revocations.c.noted_at.desc(), key_revocations.c.kid)
    .limit(bindparam("most"))
)
_BY = Statement(
    select(key_revocations)
    .where(key_revocations.c.issuer == bindparam("by"), key_revocations.c.subject != bindparam("by"))
    .order_by(key_revocations.c.noted_at.desc(), key_revocations.c.kid)
    .limit(bindparam("most"))
)
_KIDS_OF = Statement(select(key_revocations.c.kid).where(key_revocations.c.subject == bindparam("of")))
_KIDS = Statement(select(key_revocations.c.subject, key_revocations.c.kid))


def put(tx: Transaction, revocation: StoredKeyRevocation, *, at: datetime) -> bool:
    """Store a verified notice; return false where the key is known to be revoked, or too many of the entity are."""
    if tx.rows(_COUNT, {"of": revocation.subject})[0].held >= MOST_OF_ONE:
        return False
    values = {
        "subject": revocation.subject,
        "kid": revocation.kid,
        "issuer": revocation.issuer,
        "key_use": revocation.use,
        "revoked_at": to_microseconds(revocation.revoked_at),
        "raw": revocation.raw,
        "noted_at": to_microseconds(at),
    }
    return tx.run(_PUT, values) == 1


def of(tx: Transaction, *, subject: str, limit: int = MOST_OF_ONE) -> tuple[StoredKeyRevocation, ...]:
    """Return the notices about an entity's keys, those that were noted last first."""
    return tuple(_notice(row) for row in tx.rows(_OF, {"of": subject, "most": limit}))


def by(tx: Transaction, *, issuer: str, limit: int) -> tuple[StoredKeyRevocation, ...]:
    """Return an authority's notices about others' keys, those that were noted last first."""
    return tuple(_notice(row) for row in tx.rows(_BY, {"by": issuer, "most": limit}))


def kids_of(tx: Transaction, *, subject: str) -> frozenset[str]:
    """Return the thumbprints of an entity's revoked keys."""
    return frozenset(row.kid for row in tx.rows(_KIDS_OF, {"of": subject}))


def kids(tx: Transaction) -> Mapping[str, frozenset[str]]:
    """Return the thumbprints of every entity's revoked keys."""
    by_subject: dict[str, set[str]] = {}
    for row in tx.rows(_KIDS, {}):
        by_subject.setdefault(row.subject, set()).add(row.kid)
    return {subject: frozenset(each) for subject, each in by_subject.items()}


def _notice(row: Row) -> StoredKeyRevocation:
    return StoredKeyRevocation(
        issuer=row.issuer,
        subject=row.subject,
        kid=row.kid,
        use=row.key_use,
        revoked_at=from_microseconds(row.revoked_at),
        raw=row.raw,
    )
