"""What bounds the directory's work: time and fetches of one resolution, work done for strangers, memory of failures."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic

from gateway.ports import TransportError
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
MAX_REMEMBERED = 4_096
_MINUTE = timedelta(minutes=1)


@dataclass(slots=True, kw_only=True)
class Limits:
    """What one resolution may still spend, its superiors' included. Used by one thread."""

    fetch_s: float
    deadline: float
    fetches: int = MAX_FETCHES
    spent: bool = False
    """Whether something was not done for want of time or fetches."""

    @classmethod
    def beginning(cls, *, known: bool) -> "Limits":
        """Return the limits of a resolution that begins now; for a ``known`` entity there is less patience."""
        if known:
            return cls(fetch_s=AGAIN_S, deadline=monotonic() + 2 * AGAIN_S)
        return cls(fetch_s=FETCH_S, deadline=monotonic() + RESOLVE_S)

    def left_s(self) -> float:
        """Return the time that is left, which may be none."""
        return max(0.0, self.deadline - monotonic())

    def next_s(self) -> float:
        """Count one fetch and return the time that it may take. Raises ``TransportError`` where nothing is left."""
        left = self.left_s()
        self.spent = left <= 0 or self.fetches <= 0
        if left <= 0:
            raise TransportError("the time for resolving one entity was used up")
        if self.fetches <= 0:
            raise TransportError(f"resolving one entity took more than {MAX_FETCHES} fetches")
        self.fetches -= 1
        return min(self.fetch_s, left)


class Budget:
    """So many a minute, in one process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._taken: deque[datetime] = deque()

    def take(self, now: datetime) -> bool:
        """Take one, or return false where the minute's are used up."""
        with self._lock:
            while self._taken and not timedelta() <= now - self._taken[0] < _MINUTE:
                self._taken.popleft()
            if len(self._taken) >= self._most:
                return False
            self._taken.append(now)
            return True


class Remembered:
    """Refusals by entity, each for a while; the oldest make room."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._refusals: OrderedDict[EntityId, tuple[datetime, Untrusted]] = OrderedDict()

    def get(self, entity: EntityId, now: datetime) -> Untrusted | None:
        """Return the refusal that still stands, if any."""
        held = self._refusals.get(entity)
        # a clock that was put back makes an entry worthless, not eternal
        return held[1] if held is not None and timedelta() <= now - held[0] < RETRY_AFTER else None

    def put(self, entity: EntityId, refused: Untrusted, now: datetime) -> None:
        """Remember a refusal."""
        with self._lock:
            self._refusals[entity] = (now, refused)
            self._refusals.move_to_end(entity)
            if len(self._refusals) > MAX_REMEMBERED:
                self._refusals.popitem(last=False)

    def drop(self, entity: EntityId) -> None:
        """Forget a refusal."""
        with self._lock:
            self._refusals.pop(entity, None)


class Lately:
    """When something was last done for each key, so that it is not done again too soon; the oldest make room."""

    def __init__(self, span: timedelta) -> None:
        self._span = span
        self._lock = Lock()
        self._done: OrderedDict[str, datetime] = OrderedDict()

    def first(self, key: str, now: datetime) -> bool:
        """Return true, and note it, unless it was done within the span."""
        with self._lock:
            done = self._done.get(key)
            if done is not None and timedelta() <= now - done < self._span:
                return False
            self._done[key] = now
            self._done.move_to_end(key)
            if len(self._done) > MAX_REMEMBERED:
                self._done.popitem(last=False)
            return True

    def forget(self, key: str) -> None:
        """Let it be done again at once."""
        with self._lock:
            self._done.pop(key, None)
