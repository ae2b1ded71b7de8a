"""The newest notice of each party that suspended or resumed a version of an agreement."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from gateway.ports import Transaction
from gateway.store.agreement_schema import agreement_suspension_notices as notices
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import to_microseconds
from gateway.store.tables import agreements
from gateway.store.tables.agreements import StoredSignature
from trust.exchange.envelope import AgreementRef

_INSERT = insertion(notices)
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["agreement_id", "version", "entity"],
        set_={name: _INSERT.excluded[name] for name in ("rank", "raw", "jwks", "added_at")},
        where=notices.c.rank < _INSERT.excluded.rank,
    )
)
_LOAD = Statement(select(notices))
_FIND = Statement(
    select(notices.c.raw).where(
        notices.c.agreement_id == bindparam("agreement_id"),
        notices.c.version == bindparam("version"),
        notices.c.entity == bindparam("entity"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStandstill:
    """A party's notice, how new it is, and the keys that proved it."""

    agreement_id: str
    version: int
    entity: str
    rank: int
    signed: StoredSignature


def put(tx: Transaction, *, agreement: AgreementRef, notice: StoredStandstill, added_at: datetime) -> bool:
    """Store a notice that the caller verified; return false where one of its party as new is stored.

    Raises ``AgreementConflict`` unless that agreement is stored and open.
    """
    agreements.require_open(tx, agreement)
    identity = {"agreement_id": notice.agreement_id, "version": notice.version, "entity": notice.entity}
    signed = {"raw": notice.signed.raw, "jwks": notice.signed.jwks, "added_at": to_microseconds(added_at)}
    is_new = tx.run(_PUT, {**identity, **signed, "rank": notice.rank}) == 1
    if is_new:
        agreements.touch(tx)
    return is_new


def load_all(tx: Transaction) -> tuple[StoredStandstill, ...]:
    """Return the newest notice of each party about each version."""
    return tuple(
        StoredStandstill(
            agreement_id=row.agreement_id,
            version=row.version,
            entity=row.entity,
            rank=row.rank,
            signed=StoredSignature(raw=row.raw, jwks=row.jwks),
        )
        for row in tx.rows(_LOAD, {})
    )


def find(tx: Transaction, agreement: AgreementRef, entity: str) -> bytes | None:
    """Return a party's newest notice about a version, as it was signed."""
    identity = {"agreement_id": agreement.id, "version": agreement.version, "entity": entity}
    return next((row.raw for row in tx.rows(_FIND, identity)), None)
