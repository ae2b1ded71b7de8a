"""One caller's work on its way through the writer thread."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar, cast

from gateway.ports import StoreBusy, Transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLimits:
    """What the store takes on at most.

    ``waiting`` jobs may be queued and ``group`` of them share a commit. A job that has not started within ``wait_s``
    seconds is not run at all. A commit waits ``commit_s`` seconds for a standby of PostgreSQL. Below ``reserve_bytes``
    of free disk only erasing work is accepted, because a full disk would not even let SQLite delete.
    """

    waiting: int = 1024
    group: int = 64
    wait_s: float = 5.0
    commit_s: float = 5.0
    reserve_bytes: int = 64 * 1024 * 1024


class WriteJob(Generic[T]):
    """A piece of work, and its outcome once :meth:`finish` was called.

    The writer and the waiting caller race for one lock, ``turn``: either the writer starts the job, and then the
    caller waits for its end, or the caller gives up and the job never runs. So a refusal as busy is always true.
    """

    __slots__ = ("_completion", "_error", "_turn", "_value", "frees", "work")

    def __init__(self, work: Callable[[Transaction], T], *, frees: bool = False) -> None:
        self.work = work
        self.frees = frees
        self._value: T | None = None
        self._error: BaseException | None = None
        self._turn = Lock()
        self._completion = Lock()
        self._completion.acquire()

    def start(self) -> bool:
        """Return whether the job may run; false once its caller gave up."""
        return self._turn.acquire(blocking=False)

    def run(self, transaction: Transaction) -> None:
        """Do the work and keep its value; the caller hears of it after the commit."""
        self._value = self.work(transaction)

    def fail(self, error: BaseException) -> None:
        """Keep the error that the caller will meet instead of a value."""
        self._error = error

    def finish(self) -> None:
        """Let the caller go on. Called once, by the writer, after the commit or the rollback."""
        self._completion.release()

    def wait(self, seconds: float) -> T:
        """Return the value of the work, or raise its error.

        Raises :class:`gateway.ports.StoreBusy` when the job had not started within ``seconds``.
        """
        if not self._completion.acquire(timeout=seconds):
            if self._turn.acquire(blocking=False):
                raise StoreBusy(f"The store did not come to this within {seconds:g} s; try again.")
            self._completion.acquire()
        if self._error is not None:
            raise self._error
        return cast("T", self._value)
