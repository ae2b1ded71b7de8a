"""Single-use identifiers of a node on several hosts: unlogged tables, which no commit waits for.

PostgreSQL empties unlogged tables after any crash of the server, and a standby that takes over finds them empty. The
mark of the start lies in one too: where it is missing, claims were lost, and identifiers that could have been claimed
before are refused. A clean restart keeps both.
"""

from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import URL, BigInteger, Text, bindparam, cast, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from gateway.store.engine.claims_sqlite import ACCEPTED_AHEAD
from gateway.store.engine.per_process import PerProcess
from gateway.store.engine.postgres_pool import connection_of, make_engine, refusal
from gateway.store.engine.statement import CompiledStatement, Statement, insertion
from gateway.store.engine.timestamps import to_microseconds
from gateway.store.engine.write_queue import WriteLimits
from gateway.store.schema import claims, claims_start

_KEPT = select(claims_start.c.only).where(claims_start.c.not_before <= bindparam("issued_at")).exists()
_NEW = select(
    cast(bindparam("space"), Text), cast(bindparam("key"), Text), cast(bindparam("expires"), BigInteger)
).where(_KEPT)
_CLAIM = Statement(insert(claims).from_select(["space", "key", "expires"], _NEW).on_conflict_do_nothing()).postgres
_CLAIMED = Statement(
    select(claims.c.key)
    .where(claims.c.space == bindparam("space"), claims.c.key == bindparam("key"))
    .union_all(select(cast(bindparam("key"), Text)).where(~_KEPT))
).postgres
_NOTE_START = Statement(insertion(claims_start).on_conflict_do_nothing()).postgres
_EXPIRED = select(claims.c.space, claims.c.key).where(claims.c.expires <= bindparam("now")).limit(bindparam("batch"))
_ERASE = Statement(delete(claims).where(tuple_(claims.c.space, claims.c.key).in_(_EXPIRED))).postgres


class PostgresClaims:
    """Claims shared by all processes of a node on all hosts (:class:`gateway.ports.ClaimStore`)."""

    def __init__(self, url: URL, *, limits: WriteLimits | None = None) -> None:
        wait_s = (limits or WriteLimits()).wait_s
        self._engine = PerProcess(lambda: make_engine(url, wait_s=wait_s))

    def claim(self, *, space: str, key: str, issued_at: datetime, expires: datetime, now: datetime) -> bool:
        """Return true to exactly one caller for a (space, key) until ``expires``."""
        if expires <= now:
            return False
        values = {
            "space": space,
            "key": key,
            "expires": to_microseconds(expires),
            "issued_at": to_microseconds(issued_at),
        }
        if self._run(_CLAIM, values) == 1:
            return True
        bound = to_microseconds(now + ACCEPTED_AHEAD)
        self._run(_NOTE_START, {"only": 1, "machine_start": "", "not_before": bound})
        return False

    def claimed(self, *, space: str, key: str, issued_at: datetime) -> bool:
        """Tell whether a (space, key) was claimed, or may have been before claims were lost."""
        values = {"space": space, "key": key, "issued_at": to_microseconds(issued_at)}
        return self._run(_CLAIMED, values) > 0

    def erase_expired(self, *, now: datetime, batch: int) -> int:
        """Erase at most ``batch`` claims that expired and return how many it were."""
        return self._run(_ERASE, {"now": to_microseconds(now), "batch": batch})

    def close(self) -> None:
        """Let go of every connection of this process."""
        engine = self._engine.release()
        if engine is not None:
            engine.dispose()

    def _run(self, statement: CompiledStatement, values: dict[str, Any]) -> int:
        """Run one statement as its own transaction and return the number of rows it touched."""
        try:
            with connection_of(self._engine.get()) as connection:
                connection.autocommit = True
                return connection.execute(statement.encoded, statement.bind(values)).rowcount
        except psycopg.Error as error:
            raise refusal(error) from error
