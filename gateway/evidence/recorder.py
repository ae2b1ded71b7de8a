"""Evidence stands or falls with what it is evidence of: one transaction holds both."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.ports import Transaction
from gateway.store.tables import evidence_index, evidence_leaves, question_signatures
from gateway.store.tables.evidence_leaves import StoredLeaf
from trust.evidence.leaf import Leaf, leaf_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceEntry:
    """A leaf that is about to be recorded, with what rests beside it and is erased in time.

    ``keys`` are those by which an account finds it, ``sealed`` the signature of the question that it is about.
    """

    stored: StoredLeaf
    keys: tuple[str, ...] = ()
    sealed: bytes | None = None

    @property
    def leaf(self) -> bytes:
        """The leaf's own bytes."""
        return self.stored.leaf


def build_entry(leaf: Leaf, keys: Iterable[str] = ()) -> EvidenceEntry:
    """Write a leaf down, once, and before its transaction: everybody waits for that one.

    It is found by its message's id and by ``keys``.
    """
    raw = leaf.to_bytes()
    stored = StoredLeaf(id=evidence_leaves.new_id(leaf.at), at=leaf.at, leaf=raw, leaf_hash=leaf_hash(raw))
    own = () if leaf.message_id is None else (leaf.message_id,)
    return EvidenceEntry(stored=stored, keys=tuple(dict.fromkeys((*own, *keys))))


def record(tx: Transaction, *entries: EvidenceEntry) -> None:
    """Append leaves in the transaction of their effect; where that fails, the effect does not happen (section 7)."""
    evidence_leaves.append_all(tx, [entry.stored for entry in entries])
    evidence_index.put(tx, [(key, entry.stored.id) for entry in entries for key in entry.keys])
    question_signatures.put(tx, [(entry.stored.id, entry.sealed) for entry in entries if entry.sealed is not None])
