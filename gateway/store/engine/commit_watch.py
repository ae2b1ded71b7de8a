"""A limit on the time that a commit waits for a synchronous standby, which no setting of a PostgreSQL session ends.

1. A commit that waits too long is cancelled. The server then returns from it with a warning and nothing else: the rows
   stay, on one machine.
2. So any warning during a commit means that nothing may be acknowledged (:attr:`Watched.is_doubtful`).
3. A cancel that was sent may reach the session's next statement, so that connection is closed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock, Thread
from time import monotonic
from typing import Any

import psycopg
from psycopg.errors import Diagnostic

_CANCEL_WITHIN_S = 2.0
_NO_WARNING = "00"


class Watched:
    """One commit under way."""

    def __init__(self, connection: "psycopg.Connection[Any]", deadline: float) -> None:
        self.deadline = deadline
        self.is_doubtful = False
        self._connection = connection
        self._turn = Lock()
        self._is_over = self._is_cancelled = False

    def note(self, notice: Diagnostic) -> None:
        """Take a notice of the server; its class is no matter of language, and a warning has another than a notice."""
        self.is_doubtful |= not (notice.sqlstate or _NO_WARNING).startswith(_NO_WARNING)

    def cancel(self) -> None:
        """End the wait, unless the commit has returned meanwhile."""
        with self._turn:
            if not self._is_over:
                self._is_cancelled = True
                self._connection.cancel_safe(timeout=_CANCEL_WITHIN_S)

    def end(self) -> None:
        """Note that the commit returned; no cancel is sent after this."""
        with self._turn:
            self._is_over = True
        if self._is_cancelled:
            self._connection.close()


class CommitWatch:
    """Watch the commits of one process; one thread, which begins with the first commit, cancels those that are late."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._under_way: set[Watched] = set()
        self._changed = Condition()
        self._is_idle = self._is_closed = False
        self._thread: Thread | None = None

    @contextmanager
    def over(self, connection: "psycopg.Connection[Any]") -> Iterator[Watched]:
        """Watch the commit that the caller makes on a connection."""
        watched = Watched(connection, monotonic() + self._limit_s)
        connection.add_notice_handler(watched.note)
        self._add(watched)
        try:
            yield watched
        finally:
            with self._changed:
                self._under_way.discard(watched)
            watched.end()
            connection.remove_notice_handler(watched.note)

    def _add(self, watched: Watched) -> None:
        with self._changed:
            self._under_way.add(watched)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="commit-watch", daemon=True)
                self._thread.start()
            if self._is_idle:  # otherwise it wakes at an earlier deadline, and a commit costs no switch of threads
                self._changed.notify()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _run(self) -> None:
        while not self._is_closed:
            for late in self._wait_for_late():
                try:
                    late.cancel()
                except Exception:  # noqa: BLE001, S112 - the server cannot be reached: keepalives end this wait
                    continue

    def _wait_for_late(self) -> list[Watched]:
        with self._changed:
            while not self._under_way and not self._is_closed:
                self._is_idle = True
                self._changed.wait()
            self._is_idle = False
            now = monotonic()
            late = [each for each in self._under_way if each.deadline <= now]
            self._under_way.difference_update(late)
            if self._under_way and not late:
                self._changed.wait(min(each.deadline for each in self._under_way) - now)
            return late
