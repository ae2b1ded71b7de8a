"""Trust chains at rest."""

from datetime import datetime, timedelta

from gateway.ports import Store, Transaction
from gateway.store import trusted
from gateway.store.trusted import StoredChain
from tests.gateway.store.makers import COUNCIL, LATER, NOW, POLICE


def put(tx: Transaction, superior_iat: datetime, statements: tuple[bytes, ...] = (b"a.b.c", b"d.e.f")) -> bool:
    return trusted.put_chain(
        tx,
        entity=COUNCIL,
        statements=statements,
        refreshed_at=superior_iat,
        expires_at=superior_iat + timedelta(hours=120),
        superior_iat=superior_iat,
    )


def test_a_chain_comes_back_as_it_was_received(store: Store) -> None:
    assert store.write(lambda tx: put(tx, NOW))
    chain = StoredChain(
        entity=COUNCIL,
        statements=(b"a.b.c", b"d.e.f"),
        refreshed_at=NOW,
        expires_at=NOW + timedelta(hours=120),
        superior_iat=NOW,
    )
    assert store.read(lambda tx: trusted.get_chain(tx, entity=COUNCIL)) == chain
    assert store.read(lambda tx: trusted.get_chain(tx, entity=POLICE)) is None
    assert store.read(trusted.list_chains) == (chain,)


def test_a_chain_with_an_older_superior_statement_is_refused(store: Store) -> None:
    store.write(lambda tx: put(tx, LATER))
    assert not store.write(lambda tx: put(tx, NOW, (b"an.older.one",)))
    assert store.write(lambda tx: put(tx, LATER, (b"the.same.again",)))
    found = store.read(lambda tx: trusted.get_chain(tx, entity=COUNCIL))
    assert found is not None
    assert (found.superior_iat, found.statements) == (LATER, (b"the.same.again",))
