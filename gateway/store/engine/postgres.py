"""The store for several hosts: one PostgreSQL database, which serialises what they do."""

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import psycopg
from sqlalchemy import URL

from gateway.ports import StoreOutcomeUnknown, Transaction
from gateway.store.engine.commit_watch import CommitWatch
from gateway.store.engine.per_process import PerProcess
from gateway.store.engine.postgres_pool import connection_of, is_connection_lost, make_engine, may_retry, refusal
from gateway.store.engine.postgres_transaction import PostgresTransaction
from gateway.store.engine.write_queue import WriteLimits

T = TypeVar("T")

_LONGEST_PAUSE_S = 0.05


class PostgresStore:
    """A node's store that its processes on all hosts share (:class:`gateway.ports.Store`).

    Writing transactions are serializable, so that work which is right on SQLite, where writers take turns, is right
    here too; what PostgreSQL refuses for a lost race is run again.
    """

    def __init__(self, url: URL, *, limits: WriteLimits | None = None) -> None:
        self._limits = limits or WriteLimits()
        self._engine = PerProcess(lambda: make_engine(url, wait_s=self._limits.wait_s))
        self._commits = PerProcess(lambda: CommitWatch(self._limits.commit_s))

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one durable transaction, as often as lost races demand within the time limit.

        Raises :class:`StoreOutcomeUnknown` when the connection dies during the commit, or no standby confirms it in
        time.
        """
        deadline = time.monotonic() + self._limits.wait_s
        while True:
            try:
                with connection_of(self._engine.get()) as connection:
                    connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
                    connection.read_only = False
                    value = _work(connection, partial(_followed, work))
                    self._commit(connection)
                    return value
            except psycopg.Error as error:
                if not may_retry(error) or time.monotonic() >= deadline:
                    raise refusal(error) from error
            time.sleep(random.uniform(0, _LONGEST_PAUSE_S))  # noqa: S311 - it parts the racers, it hides nothing

    def erase(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` as :meth:`write` does; the database server keeps its own room to delete in."""
        return self.write(work)

    def is_nearly_full(self) -> bool:
        """Say that it is not: the disk of the database server is watched there."""
        return False

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on a consistent snapshot, in a transaction that cannot write."""
        deadline = time.monotonic() + self._limits.wait_s
        while True:
            try:
                with connection_of(self._engine.get()) as connection:
                    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                    connection.read_only = True
                    value = _work(connection, work)
                    connection.commit()  # a rollback would have the driver forget every statement that it prepared
                    return value
            except psycopg.Error as error:
                if not may_retry(error) or time.monotonic() >= deadline:
                    raise refusal(error) from error

    def close(self) -> None:
        """Let go of every connection of this process."""
        engine = self._engine.release()
        if engine is not None:
            engine.dispose()
        commits = self._commits.release()
        if commits is not None:
            commits.close()

    def _commit(self, connection: "psycopg.Connection[Any]") -> None:
        with self._commits.get().over(connection) as commit:
            try:
                connection.commit()
            except psycopg.Error as error:
                if connection.closed or is_connection_lost(error):
                    raise StoreOutcomeUnknown(
                        "The database went away during the commit; ask again by the same id."
                    ) from error
                raise
        if commit.is_doubtful:
            raise StoreOutcomeUnknown("No standby confirmed the commit in time; ask again by the same id.")


def _followed(work: Callable[[Transaction], T], transaction: PostgresTransaction) -> T:
    value = work(transaction)
    transaction.follow_earlier()
    return value


def _work(connection: "psycopg.Connection[Any]", work: Callable[[PostgresTransaction], T]) -> T:
    try:
        return work(PostgresTransaction(connection.cursor()))
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise
