"""Do small pieces of work after the answers that caused them, one after the other, in a thread of the process's own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

MOST_WAITING = 64
"""Pieces of work that may wait; what comes beyond them is dropped, so it must be such that it is asked for again."""


class Background:
    """One thread, which starts with the first piece of work, after the fork. ``crashed`` is told of faults of ours."""

    def __init__(self, crashed: Callable[[BaseException], None]) -> None:
        self._crashed = crashed
        self._lock = Lock()
        self._waiting = 0
        self._thread: ThreadPoolExecutor | None = None

    def __call__(self, work: Callable[[], None]) -> None:
        """Do ``work`` later, or drop it where too much waits already."""
        with self._lock:
            if self._waiting >= MOST_WAITING:
                return
            self._waiting += 1
            if self._thread is None:
                self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="background")
            self._thread.submit(self._one, work)

    def _one(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as fault:  # noqa: BLE001 - told to the administrator; nobody waits for it
            self._crashed(fault)
        finally:
            with self._lock:
                self._waiting -= 1
