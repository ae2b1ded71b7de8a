"""Evidence stands or falls with its effect."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import text

from gateway.evidence import recorder
from gateway.ports import Store, Transaction
from gateway.store.engine.statement import Statement
from gateway.store.factory import open_store
from gateway.store.tables import evidence_leaves, messages
from tests.gateway.store.makers import COUNCIL, DIGEST, LATER, NOW, POLICE
from tests.support.stores import make_store
from trust.evidence.leaf import Leaf, LeafKind, leaf_hash
from trust.identifiers import EntityId

LEAF = Leaf(
    kind=LeafKind.ANSWERED,
    at=NOW,
    peer=EntityId(COUNCIL),
    message_iss=EntityId(COUNCIL),
    message_id="a",
    message_digest=DIGEST,
    outcome_code="known",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    make_store(tmp_path)
    opened = open_store("sqlite:///node.db", base_dir=tmp_path)
    yield opened
    opened.close()


def answer(tx: Transaction) -> None:
    """Do what an answer does: claim the id with the sealed reply, and record it."""
    messages.claim(tx, issuer=POLICE, message="a", digest=DIGEST, sealed_reply=b"sealed", expires=LATER)
    recorder.record(tx, recorder.build_entry(LEAF))


def test_a_leaf_is_recorded_as_its_own_bytes_and_hash(store: Store) -> None:
    store.write(answer)
    (stored,) = store.read(lambda tx: evidence_leaves.recent(tx, limit=9))
    assert (stored.at, stored.leaf, stored.leaf_hash) == (NOW, LEAF.to_bytes(), leaf_hash(LEAF.to_bytes()))


@pytest.mark.holds("A57")
def test_where_evidence_cannot_be_written_the_effect_does_not_happen(store: Store) -> None:
    store.write(
        lambda tx: tx.run(
            Statement(
                text(
                    "CREATE TRIGGER fault BEFORE INSERT ON evidence_leaves "
                    "BEGIN SELECT RAISE(ABORT, 'the evidence cannot be written'); END"
                )
            ),
            {},
        )
    )
    with pytest.raises(dbapi2.IntegrityError, match="cannot be written"):
        store.write(answer)
    assert store.read(lambda tx: messages.find(tx, issuer=POLICE, message="a")) is None
