"""The case systems that are registered at this node."""

import json
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import bindparam, select, update

from gateway.ports import LocalClient, Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.schema import clients
from trust.oauth.access_token import Position

_ADD = Statement(insertion(clients).on_conflict_do_nothing(index_elements=["client_id"]))
_GET = Statement(select(clients).where(clients.c.client_id == bindparam("client_id")))
_LIST = Statement(select(clients).order_by(clients.c.client_id))
_ASSIGN = Statement(
    update(clients)
    .where(clients.c.client_id == bindparam("client"))
    .values(manager=bindparam("new_manager"), sample_percent=bindparam("new_percent"))
)
_REKEY = Statement(
    update(clients)
    .where(clients.c.client_id == bindparam("client"), clients.c.revoked_at.is_(None))
    .values(jwks=bindparam("new_jwks"))
)
_REVOKE = Statement(
    update(clients)
    .where(clients.c.client_id == bindparam("client"), clients.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)


class ClientExists(Exception):
    """The client id is taken, if only by a revoked client: an id never changes hands."""


def add(tx: Transaction, client: LocalClient) -> None:
    """Register a client. Raises :class:`ClientExists`."""
    values = {
        "client_id": client.client_id,
        "name": client.name,
        "jwks": json.dumps(client.jwks),
        "positions": json.dumps([asdict(position) for position in client.positions]),
        "created_at": to_microseconds(client.created_at),
        "revoked_at": None if client.revoked_at is None else to_microseconds(client.revoked_at),
        "vouches": int(client.vouches),
        "manager": client.manager,
        "sample_percent": client.sample_percent,
    }
    if not tx.run(_ADD, values):
        raise ClientExists(f"The client id {client.client_id} is taken: choose another.")


def get(tx: Transaction, *, client_id: str) -> LocalClient | None:
    """Return a client, also a revoked one, or none."""
    rows = tx.rows(_GET, {"client_id": client_id})
    return _client(rows[0]) if rows else None


def list(tx: Transaction) -> tuple[LocalClient, ...]:  # noqa: A001 - read as `clients.list`
    """Return all clients, revoked ones too, in the order of their ids."""
    return tuple(_client(row) for row in tx.rows(_LIST, {}))


def assign(tx: Transaction, *, client_id: str, manager: str, sample_percent: int) -> bool:
    """Name who justifies how large a sample; return false where there is no such client.

    A revoked one may still have lookups to justify.
    """
    return tx.run(_ASSIGN, {"client": client_id, "new_manager": manager, "new_percent": sample_percent}) == 1


def rekey(tx: Transaction, client: LocalClient) -> bool:
    """Keep the keys that this client now has; return false where none is registered, or it was revoked."""
    return tx.run(_REKEY, {"client": client.client_id, "new_jwks": json.dumps(client.jwks)}) == 1


def revoke(tx: Transaction, *, client_id: str, at: datetime) -> bool:
    """Revoke a client for good; return false where there is none, or it was revoked before."""
    return tx.run(_REVOKE, {"client": client_id, "at": to_microseconds(at)}) == 1


def _client(row: Row) -> LocalClient:
    return LocalClient(
        client_id=row.client_id,
        name=row.name,
        jwks=json.loads(row.jwks),
        positions=tuple(Position(**each) for each in json.loads(row.positions)),
        created_at=from_microseconds(row.created_at),
        revoked_at=optional_from_microseconds(row.revoked_at),
        vouches=bool(row.vouches),
        manager=row.manager,
        sample_percent=row.sample_percent,
    )
