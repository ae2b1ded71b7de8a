"""Erasing what has been kept long enough."""

from datetime import timedelta

from gateway.ports import Transaction
from gateway.store.engine.claims_postgres import PostgresClaims
from gateway.store.engine.claims_sqlite import SqliteClaims
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.sqlite import SqliteStore
from gateway.store.housekeeping import BATCH, ErasureCounts, erase_expired
from gateway.store.tables import lookups, messages
from gateway.store.tables.messages import REMEMBERED_PAST_EXPIRY
from tests.gateway.store.makers import COUNCIL, DIGEST, LATER, NOW, make_lookup


def fill(tx: Transaction) -> None:
    for number in range(BATCH + 5):
        messages.claim(tx, issuer=COUNCIL, message=str(number), digest=DIGEST, sealed_reply=b"sealed", expires=LATER)
    lookups.create(tx, make_lookup())
    lookups.create(tx, make_lookup(id="kept", idempotency_key="key-2", keep_until=LATER + timedelta(days=1)))
    for lookup_id in ("lookup-1", "kept"):
        lookups.add_answer(tx, lookup_id=lookup_id, service="a", sealed=b"sealed", at=NOW)


def test_everything_expired_is_erased_and_nothing_else(
    store: SqliteStore | PostgresStore, claims: SqliteClaims | PostgresClaims
) -> None:
    store.write(fill)
    claims.claim(space="dpop", key="a", issued_at=NOW, expires=LATER, now=NOW)

    before = LATER - timedelta(seconds=1)
    assert erase_expired(store, claims, now=before) == ErasureCounts(messages=0, lookups=0, claims=0, counts=0)
    assert erase_expired(store, claims, now=LATER) == ErasureCounts(messages=BATCH + 5, lookups=1, claims=1, counts=0)
    past = LATER + REMEMBERED_PAST_EXPIRY
    assert erase_expired(store, claims, now=past) == ErasureCounts(messages=BATCH + 5, lookups=0, claims=0, counts=0)
    kept = store.read(lambda tx: lookups.get(tx, lookup_id="kept", client_id="case-system"))
    assert kept is not None
    assert [answer.service for answer in kept.answers] == ["a"]
