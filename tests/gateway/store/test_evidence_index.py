"""The keys by which leaves are found stand beside the leaves, and go without them."""

from datetime import timedelta

from gateway.ports import Store
from gateway.store.tables import evidence_index, evidence_leaves
from gateway.store.tables.evidence_leaves import first_id, new_id
from tests.gateway.store.makers import NOW

IDS = [new_id(NOW + timedelta(days=day)) for day in range(3)]
END = b"\xff" * 16


def test_leaves_are_found_by_any_of_their_keys_newest_first_and_each_once(store: Store) -> None:
    rows = [("a", IDS[0]), ("a", IDS[2]), ("b", IDS[2]), ("b", IDS[1]), ("c", IDS[0])]
    store.write(lambda tx: evidence_index.put(tx, rows))
    assert store.read(lambda tx: evidence_index.find(tx, ("a", "b"), before=END, limit=9)) == (IDS[2], IDS[1], IDS[0])
    assert store.read(lambda tx: evidence_index.find(tx, ("a", "b"), before=IDS[2], limit=1)) == (IDS[1],)
    assert store.read(lambda tx: evidence_index.find(tx, (), before=END, limit=9)) == ()


def test_keys_are_erased_by_the_age_of_their_leaf_and_the_leaf_stays(store: Store) -> None:
    store.write(lambda tx: evidence_leaves.append(tx, leaf=b"x", leaf_hash=bytes(32), at=NOW))
    store.write(lambda tx: evidence_index.put(tx, [(key, leaf) for key in "abc" for leaf in IDS]))
    before = first_id(NOW + timedelta(days=1))
    while store.write(lambda tx: evidence_index.erase_before(tx, before=before, batch=2)):
        pass
    assert store.read(lambda tx: evidence_index.find(tx, ("a", "b", "c"), before=END, limit=9)) == (IDS[2], IDS[1])
    assert store.read(evidence_leaves.count) == 1
