"""Evidence leaves are appended and never changed."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from pysqlite3 import dbapi2
from sqlalchemy import text

from gateway.ports import Store, Transaction
from gateway.store.engine.statement import Statement
from gateway.store.tables import evidence_leaves
from gateway.store.tables.evidence_leaves import StoredLeaf, new_id
from tests.gateway.store.makers import NOW

MOMENTS = [NOW + timedelta(seconds=second) for second in range(3)]
LEAVES = [StoredLeaf(id=new_id(at), at=at, leaf=bytes([n]), leaf_hash=bytes(32)) for n, at in enumerate(MOMENTS)]


def append(tx: Transaction, *leaves: StoredLeaf) -> None:
    evidence_leaves.append_all(tx, leaves)


def test_leaves_come_back_newest_first(store: Store) -> None:
    store.write(lambda tx: append(tx, LEAVES[1], LEAVES[0], LEAVES[2]))
    assert store.read(evidence_leaves.count) == 3
    assert store.read(lambda tx: evidence_leaves.recent(tx, limit=2)) == (LEAVES[2], LEAVES[1])


def test_many_leaves_of_one_instant_are_all_kept(store: Store) -> None:
    store.write(lambda tx: append(tx, *[replace(LEAVES[0], id=new_id(NOW)) for _ in range(50)]))
    assert store.read(evidence_leaves.count) == 50


ATTACKS = {
    "sqlite": (
        "UPDATE evidence_leaves SET leaf = leaf_hash",
        "DELETE FROM evidence_leaves",
        "REPLACE INTO evidence_leaves (id, at, leaf, leaf_hash) SELECT id, at, leaf_hash, leaf FROM evidence_leaves",
    ),
    "postgres": (
        "UPDATE evidence_leaves SET leaf = leaf_hash",
        "DELETE FROM evidence_leaves",
        "TRUNCATE evidence_leaves",
    ),
}


@pytest.mark.parametrize(
    ("store_url", "attack"),
    [(database, attack) for database, attacks in ATTACKS.items() for attack in attacks],
    indirect=["store_url"],
)
def test_the_database_itself_refuses_to_change_a_leaf(store: Store, attack: str) -> None:
    store.write(lambda tx: append(tx, LEAVES[0]))
    with pytest.raises((dbapi2.IntegrityError, psycopg.errors.RaiseException), match="only ever appended"):
        store.write(lambda tx: tx.run(Statement(text(attack)), {}))
    assert store.read(lambda tx: evidence_leaves.recent(tx, limit=9)) == (LEAVES[0],)
