"""Examples that the store's tests share."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import URL

from gateway.ports import LocalClient
from gateway.store.engine.location import administration_engine
from gateway.store.tables.lookups import RUNNING, LookupRow
from gateway.store.tables.outbox import Lane, OutboxRow, OutboxType
from tests.support.positions import positions

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
COUNCIL = "https://council.example"
POLICE = "https://police.example"
DIGEST = "d" * 43
_numbers = count(1)


def make_lookup(**changes: Any) -> LookupRow:
    values: dict[str, Any] = {
        "id": "lookup-1",
        "client_id": "case-system",
        "idempotency_key": "key-1",
        "request_digest": DIGEST,
        "sealed_request": b"sealed request",
        "created_at": NOW,
        "keep_until": LATER,
        "expected": 8,
        "state": RUNNING,
    }
    return LookupRow(**{**values, **changes})


def make_client(**changes: Any) -> LocalClient:
    values: dict[str, Any] = {
        "client_id": "case-system",
        "name": "The council's case system",
        "jwks": {"keys": [{"kty": "EC", "kid": "a"}]},
        "positions": positions(["money-advice"], ["key-worker", "duty-worker"], ["team-north"]),
        "created_at": NOW,
    }
    return LocalClient(**{**values, **changes})


def administer(url: URL, *statements: str) -> None:
    with administration_engine(url).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def make_outbox_row(**changes: Any) -> OutboxRow:
    number = next(_numbers)
    values: dict[str, Any] = {
        "message": f"message-{number}",
        "typ": OutboxType.MESSAGE,
        "kind": "alert",
        "peer": POLICE,
        "service": "duty",
        "reference": f"HG-{number:08}",
        "lane": Lane.AMBER,
        "order_key": f"case-{number}",
        "digest": DIGEST,
        "created_at": NOW,
        "expires_at": LATER,
        "next_at": NOW,
    }
    return OutboxRow(**{**values, **changes})
