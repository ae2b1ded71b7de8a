"""What authorities have ruled: who is suspended, and which keys the anchors have now.

It stands in the store, where whichever process learned of it put it, and is read again once a second: so a suspension
that one worker heard of is honoured by all of them, and after a restart.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from gateway.directory.memory import Memory
from gateway.trust_records import StoredAnchorKeys
from trust.errors import ChainRefused, TrustError
from trust.federation.anchor_keys import AnchorKeys, Pin, parse_anchor_keys
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
    """What was ruled when the store was last read. ``anchors`` is the same object for as long as no key changes."""

    anchors: Mapping[EntityId, KeySet]
    replaced: Mapping[EntityId, AnchorKeys]
    against: Mapping[tuple[str, str], SuspensionState]
    seqs: Mapping[EntityId, int]
    read_at: datetime

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


class Rulings:
    """The view of one process. ``pins`` are the anchors that an administrator pinned here."""

    def __init__(self, memory: Memory, pins: Mapping[EntityId, Pin]) -> None:
        self.pins = pins
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
        anchors = self._anchors(replaced)  # an authority's own pin follows its keys
        return View(
            anchors=earlier.anchors if earlier is not None and earlier.anchors == anchors else anchors,
            replaced=replaced,
            against={
                pair: SuspensionState(state) for pair, state in ruled.states.items() if state != SuspensionState.ACTIVE
            },
            seqs={EntityId(issuer): ruled.highest[issuer] for issuer in sorted(ruled.highest, key=self._rank)},
            read_at=now,
        )

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

    def _anchors(self, replaced: Mapping[EntityId, AnchorKeys]) -> Mapping[EntityId, KeySet]:
        return MappingProxyType(
            {anchor: replaced[anchor].keys if anchor in replaced else pin.keys for anchor, pin in self.pins.items()}
        )
