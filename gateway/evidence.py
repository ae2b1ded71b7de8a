"""Evidence stands or falls with what it is evidence of: one transaction holds both."""

from gateway.ports import Transaction
from gateway.store import evidence_leaves
from gateway.store.evidence_leaves import StoredLeaf
from trust.evidence.leaf import Leaf, leaf_hash


def written(leaf: Leaf) -> StoredLeaf:
    """Write a leaf down, once, and before its transaction: everybody waits for that one."""
    raw = leaf.to_bytes()
    return StoredLeaf(at=leaf.at, leaf=raw, leaf_hash=leaf_hash(raw))


def record(tx: Transaction, leaf: StoredLeaf) -> None:
    """Append ``leaf`` in the transaction of its effect; where that fails, the effect does not happen (section 7)."""
    evidence_leaves.append(tx, leaf=leaf.leaf, leaf_hash=leaf.leaf_hash, at=leaf.at)
