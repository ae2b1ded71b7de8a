"""Limits of a resolution: its time, its fetches, and how long a refusal is cached."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic

from gateway.ports import TransportError
from gateway.runtime.rate_limit import MAX_KEYS
from trust.errors import Untrusted
from trust.identifiers import EntityId

FETCH_S = 5.0
RESOLVE_S = 8.0
"""Total time of a resolution; less than the profile's 15 s, so that a worker is free again within 10 s."""
AGAIN_S = 2.0
"""Total time of each fetch where an earlier chain is held, and half that of the resolution."""
MAX_FETCHES = 12
RETRY_AFTER = timedelta(seconds=45)
"""How long a refusal of a stranger, and a failed attempt at a known entity, are remembered (section 5: 30 to 60 s)."""


@dataclass(slots=True, kw_only=True)
class FetchBudget:
    """Time and fetches left to one resolution, its superiors' included. Used by one thread."""

    fetch_s: float
    deadline: float
    fetches: int = MAX_FETCHES
    exhausted: bool = False
    """Whether a fetch was refused for want of time or fetches."""

    @classmethod
    def start(cls, *, known: bool) -> "FetchBudget":
        """Return the budget of a resolution that begins now; a ``known`` entity gets less time."""
        if known:
            return cls(fetch_s=AGAIN_S, deadline=monotonic() + 2 * AGAIN_S)
        return cls(fetch_s=FETCH_S, deadline=monotonic() + RESOLVE_S)

    def left_s(self) -> float:
        """Return the time that is left, which may be none."""
        return max(0.0, self.deadline - monotonic())

    def next_s(self) -> float:
        """Count one fetch and return the time that it may take. Raises ``TransportError`` where nothing is left."""
        left_s = self.left_s()
        self.exhausted = left_s <= 0 or self.fetches <= 0
        if left_s <= 0:
            raise TransportError("the time for resolving one entity was used up")
        if self.fetches <= 0:
            raise TransportError(f"resolving one entity took more than {MAX_FETCHES} fetches")
        self.fetches -= 1
        return min(self.fetch_s, left_s)


class NegativeCache:
    """Refusals by entity, each for :data:`RETRY_AFTER`; the oldest make room."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._refusals: OrderedDict[EntityId, tuple[datetime, Untrusted]] = OrderedDict()

    def get(self, entity: EntityId, now: datetime) -> Untrusted | None:
        """Return the cached refusal, if there is one."""
        cached_at, refused = self._refusals.get(entity, (None, None))
        # a clock that was put back makes an entry worthless, not eternal
        return refused if cached_at is not None and timedelta() <= now - cached_at < RETRY_AFTER else None

    def put(self, entity: EntityId, refused: Untrusted, now: datetime) -> None:
        """Cache a refusal."""
        with self._lock:
            self._refusals[entity] = (now, refused)
            self._refusals.move_to_end(entity)
            if len(self._refusals) > MAX_KEYS:
                self._refusals.popitem(last=False)

    def drop(self, entity: EntityId) -> None:
        """Remove a refusal."""
        with self._lock:
            self._refusals.pop(entity, None)
