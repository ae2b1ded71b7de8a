"""Trust chains as they were last verified, of nodes and of the intermediates above them."""

import json

from sqlalchemy import bindparam, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import trusted_chains
from gateway.store.tables.federation_records import StoredChain

_INSERT = insertion(trusted_chains)
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["entity"],
        set_={
            "statements": _INSERT.excluded.statements,
            "refreshed_at": _INSERT.excluded.refreshed_at,
            "expires_at": _INSERT.excluded.expires_at,
            "superior_iat": _INSERT.excluded.superior_iat,
            "revoked_marks": _INSERT.excluded.revoked_marks,
        },
        where=trusted_chains.c.superior_iat <= _INSERT.excluded.superior_iat,
    )
)
_GET = Statement(select(trusted_chains).where(trusted_chains.c.entity == bindparam("entity")))
_LIST = Statement(select(trusted_chains).order_by(trusted_chains.c.entity))


def put_chain(tx: Transaction, chain: StoredChain) -> bool:
    """Store a verified chain; return false, storing nothing, where a newer one of its superior was stored meanwhile.

    Rows are never erased, so that a rollback is still noticed after a chain has expired (section 6).
    """
    values = {
        "entity": chain.entity,
        "statements": json.dumps([statement.decode("ascii") for statement in chain.statements]),
        "refreshed_at": to_microseconds(chain.refreshed_at),
        "expires_at": to_microseconds(chain.expires_at),
        "superior_iat": to_microseconds(chain.superior_iat),
        "revoked_marks": json.dumps(chain.revoked_marks) if chain.revoked_marks else None,
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
        revoked_marks=tuple(json.loads(row.revoked_marks or "[]")),
    )
