"""Background work: a last handler for each step, the loop of a companion, and one thread for work after a response.

1. No step ends a round: what it raises is logged by class and place, never with a value, and the next step follows.
2. A store that is busy or full is no fault of ours: it is noticed, and the next round tries again.
3. The handler itself cannot fail: where even the log cannot be written, the work goes on.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Protocol, TypeVar

from gateway.ports import StoreBusy, StoreFull, StoreOutcomeUnknown

MOST_WAITING = 64
"""Pieces of work that may wait; what comes beyond them is dropped, so it must be such that it is asked for again."""
STOP_WITHIN_S = 20.0
"""How long a loop may take to end: shorter than the supervisor waits."""
RESTART_AFTER_S = 1.0
ResultT = TypeVar("ResultT")
Wait = Callable[[float], bool]
"""Sleep so many seconds at most, and say whether it is time to stop."""


class Attempt(Protocol):
    """Do one step under a last handler."""

    def __call__(self, step: str, work: Callable[[], ResultT]) -> ResultT | None:
        """Return what ``work`` returns, or ``None`` where it raised."""
        ...


class LastHandler:
    """The :class:`Attempt` of a running node. ``step`` is one of our own names: it stands in the log."""

    def __init__(self, *, crashed: Callable[[Exception, str], None], notice: Callable[[str], None]) -> None:
        self._crashed = crashed
        self._notice = notice

    def __call__(self, step: str, work: Callable[[], ResultT]) -> ResultT | None:
        """Return what ``work`` returns, or ``None`` where it raised, which is logged."""
        try:
            return work()
        except (StoreBusy, StoreFull, StoreOutcomeUnknown):  # 2
            with suppress(Exception):  # 3
                self._notice("housekeeping_failed")
        except Exception as fault:  # noqa: BLE001 - the last handler: a peer's bytes must not end background work
            with suppress(Exception):  # 3
                self._crashed(fault, step)
        return None


def run_rounds(attempt: Attempt, wait: Wait, every_s: float, work: Iterable[tuple[str, Callable[[], None]]]) -> None:
    """Do all of ``work`` again after each ``every_s`` seconds, until ``wait`` says that it is time to stop."""
    steps = tuple(work)
    while not wait(every_s):
        for step, each in steps:
            attempt(step, each)


class Loops:
    """Loops that run beside a companion's own, each in a thread; one that ends by itself is started again.

    The threads start with :meth:`run`, after the fork, and none outlives it.
    """

    def __init__(self, attempt: Attempt, loops: Iterable[Callable[[Wait], None]]) -> None:
        self.attempt = attempt
        self._loops = tuple(loops)
        self._stop = Event()

    def run(self, main: Callable[[Wait], None], wait: Wait) -> None:
        """Run the loops beside ``main``, and stop them when it ends."""
        threads = [Thread(target=self._repeat, args=(each,), name="loop", daemon=True) for each in self._loops]
        for each in threads:
            each.start()
        try:
            main(wait)
        finally:
            self._stop.set()
            for each in threads:
                each.join(STOP_WITHIN_S)

    def _repeat(self, loop: Callable[[Wait], None]) -> None:
        while not self._stop.is_set():
            self.attempt("loop", lambda: loop(self._stop.wait))
            self._stop.wait(RESTART_AFTER_S)


class AtOnce:
    """Do the work of :class:`Background` in a command: the caller waits for the work, and meets its faults."""

    def attempt(self, step: str, work: Callable[[], ResultT]) -> ResultT | None:  # noqa: ARG002 - nothing is logged
        """Return what ``work`` returns, and raise what it raises."""
        return work()

    def later(self, work: Callable[[], None]) -> None:
        """Do ``work`` now."""
        work()


class Background:
    """One thread for what no response waits for. It starts with the first piece of work, after the fork."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self._lock = Lock()
        self._waiting = 0
        self._thread: ThreadPoolExecutor | None = None

    def later(self, work: Callable[[], None]) -> None:
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
            self.attempt("after-an-answer", work)
        finally:
            with self._lock:
                self._waiting -= 1


Unattended = AtOnce | Background
"""Work that no response waits for: each step under the last handler, or later in another thread."""
