"""Alerts for looking up a colleague, a relative or a marked record (assertion A53).

1. The agency declares the persons: its own staff, relatives of a worker, and records that it has marked. The store
   keeps keyed digests of them and no name or number.
2. A lookup of one goes on as any other, and the person who asks is not told. It raises a flag and rings at once;
   another administrator reviews it.
3. A question of another agency about a colleague or a marked record raises a flag too.
4. A person is found by each identifier, and by birth date with both names: in doubt an administrator looks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.accountability.subject_buckets import exact_keys
from gateway.ports import Transaction
from gateway.store.tables import flags, watch_keys
from gateway.store.tables.watch_keys import WatchKey
from trust.claims import keyed_digest
from trust.exchange.person import Subject
from trust.oauth.access_token import name_at_provider


class WatchReason(StrEnum):
    """Why a lookup of a person raises an alert."""

    COLLEAGUE = "colleague"
    RELATIVE = "relative"
    """Of one worker, for whose lookups alone it counts."""
    MARKED = "marked"


LOOKED_UP: Final = {
    WatchReason.COLLEAGUE: "looked_up_colleague",
    WatchReason.RELATIVE: "looked_up_relative",
    WatchReason.MARKED: "looked_up_marked_record",
}
"""The flag of each."""
ASKED_ABOUT_WATCHED: Final = "asked_about_marked_record"
Ring = Callable[[str, datetime], None]
"""Tell the person who reviews alerts of the lookup of this id; what fails is logged, since the flag stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPerson:
    """A person whose lookup raises an alert. ``worker`` is the sign-in id of a relative's worker, and else none."""

    reason: WatchReason
    person: Subject
    worker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessAlerts:
    """The alerts of one agency."""

    ring: Ring

    def note(
        self, tx: Transaction, key: bytes, person: Subject, *, worker: str, asker: str, at: datetime
    ) -> frozenset[WatchReason]:
        """Flag a lookup by a worker of our own, in its transaction, and return why; none for any other person."""
        keys = exact_keys(key, person)
        reasons = frozenset(map(WatchReason, watch_keys.reasons(tx, keys, worker=worker_key(key, worker))))
        for reason in sorted(reasons):
            flags.raise_flag(tx, code=LOOKED_UP[reason], asker=asker, at=at)
        return reasons


def note_question(tx: Transaction, key: bytes, persons: Iterable[Subject], *, asker: str, at: datetime) -> None:
    """Flag a question of another agency about a colleague or a marked record, in the transaction that records it."""
    keys = tuple(dict.fromkeys(each for person in persons for each in exact_keys(key, person)))
    if watch_keys.reasons(tx, keys, worker=""):
        flags.raise_flag(tx, code=ASKED_ABOUT_WATCHED, asker=asker, at=at)


def rows_of(key: bytes, persons: Sequence[WatchedPerson]) -> Iterator[WatchKey]:
    """Yield what the store keeps of the persons; one that nothing identifies yields nothing."""
    for position, entry in enumerate(persons):
        worker = "" if entry.worker is None else worker_key(key, entry.worker)
        for digest in exact_keys(key, entry.person):
            yield WatchKey(key=digest, reason=entry.reason, worker=worker, entry=str(position))


def worker_key(key: bytes, worker: str) -> str:
    """Return the keyed digest of a worker's sign-in id, the same with and without the provider in front of it."""
    return keyed_digest(key, f"watched worker\0{name_at_provider(worker)}".encode())


NONE: Final = AccessAlerts(ring=lambda _lookup, _now: None)
"""For a node that rings no one; flags are raised all the same."""
