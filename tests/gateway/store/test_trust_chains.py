"""Trust chains at rest."""

from datetime import datetime, timedelta

from gateway.ports import Store, Transaction
from gateway.store.tables import trust_chains
from gateway.store.tables.federation_records import StoredChain
from tests.gateway.store.makers import COUNCIL, LATER, NOW, POLICE


def chain(superior_iat: datetime, statements: tuple[bytes, ...] = (b"a.b.c", b"d.e.f")) -> StoredChain:
    return StoredChain(
        entity=COUNCIL,
        statements=statements,
        refreshed_at=superior_iat,
        expires_at=superior_iat + timedelta(hours=120),
        superior_iat=superior_iat,
        revoked_marks=("a-digest",),
    )


def put(tx: Transaction, superior_iat: datetime, statements: tuple[bytes, ...] = (b"a.b.c", b"d.e.f")) -> bool:
    return trust_chains.put_chain(tx, chain(superior_iat, statements))


def test_a_chain_comes_back_as_it_was_received(store: Store) -> None:
    assert store.write(lambda tx: put(tx, NOW))
    assert store.read(lambda tx: trust_chains.get_chain(tx, entity=COUNCIL)) == chain(NOW)
    assert store.read(lambda tx: trust_chains.get_chain(tx, entity=POLICE)) is None
    assert store.read(trust_chains.list_chains) == (chain(NOW),)


def test_a_chain_with_an_older_superior_statement_is_refused(store: Store) -> None:
    store.write(lambda tx: put(tx, LATER))
    assert not store.write(lambda tx: put(tx, NOW, (b"an.older.one",)))
    assert store.write(lambda tx: put(tx, LATER, (b"the.same.again",)))
    found = store.read(lambda tx: trust_chains.get_chain(tx, entity=COUNCIL))
    assert found is not None
    assert (found.superior_iat, found.statements) == (LATER, (b"the.same.again",))
