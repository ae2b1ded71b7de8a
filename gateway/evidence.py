"""Evidence stands or falls with what it is evidence of: one transaction holds both."""

from gateway.ports import Transaction
from gateway.store import evidence_leaves
from gateway.store.evidence_leaves import StoredLeaf
from trust.evidence.leaf import Leaf, leaf_hash


def written(leaf: Leaf) -> StoredLeaf:
    """Write a leaf down, once, and before its transaction: everybody waits for that one."""
    raw = leaf.to_bytes()
    return StoredLeaf(at=leaf.at, leaf=raw, leaf_hash=leaf_hash(raw))


def record(tx: Transaction, *leaves: StoredLeaf) -> None:
    """Append leaves in the transaction of their effect; where that fails, the effect does not happen (section 7)."""
    evidence_leaves.append_all(tx, leaves)
