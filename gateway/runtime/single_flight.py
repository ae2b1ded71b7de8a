"""Do a piece of work once for all threads that want its result at the same time."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

ResultT = TypeVar("ResultT")


class SingleFlight(Generic[ResultT]):
    """Run at most one call per key at a time; those who come meanwhile wait for its result or its error.

    Nothing is remembered once a call has ended. Threads of one process only.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._flying: dict[Hashable, Future[ResultT]] = {}

    def run(self, key: Hashable, work: Callable[[], ResultT], *, timeout_s: float) -> ResultT:
        """Return the result of ``work``, or of the call for ``key`` that is already under way.

        Raises what that call raised, and :class:`TimeoutError` when it has not ended after ``timeout_s``. The work has
        no bound of its own here: the thread that runs it runs it to its end.
        """
        with self._lock:
            future = self._flying.get(key)
            leads = future is None
            if future is None:
                future = self._flying[key] = Future()
        if leads:
            self._fly(key, future, work)
        return future.result(timeout=timeout_s)

    def _fly(self, key: Hashable, future: Future[ResultT], work: Callable[[], ResultT]) -> None:
        try:
            future.set_result(work())
        except BaseException as failed:
            future.set_exception(failed)
            raise
        finally:
            with self._lock:
                del self._flying[key]
