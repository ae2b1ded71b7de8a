"""An upgrade keeps the evidence of before and finds it by what it was found by."""

from pathlib import Path

from sqlalchemy import text

from gateway.store.engine.location import administration_engine, locate
from gateway.store.engine.sqlite_files import create_in_wal_mode
from gateway.store.factory import open_store
from gateway.store.migration import is_current_within, migrate
from gateway.store.tables import evidence_index, evidence_leaves
from gateway.store.tables.evidence_leaves import new_id
from tests.gateway.store.makers import NOW
from trust.evidence.leaf import leaf_hash, parse_leaf

OLD = (
    b'{"at":"2026-09-01T10:00:00.000+00:00","kind":"received","message":{"digest":"AAAA",'
    b'"iss":"https://council.example","jti":"m-1"},"outcome":"known","peer":"https://council.example",'
    b'"reasons":[],"subject":"a-person","v":1}'
)
END = b"\xff" * 16


def test_leaves_of_before_are_found_by_message_and_person_and_stay_as_they_were(
    unmigrated_url: str, tmp_path: Path
) -> None:
    engine = administration_engine(locate(unmigrated_url, base_dir=tmp_path))
    if unmigrated_url.startswith("sqlite"):
        create_in_wal_mode(tmp_path / "node.db")
    leaf = new_id(NOW)
    with engine.begin() as connection:
        is_current_within(connection, "0005_agreement_endings")
        connection.execute(
            text("INSERT INTO evidence_leaves (id, at, leaf, leaf_hash) VALUES (:id, 1, :leaf, :leaf_hash)"),
            {"id": leaf, "leaf": OLD, "leaf_hash": leaf_hash(OLD)},
        )
    engine.dispose()
    migrate(unmigrated_url, base_dir=tmp_path)
    store = open_store(unmigrated_url, base_dir=tmp_path)
    assert store.read(lambda tx: evidence_index.find(tx, ("m-1",), before=END, limit=9)) == (leaf,)
    assert store.read(lambda tx: evidence_index.find(tx, ("a-person",), before=END, limit=9)) == (leaf,)
    (stored,) = store.read(lambda tx: evidence_leaves.get_all(tx, [leaf]))
    assert (stored.leaf, stored.leaf_hash) == (OLD, leaf_hash(OLD))
    assert parse_leaf(stored.leaf).to_bytes() == OLD
    store.close()
