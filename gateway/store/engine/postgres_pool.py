"""Connections to PostgreSQL: how a session is set up, and what its failures mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.ports import StoreBusy, StoreFull
from gateway.store.engine.refusals import StoreUnsafe

_SESSION = (
    "SET client_min_messages = warning",  # a warning is all that tells of a commit that no standby confirmed
    "SET synchronous_commit = on",
    "SET lock_timeout = '4s'",
    "SET statement_timeout = '8s'",
    "SET idle_in_transaction_session_timeout = '30s'",
)
_DURABLE = "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting <> 'on'"

_NOTICE_DEAD_PEER = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 11_000}
"""A server that lost its power closes no connection: libpq gives up after 11 s."""

_LOST_RACES = {"40001", "40P01"}
_BUSY = {"55P03", "57014"}


def make_engine(url: URL, *, wait_s: float, size: int = 8, more: int = 24) -> Engine:
    """Return an engine that connects when it is first used; a caller waits ``wait_s`` for a free connection.

    Each connection refuses (:class:`StoreUnsafe`) a server that does not sync what it acknowledges.
    """
    engine = create_engine(
        url,
        pool_size=size,
        max_overflow=more,
        pool_timeout=wait_s,
        connect_args={"connect_timeout": 5, **_NOTICE_DEAD_PEER},
    )
    event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: "psycopg.Connection[Any]", _record: object) -> None:
    for setting in _SESSION:
        connection.execute(setting)
    weak = [name for (name,) in connection.execute(_DURABLE).fetchall()]
    connection.commit()
    if weak:
        raise StoreUnsafe(f"The PostgreSQL server must run with these settings on: {', '.join(weak)}.")


@contextmanager
def connection_of(engine: Engine) -> Iterator["psycopg.Connection[Any]"]:
    """Lend a connection for the caller's use alone; one that broke is not lent again.

    Raises :class:`gateway.ports.StoreBusy` when none came free, and :class:`psycopg.OperationalError` where the server
    cannot be reached.
    """
    try:
        lent = engine.raw_connection()
    except PoolTimeout as error:
        raise StoreBusy("Every connection to the database is in use; try again.") from error
    except OperationalError as error:
        raise psycopg.OperationalError("The database cannot be reached.") from error
    connection: psycopg.Connection[Any] = lent.driver_connection  # type: ignore[assignment]
    try:
        yield connection
    finally:
        if connection.closed:
            lent.invalidate()
        lent.close()


def may_retry(error: psycopg.Error) -> bool:
    """Return whether nothing was written and another attempt may succeed: a lost race or a lost connection."""
    return error.sqlstate in _LOST_RACES or is_connection_lost(error)


def is_connection_lost(error: psycopg.Error) -> bool:
    """Return whether the connection broke, which one event tells by exceptions of several classes."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(("08", "57P"))


def refusal(error: psycopg.Error) -> Exception:
    """Return what a caller is told when nothing was written because of ``error``."""
    state = error.sqlstate or ""
    if state == "53100":
        return StoreFull("The database server's disk is full; nothing was written.")
    if state in _BUSY or state.startswith("53") or may_retry(error):
        return StoreBusy("The database could not take the work in time; try again.")
    return error
