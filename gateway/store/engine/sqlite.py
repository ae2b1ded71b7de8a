"""The default store: one SQLite file, many readers, one writer at a time."""

import os
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from pysqlite3 import dbapi2

from gateway.ports import StoreBusy, Transaction
from gateway.store.engine.per_process import PerProcess
from gateway.store.engine.sqlite_files import SqliteConnection, SqliteFiles, connect_reader, error_code
from gateway.store.engine.sqlite_transaction import SqliteTransaction
from gateway.store.engine.sqlite_writer import SqliteWriter
from gateway.store.engine.write_queue import WriteJob, WriteLimits

T = TypeVar("T")


class SqliteStore:
    """A node's store on one machine, shared by all its processes (:class:`gateway.ports.Store`).

    It opens nothing until it is first used, and a forked process opens its own: connections and threads belong
    to the process that made them.
    """

    def __init__(self, files: SqliteFiles, *, limits: WriteLimits | None = None) -> None:
        self._files = files
        self._limits = limits or WriteLimits()
        self._connections = PerProcess(lambda: _StoreConnections(files, self._limits))

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one durable transaction and return its value once the commit is on disk."""
        return self._submit(WriteJob(work))

    def erase(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` as :meth:`write` does, also when the disk is nearly full: it frees space."""
        return self._submit(WriteJob(work, frees=True))

    def is_nearly_full(self) -> bool:
        """Say whether less than twice what is kept free of the disk is left."""
        disk = os.statvfs(self._files.database.parent)
        return disk.f_bavail * disk.f_frsize < 2 * self._limits.reserve_bytes

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on a consistent snapshot, on a connection that cannot write."""
        connections = self._connections.get()
        connection = connections.reader()
        try:
            connection.execute("BEGIN")
            return work(SqliteTransaction(connection.cursor()))
        except dbapi2.OperationalError as error:
            if error_code(error) == dbapi2.SQLITE_BUSY:
                raise StoreBusy("The store is held by another program; try again.") from error
            raise
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connections.put_back(connection)

    def close(self) -> None:
        """Finish what is queued and let go of every connection and thread of this process."""
        connections = self._connections.release()
        if connections is not None:
            connections.close()

    def _submit(self, job: WriteJob[T]) -> T:
        self._connections.get().writer.submit(job)
        return job.wait(self._limits.wait_s)


class _StoreConnections:
    """What one process holds: its writer, and the read connections that are not in use."""

    def __init__(self, files: SqliteFiles, limits: WriteLimits) -> None:
        self._files = files
        self._idle_readers: deque[SqliteConnection] = deque()
        self._closed = False
        self.writer = SqliteWriter(files, limits)

    def reader(self) -> SqliteConnection:
        """Return a read connection for the caller's use alone."""
        try:
            return self._idle_readers.pop()
        except IndexError:
            return connect_reader(self._files.database)

    def put_back(self, connection: SqliteConnection) -> None:
        """Take back a read connection that is in no transaction."""
        self._idle_readers.append(connection)
        if self._closed:
            self._close_idle_readers()

    def close(self) -> None:
        """Let go of everything; a read connection in use follows when it is put back."""
        self.writer.close()
        self._closed = True
        self._close_idle_readers()

    def _close_idle_readers(self) -> None:
        while self._idle_readers:
            self._idle_readers.pop().close()
