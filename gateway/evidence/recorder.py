"""Evidence stands or falls with what it is evidence of: one transaction holds both.

A decision is recorded with the leaf of its message:

1. The leaf holds the digest of every input, so that the record can be proved. Digests of what may be about a person are
   keyed.
2. The inputs, what was decided, and what the release was decided on are sealed with the other content of the leaf. They
   are erased with it.
3. Beside them stand what was decided and a keyed digest that equal requests of one day share: a simulation decides each
   of these once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.keys.sealed import open_own
from gateway.ports import KeyVault, Transaction
from gateway.store.tables import evidence_index, evidence_leaves, question_signatures
from gateway.store.tables.evidence_leaves import StoredLeaf
from gateway.store.tables.question_signatures import StoredDecision
from trust import strict_json
from trust.agreements.clause_selection import QuerySpec
from trust.agreements.comparison import compared_inputs
from trust.agreements.decision import Permit
from trust.agreements.decision_record import (
    Inputs,
    RequestCase,
    decision_inputs,
    input_digests,
    outcome_to_json,
    repetition_key,
    selection_inputs,
)
from trust.agreements.denial import Denial
from trust.evidence.leaf import Leaf, leaf_hash
from trust.exchange.refusal import Refusal
from trust.sealing import seal
from trust.strict_json import JsonObject

PERMIT = "permit"
"""The outcome of a request that was permitted; that of another is the code of its denial."""
_DECISION = "decision"
_MAX_BYTES = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceEntry:
    """A leaf that is about to be recorded, with what rests beside it and is erased in time.

    ``keys`` are those by which an account finds it, ``sealed`` the signature of the question that it is about with the
    decision on it, and ``decision`` the row of that decision.
    """

    stored: StoredLeaf
    keys: tuple[str, ...] = ()
    sealed: bytes | None = None
    decision: StoredDecision | None = None

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
    question_signatures.put(
        tx, [(entry.stored.id, entry.sealed, entry.decision) for entry in entries if entry.sealed is not None]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A request, what was decided on it, and what its release was decided on, if anyone was looked for."""

    case: RequestCase
    decision: Permit | Denial
    release: JsonObject | None = None

    def refusal(self, denial: Denial) -> Refusal:
        """Return the refusal of this request, with what it was decided on, which its asker compares."""
        return replace(denial.refusal, inputs=compared_inputs(self.case))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionEntry:
    """A decision that is about to be recorded: the content to seal, the digests for the leaf, and the row beside it."""

    content: JsonObject
    digests: Mapping[str, str]
    row: StoredDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionContent:
    """A recorded decision as it is read again; ``release`` is none where no one was looked for."""

    inputs: Inputs
    outcome: JsonObject
    release: JsonObject | None


def decision_entry(decided: Decided, key: bytes) -> DecisionEntry:
    """Return the entry of a decision. ``key`` is the one that keys the evidence."""
    return _entry(decision_inputs(decided.case), decided.decision, key, decided.release)


def selection_entry(spec: QuerySpec, denial: Denial, now: datetime, key: bytes) -> DecisionEntry:
    """Return the entry of a question that this agency did not send, and why. ``key`` keys the evidence."""
    return _entry(selection_inputs(spec, now), denial, key)


def _entry(inputs: Inputs, decision: Permit | Denial, key: bytes, release: JsonObject | None = None) -> DecisionEntry:
    digests = input_digests(inputs, key)
    row = StoredDecision(
        repetition=repetition_key(inputs, digests, key),
        outcome=str(decision.code) if isinstance(decision, Denial) else PERMIT,
    )
    content: JsonObject = {"inputs": inputs, "outcome": outcome_to_json(decision)}
    if release is not None:
        content["release"] = release
        digests |= input_digests({"release": release}, key)
    return DecisionEntry(content={_DECISION: content}, digests=digests, row=row)


def with_decision(entry: EvidenceEntry, decision: DecisionEntry, vault: KeyVault, others: JsonObject) -> EvidenceEntry:
    """Return an entry, whose leaf has the decision's digests, with the decision and the other content sealed beside."""
    sealed = seal(vault.seal_key(), strict_json.dumps({**others, **decision.content}), _place(entry.stored.id))
    return replace(entry, sealed=sealed, decision=decision.row)


def open_content(key: bytes, leaf: bytes, sealed: bytes) -> JsonObject:
    """Return what :func:`with_decision` sealed for this leaf. Raises :class:`gateway.keys.sealed.SealBroken`."""
    return strict_json.loads(open_own(key, sealed, _place(leaf)), max_bytes=_MAX_BYTES)


def open_decision(key: bytes, leaf: bytes, sealed: bytes) -> DecisionContent | None:
    """Return the decision that is sealed beside a leaf, or none. Raises :class:`gateway.keys.sealed.SealBroken`."""
    content = open_content(key, leaf, sealed).get(_DECISION)
    if content is None:
        return None
    return DecisionContent(inputs=content["inputs"], outcome=content["outcome"], release=content.get("release"))


def _place(leaf: bytes) -> bytes:
    return b"question " + leaf
