"""Trust chains as they were last verified, and the newest superior statement ever seen of each entity."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from gateway.ports import Transaction
from gateway.store.moments import from_microseconds, to_microseconds
from gateway.store.schema import trusted_chains
from gateway.store.statement import Row, Statement, insertion

_INSERT = insertion(trusted_chains)
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["entity"],
        set_={
            "statements": _INSERT.excluded.statements,
            "refreshed_at": _INSERT.excluded.refreshed_at,
            "expires_at": _INSERT.excluded.expires_at,
            "superior_iat": _INSERT.excluded.superior_iat,
        },
        where=trusted_chains.c.superior_iat <= _INSERT.excluded.superior_iat,
    )
)
_GET = Statement(select(trusted_chains).where(trusted_chains.c.entity == bindparam("entity")))
_LIST = Statement(select(trusted_chains).order_by(trusted_chains.c.entity))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChain:
    """The statements of a chain, leaf first, as received. Times are those of its last good refresh."""

    entity: str
    statements: tuple[bytes, ...]
    refreshed_at: datetime
    expires_at: datetime
    superior_iat: datetime


def put_chain(
    tx: Transaction,
    *,
    entity: str,
    statements: Sequence[bytes],
    refreshed_at: datetime,
    expires_at: datetime,
    superior_iat: datetime,
) -> bool:
    """Store a verified chain; return false, storing nothing, when a newer superior statement was seen before.

    ``superior_iat`` is the oldest superior statement's. Rows are never erased, so that a rollback is still noticed
    after a chain has expired (section 6).
    """
    values = {
        "entity": entity,
        "statements": json.dumps([statement.decode("ascii") for statement in statements]),
        "refreshed_at": to_microseconds(refreshed_at),
        "expires_at": to_microseconds(expires_at),
        "superior_iat": to_microseconds(superior_iat),
    }
    return tx.run(_PUT, values) == 1


def get_chain(tx: Transaction, *, entity: str) -> StoredChain | None:
    """Return the last chain of an entity, which may have expired."""
    rows = tx.rows(_GET, {"entity": entity})
    return _chain(rows[0]) if rows else None


def list_chains(tx: Transaction) -> tuple[StoredChain, ...]:
    """Return all chains, in the order of their entities."""
    return tuple(_chain(row) for row in tx.rows(_LIST, {}))


def _chain(row: Row) -> StoredChain:
    return StoredChain(
        entity=row.entity,
        statements=tuple(statement.encode("ascii") for statement in json.loads(row.statements)),
        refreshed_at=from_microseconds(row.refreshed_at),
        expires_at=from_microseconds(row.expires_at),
        superior_iat=from_microseconds(row.superior_iat),
    )
