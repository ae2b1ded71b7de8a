"""What authorities have ruled: who is suspended, and which keys the anchors have now.

It stands in the store, where whichever process learned of it put it, and is read again once a second: so a suspension
that one worker heard of is honoured by all of them, and after a restart.

Where an anchor's keys were replaced, entries that a dropped key signed are in doubt: whoever stole it may have made
them. Their numbers count as not held, so that they are fetched anew from the first of them on, signed with a key of
today; until then they suspend and remove as before, and readmit nobody.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from gateway.federation.storage import Memory, Proof
from gateway.store.tables.federation_records import StoredAnchorKeys, StoredSuspension
from trust.errors import ChainRefused, TrustError
from trust.federation.anchor_keys import AnchorKeys, Pin, parse_anchor_keys
from trust.federation.key_revocation import RevokedKeys
from trust.federation.placing import PROFILE, placed
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.keys import KeySet

READ_AGAIN_AFTER = timedelta(seconds=1)


class Suspended(ChainRefused):
    """An authority above the entity has suspended or removed it, or somebody between the two."""

    code = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What was ruled when the store was last read.

    ``anchors`` is the same object for as long as no key of theirs changes and no key of any party is revoked: what was
    verified under another is verified again. ``rejected`` are the keys that count not: those ``revoked`` for good, and
    those ``disowned`` by others while they say so.

    ``seqs`` count no entry in doubt, nor what follows one; ``doubted`` are the anchors that have any.
    """

    anchors: Mapping[EntityId, KeySet]
    replaced: Mapping[EntityId, AnchorKeys]
    against: Mapping[tuple[str, str], SuspensionState]
    seqs: Mapping[EntityId, int]
    read_at: datetime
    proofs: Mapping[EntityId, Proof] = field(default_factory=dict)
    doubted: frozenset[EntityId] = frozenset()
    revoked: RevokedKeys = field(default_factory=dict)
    disowned: RevokedKeys = field(default_factory=dict)
    rejected: RevokedKeys = field(default_factory=dict)

    def ruled_out(self, line: Sequence[EntityId]) -> tuple[EntityId, EntityId, SuspensionState] | None:
        """Return who of ``line``, an entity and those above it, was suspended, by which of those above, and how."""
        if not self.against:
            return None
        for place, subject in enumerate(line):
            for issuer in line[place + 1 :]:
                state = self.against.get((issuer, subject))
                if state is not None:
                    return subject, issuer, state
        return None

    def refuse_suspended(self, line: Sequence[EntityId]) -> None:
        """Raise :class:`Suspended` where :meth:`ruled_out` names somebody."""
        ruled = self.ruled_out(line)
        if ruled is not None:
            subject, issuer, state = ruled
            above = "" if subject == line[0] else f", which stands above {line[0]}"
            with placed(f"Suspension by {issuer}", PROFILE):
                raise Suspended(f"{issuer} has {state} {subject}{above}; ask the administrators of {issuer}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    """``proven``: up to which number no entry is in doubt; ``states``: what counts of the log, whole as it is."""

    any: bool
    proven: int
    states: Mapping[str, str]


def _doubt(log: Sequence[StoredSuspension], proof: Proof) -> _Doubt:
    states: dict[str, str] = {}
    doubted = {entry.seq for entry in log if not proof.covers(entry)}
    for entry in log:
        if entry.seq in doubted and entry.state == SuspensionState.ACTIVE:
            states.setdefault(entry.subject, entry.state)
        else:
            states[entry.subject] = entry.state
    proven = min(doubted) - 1 if doubted else max((entry.seq for entry in log), default=0)
    return _Doubt(any=bool(doubted), proven=proven, states=states)


class Rulings:
    """The view of one process. ``pins`` are the anchors that an administrator pinned here.

    ``own`` is who asks: an anchor has made its own log itself, and doubts no entry of it.
    """

    def __init__(self, memory: Memory, pins: Mapping[EntityId, Pin], *, own: EntityId) -> None:
        self.pins = pins
        self._own = own
        self._memory = memory
        self._view: View | None = None

    def view(self, now: datetime) -> View:
        """Return what is ruled, as it was within the last second."""
        view = self._view
        if view is not None and timedelta() <= now - view.read_at < READ_AGAIN_AFTER:
            return view
        view = self._view = self._read(now)
        return view

    def look_again(self) -> None:
        """Read the store at the next question."""
        self._view = None

    def _read(self, now: datetime) -> View:
        ruled, earlier = self._memory.ruled(), self._view
        replaced = {}
        for stored in ruled.anchor_keys:
            anchor = EntityId(stored.anchor)
            held = earlier.replaced.get(anchor) if earlier is not None else None
            found = held if held is not None and held.seq == stored.seq else self._opened(anchor, stored, now)
            if found is not None:
                replaced[anchor] = found
        revoked = {EntityId(subject): kids for subject, kids in ruled.revoked_keys.items()}
        disowned = {EntityId(subject): kids for subject, kids in ruled.disowned_keys.items()}
        disowned.pop(self._own, None)  # what it disowns itself, its own chain still shows
        rejected = revoked | {each: kids | revoked.get(each, frozenset()) for each, kids in disowned.items()}
        anchors = self._anchors(replaced, rejected)  # an authority's own pin follows its keys
        if earlier is not None and earlier.anchors == anchors and earlier.rejected == rejected:
            anchors = earlier.anchors
        numbers = {stored.anchor: stored.seq for stored in ruled.anchor_keys}
        proofs = {
            anchor: Proof(kids=keys.kids, number=numbers.get(anchor, 0))
            for anchor, keys in anchors.items()
            if anchor != self._own
        }
        due = proofs.keys() if earlier is None or earlier.anchors is not anchors else earlier.doubted
        doubts = self._doubts({anchor: proofs[anchor] for anchor in due if anchor in ruled.highest})
        states, seqs = dict(ruled.states), dict(ruled.highest)
        for issuer, doubt in doubts.items():
            seqs[issuer] = doubt.proven
            states.update({(issuer, subject): state for subject, state in doubt.states.items()})
        return View(
            anchors=anchors,
            replaced=replaced,
            against={pair: SuspensionState(state) for pair, state in states.items() if state != SuspensionState.ACTIVE},
            seqs={EntityId(issuer): seqs[issuer] for issuer in sorted(seqs, key=self._rank) if seqs[issuer]},
            read_at=now,
            proofs=proofs,
            doubted=frozenset(doubts),
            revoked=revoked,
            disowned=disowned,
            rejected=rejected,
        )

    def proven(self, anchor: EntityId, keys: KeySet) -> int:
        """Return up to which number the log that is held of an anchor stands by these keys."""
        return _doubt(self._memory.log(anchor), Proof(kids=keys.kids, number=0)).proven

    def _doubts(self, proofs: Mapping[EntityId, Proof]) -> Mapping[EntityId, _Doubt]:
        found = {anchor: _doubt(self._memory.log(anchor), proof) for anchor, proof in proofs.items()}
        return {anchor: doubt for anchor, doubt in found.items() if doubt.any}

    def _rank(self, issuer: str) -> tuple[bool, str]:
        """Put the anchors first: what is told of the logs has an end, and nobody else may crowd them out of it."""
        return issuer not in self.pins, issuer

    def _opened(self, anchor: EntityId, stored: StoredAnchorKeys, now: datetime) -> AnchorKeys | None:
        """Open a document that was verified when it came; where another recovery key is pinned now, it is void."""
        pin = self.pins.get(anchor)
        if pin is not None and pin.recovery is not None:
            with suppress(TrustError):
                return parse_anchor_keys(stored.raw, recovery_keys=pin.recovery, now=now)
        return None

    def _anchors(self, replaced: Mapping[EntityId, AnchorKeys], revoked: RevokedKeys) -> Mapping[EntityId, KeySet]:
        keys = {anchor: replaced[anchor].keys if anchor in replaced else pin.keys for anchor, pin in self.pins.items()}
        return MappingProxyType({anchor: each.without(revoked.get(anchor, ())) for anchor, each in keys.items()})
