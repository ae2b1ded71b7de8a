"""The one thread of a process that writes to SQLite, and commits what is waiting as a group.

1. Jobs queue while a commit is on its way to the disk; the next commit takes them all. A single job goes at once.
2. Processes take turns by a file lock, held from before BEGIN until after COMMIT.
3. Each job runs in its own savepoint: one that fails takes back only its own effects.
4. Callers go on after the commit is on disk, and never before.
5. An I/O error ends the process: after a failed fsync the kernel may have dropped the pages and call the next fsync
   good, so nothing that this process still believes about the file may be acknowledged. A new process recovers from
   the write-ahead log.
6. Checkpoints are ours, after the callers went on: SQLite's automatic ones would hide a failed fsync.
"""

import os
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from pysqlite3 import dbapi2

from gateway.ports import StoreBusy, StoreFull
from gateway.store.engine.sqlite_files import SqliteConnection, SqliteFiles, TurnLock, connect, error_code
from gateway.store.engine.sqlite_transaction import SqliteTransaction
from gateway.store.engine.write_queue import WriteJob, WriteLimits
from gateway.telemetry.logging import log

COMMITS_PER_CHECKPOINT = 256

EXIT_IO_ERROR = 74
"""The exit status after an I/O error (EX_IOERR of sysexits.h)."""


class SqliteWriter:
    """The writer of this process. Made and used on one side of a fork only."""

    def __init__(self, files: SqliteFiles, limits: WriteLimits) -> None:
        self._files = files
        self._limits = limits
        self._waiting: SimpleQueue[WriteJob[Any] | None] = SimpleQueue()
        self._starting = Lock()
        self._thread: Thread | None = None
        self._closed = False
        self._commits = 0

    def submit(self, job: WriteJob[Any]) -> None:
        """Queue a job. Raises :class:`gateway.ports.StoreBusy` where too many wait already."""
        if self._thread is None:
            self._start()
        if self._closed or self._waiting.qsize() >= self._limits.waiting:
            raise StoreBusy("Too much is waiting to be written; try again.")
        self._waiting.put(job)

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        with self._starting:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._waiting.put(None)
            thread.join()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closed:
                self._thread = Thread(target=self._run, name="store-writer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        writer: _WriteConnection | None = None
        while group := self._next_group():
            try:
                writer = writer or _WriteConnection(self._files)
                with writer.turns.turn():
                    self._transact(writer.connection, group)
            except BaseException as error:  # noqa: BLE001 - each caller in the group meets it
                for job in group:
                    job.fail(_refusal(error))
                _close(writer)
                writer = None
            for job in group:
                job.finish()
            self._checkpoint(writer)
        _close(writer)

    def _next_group(self) -> list[WriteJob[Any]]:
        """Wait for work and take what is there; an empty group is the end."""
        job = self._waiting.get()
        group: list[WriteJob[Any]] = []
        try:
            while job is not None:
                group.append(job)
                if len(group) == self._limits.group:
                    return group
                job = self._waiting.get_nowait()
        except Empty:
            return group
        if group:
            self._waiting.put(None)
        return group

    def _transact(self, connection: SqliteConnection, group: list[WriteJob[Any]]) -> None:
        cursor = connection.cursor()
        transaction = SqliteTransaction(cursor)
        cursor.execute("BEGIN IMMEDIATE")
        short = self._short_of_space()
        for job in group:
            if not job.start():
                continue
            if short and not job.frees:
                job.fail(StoreFull("The disk is nearly full; nothing was written."))
                continue
            cursor.execute("SAVEPOINT job")
            try:
                job.run(transaction)
            except BaseException as error:
                job.fail(_refusal(error))
                if not connection.in_transaction:
                    raise StoreFull("There was no room for what came together; nothing was written.") from error
                cursor.execute("ROLLBACK TO job")
            cursor.execute("RELEASE job")
        cursor.execute("COMMIT")

    def _short_of_space(self) -> bool:
        disk = os.statvfs(self._files.database)
        return disk.f_bavail * disk.f_frsize < self._limits.reserve_bytes

    def _checkpoint(self, writer: "_WriteConnection | None") -> None:
        self._commits += 1
        if writer is None or self._commits < COMMITS_PER_CHECKPOINT:
            return
        self._commits = 0
        try:
            writer.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except dbapi2.Error as error:
            _refusal(error)
            log("warning", "store_checkpoint_failed", code=error.sqlite_errorname)


class _WriteConnection:
    """What the thread holds: the connection it writes on, and its place among the processes that write."""

    def __init__(self, files: SqliteFiles) -> None:
        self.connection = connect(files.database)
        self.connection.execute("PRAGMA wal_autocheckpoint = 0")
        self.turns = TurnLock(files.lock)


def _close(writer: _WriteConnection | None) -> None:
    """Let go of both; what was not committed is rolled back."""
    if writer is not None:
        writer.turns.close()
        writer.connection.close()


def _refusal(error: BaseException) -> BaseException:
    """Return what a caller is told about ``error``; an I/O error ends the process instead."""
    code = error_code(error)
    if code == dbapi2.SQLITE_IOERR:
        log("critical", "store_io_error", code=getattr(error, "sqlite_errorname", ""))
        os._exit(EXIT_IO_ERROR)
    if code == dbapi2.SQLITE_FULL:
        return StoreFull("The disk or the database is full; nothing was written.")
    if code in {dbapi2.SQLITE_BUSY, dbapi2.SQLITE_LOCKED}:
        return StoreBusy("The store is held by another program; try again.")
    return error
