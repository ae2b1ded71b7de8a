"""Evidence stands or falls with what it is evidence of: one transaction holds both."""

from gateway.ports import Transaction
from gateway.store import evidence_leaves
from trust.evidence.leaf import Leaf


def record(tx: Transaction, leaf: Leaf) -> None:
    """Append ``leaf`` in the transaction of its effect; where that fails, the effect does not happen (section 7)."""
    evidence_leaves.append(tx, leaf=leaf.to_bytes(), leaf_hash=leaf.leaf_hash(), at=leaf.at)
