"""Rate limits and cool-downs of one process."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from threading import Lock

MAX_KEYS = 4_096
"""Keys of which one process remembers anything; the oldest make room."""
_MINUTE = timedelta(minutes=1)


class RateLimit:
    """At most so many events a minute."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._events: deque[datetime] = deque()

    def acquire(self, now: datetime) -> bool:
        """Count one event, or return false where the minute's are used up."""
        with self._lock:
            while self._events and not timedelta() <= now - self._events[0] < _MINUTE:
                self._events.popleft()
            if len(self._events) >= self._most:
                return False
            self._events.append(now)
            return True


class RateLimitPerKey:
    """One :class:`RateLimit` a key; all start again where there are too many keys."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limits: dict[str, RateLimit] = {}

    def acquire(self, key: str, now: datetime) -> bool:
        """Count one event of a key, or return false where its minute's are used up."""
        if len(self._limits) > MAX_KEYS:
            self._limits.clear()
        return self._limits.setdefault(key, RateLimit(self._most)).acquire(now)


class Cooldown:
    """A minimum time between two runs for one key; the oldest keys make room."""

    def __init__(self, span: timedelta) -> None:
        self._span = span
        self._lock = Lock()
        self._last_run: OrderedDict[str, datetime] = OrderedDict()

    def acquire(self, key: str, now: datetime) -> bool:
        """Return true and record the run, unless the last one was within the span."""
        with self._lock:
            last = self._last_run.get(key)
            if last is not None and timedelta() <= now - last < self._span:
                return False
            self._last_run[key] = now
            self._last_run.move_to_end(key)
            if len(self._last_run) > MAX_KEYS:
                self._last_run.popitem(last=False)
            return True

    def reset(self, key: str) -> None:
        """Allow the next run of a key at once."""
        with self._lock:
            self._last_run.pop(key, None)
