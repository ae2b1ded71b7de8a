"""Index of suspended entities and of the anchors' current keys.

1. The store holds both, so a suspension that one worker learns of binds all of them, and survives a restart. Each
   process reads it again after one second.
2. After an anchor's keys were replaced, entries that a dropped key signed are doubtful: its thief may have made them.
3. Doubtful entries count as missing, so they are fetched again, signed with a current key. Until then they suspend and
   remove as before, and readmit no entity.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from gateway.federation.storage import SigningKeys, StoredSuspensions, TrustStorage
from gateway.store.tables.federation_records import StoredAnchorKeys, StoredSuspension
from trust.error_context import PROFILE, about_statement
from trust.errors import ChainRefused, TrustError
from trust.federation.anchor_keys import AnchorKeys, Pin, parse_anchor_keys
from trust.federation.key_revocation import RevokedKeys
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.keys import KeySet

READ_AGAIN_AFTER = timedelta(seconds=1)


class Suspended(ChainRefused):
    """An authority has suspended or removed the entity, or an intermediate above it."""

    code = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSnapshot:
    """Keys and suspensions as the store had them at ``read_at``.

    ``anchors`` stays the same object until a key of an anchor changes or a key of any entity is revoked; a chain
    verified under another object is verified again. ``rejected`` are the keys that do not count: those ``revoked`` for
    good, and those that other entities disown now (``disowned``).

    ``seqs`` count no doubtful entry, nor any after one; ``doubtful`` are the anchors that have some.
    """

    anchors: Mapping[EntityId, KeySet]
    replaced: Mapping[EntityId, AnchorKeys]
    suspended: Mapping[tuple[str, str], SuspensionState]
    seqs: Mapping[EntityId, int]
    read_at: datetime
    signing_keys: Mapping[EntityId, SigningKeys] = field(default_factory=dict)
    doubtful: frozenset[EntityId] = frozenset()
    revoked: RevokedKeys = field(default_factory=dict)
    disowned: RevokedKeys = field(default_factory=dict)
    rejected: RevokedKeys = field(default_factory=dict)

    def find_suspension(self, path: Sequence[EntityId]) -> tuple[EntityId, EntityId, SuspensionState] | None:
        """Return the suspended entity of a path from an entity upwards, the authority that suspended it, and how."""
        if not self.suspended:
            return None
        for place, subject in enumerate(path):
            for issuer in path[place + 1 :]:
                state = self.suspended.get((issuer, subject))
                if state is not None:
                    return subject, issuer, state
        return None

    def refuse_suspended(self, path: Sequence[EntityId]) -> None:
        """Raise :class:`Suspended` where :meth:`find_suspension` returns one."""
        suspension = self.find_suspension(path)
        if suspension is not None:
            subject, issuer, state = suspension
            above = "" if subject == path[0] else f", which stands above {path[0]}"
            with about_statement(f"Suspension by {issuer}", PROFILE):
                raise Suspended(f"{issuer} has {state} {subject}{above}; ask the administrators of {issuer}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _CheckedLog:
    """``proven`` is the number before the first doubtful entry; ``states`` is what the whole log says."""

    doubtful: bool
    proven: int
    states: Mapping[str, str]


def _check_log(log: Sequence[StoredSuspension], keys: SigningKeys) -> _CheckedLog:
    states: dict[str, str] = {}
    doubtful = {entry.seq for entry in log if not keys.signed(entry)}
    for entry in log:
        if entry.seq in doubtful and entry.state == SuspensionState.ACTIVE:
            states.setdefault(entry.subject, entry.state)
        else:
            states[entry.subject] = entry.state
    proven = min(doubtful) - 1 if doubtful else max((entry.seq for entry in log), default=0)
    return _CheckedLog(doubtful=bool(doubtful), proven=proven, states=states)


class SuspensionIndex:
    """The snapshot of one process. ``pins`` are the anchors that an administrator pinned.

    ``own`` is this entity: an anchor made the entries of its own log, and doubts none.
    """

    def __init__(self, storage: TrustStorage, pins: Mapping[EntityId, Pin], *, own: EntityId) -> None:
        self.pins = pins
        self._own = own
        self._storage = storage
        self._snapshot: TrustSnapshot | None = None
        self._documents: dict[EntityId, AnchorKeys] = {}
        self._stale = True

    def snapshot(self, now: datetime) -> TrustSnapshot:
        """Return the keys and suspensions, at most a second old."""
        snapshot = self._snapshot
        if snapshot is not None and not self._stale and timedelta() <= now - snapshot.read_at < READ_AGAIN_AFTER:
            return snapshot
        snapshot = self._snapshot = self._read(now)
        return snapshot

    def invalidate(self, stored: AnchorKeys | None = None) -> None:
        """Read the store at the next call of :meth:`snapshot`; ``stored`` is a verified document that was put there."""
        if stored is not None:
            self._documents[stored.anchor] = stored
        self._stale = True

    def proven(self, anchor: EntityId, keys: KeySet) -> int:
        """Return the number before the first entry in an anchor's log that none of these keys signed."""
        return _check_log(self._storage.log(anchor), SigningKeys(kids=keys.kids, document=0)).proven

    def _read(self, now: datetime) -> TrustSnapshot:
        earlier, stale, self._stale = self._snapshot, self._stale, False
        stored = self._storage.suspensions()
        replaced = self._replaced(stored.anchor_keys, now)
        revoked = {EntityId(subject): kids for subject, kids in stored.revoked_keys.items()}
        disowned = {EntityId(subject): kids for subject, kids in stored.disowned_keys.items()}
        disowned.pop(self._own, None)  # a key that this entity disowns still stands in its own chain
        rejected = revoked | {each: kids | revoked.get(each, frozenset()) for each, kids in disowned.items()}
        anchors = self._anchors(replaced, rejected)  # an authority's own pin follows its keys
        if earlier is not None and earlier.anchors == anchors and earlier.rejected == rejected:
            anchors = earlier.anchors
        keys = self._signing_keys(anchors, stored)
        due = keys.keys() if stale or earlier is None or earlier.anchors is not anchors else earlier.doubtful
        logs = self._doubtful_logs({anchor: keys[anchor] for anchor in due if anchor in stored.highest})
        states, seqs = dict(stored.states), dict(stored.highest)
        for issuer, log in logs.items():
            seqs[issuer] = log.proven
            states.update({(issuer, subject): state for subject, state in log.states.items()})
        return TrustSnapshot(
            anchors=anchors,
            replaced=replaced,
            suspended={
                pair: SuspensionState(state) for pair, state in states.items() if state != SuspensionState.ACTIVE
            },
            seqs={EntityId(issuer): seqs[issuer] for issuer in sorted(seqs, key=self._rank) if seqs[issuer]},
            read_at=now,
            signing_keys=keys,
            doubtful=frozenset(logs),
            revoked=revoked,
            disowned=disowned,
            rejected=rejected,
        )

    def _replaced(self, stored: Sequence[StoredAnchorKeys], now: datetime) -> dict[EntityId, AnchorKeys]:
        replaced = {}
        for document in stored:
            anchor = EntityId(document.anchor)
            keys = self._documents.get(anchor)
            if keys is None or keys.seq != document.seq:
                keys = self._open(anchor, document, now)
            if keys is not None:
                replaced[anchor] = self._documents[anchor] = keys
        return replaced

    def _signing_keys(
        self, anchors: Mapping[EntityId, KeySet], stored: StoredSuspensions
    ) -> Mapping[EntityId, SigningKeys]:
        numbers = {document.anchor: document.seq for document in stored.anchor_keys}
        return {
            anchor: SigningKeys(kids=keys.kids, document=numbers.get(anchor, 0))
            for anchor, keys in anchors.items()
            if anchor != self._own
        }

    def _doubtful_logs(self, keys: Mapping[EntityId, SigningKeys]) -> Mapping[EntityId, _CheckedLog]:
        logs = {anchor: _check_log(self._storage.log(anchor), each) for anchor, each in keys.items()}
        return {anchor: log for anchor, log in logs.items() if log.doubtful}

    def _rank(self, issuer: str) -> tuple[bool, str]:
        """Sort the anchors first: a reply has room for some logs only, and no other issuer may crowd them out."""
        return issuer not in self.pins, issuer

    def _open(self, anchor: EntityId, stored: StoredAnchorKeys, now: datetime) -> AnchorKeys | None:
        """Open a document that was verified on arrival; it is void where another recovery key is pinned now."""
        pin = self.pins.get(anchor)
        if pin is not None and pin.recovery is not None:
            with suppress(TrustError):
                return parse_anchor_keys(stored.raw, recovery_keys=pin.recovery, now=now)
        return None

    def _anchors(self, replaced: Mapping[EntityId, AnchorKeys], revoked: RevokedKeys) -> Mapping[EntityId, KeySet]:
        keys = {anchor: replaced[anchor].keys if anchor in replaced else pin.keys for anchor, pin in self.pins.items()}
        return MappingProxyType({anchor: each.without(revoked.get(anchor, ())) for anchor, each in keys.items()})
