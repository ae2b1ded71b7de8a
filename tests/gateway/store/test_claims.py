"""Single-use identifiers: claimed once, and never again after claims may have been lost."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, make_url

from gateway.store.engine.claims_postgres import PostgresClaims
from gateway.store.engine.claims_sqlite import ACCEPTED_AHEAD, MachineStart, SqliteClaims, read_machine_start
from gateway.store.engine.location import locate
from gateway.store.engine.sqlite_files import SqliteFiles
from gateway.store.migration import migrate
from tests.gateway.store.makers import LATER, NOW
from tests.postgres import find_server_programs, running_server

LONG_UP = timedelta(days=3)
FIRST_START = MachineStart(id="first", ago=LONG_UP)
Claims = SqliteClaims | PostgresClaims


def claim(
    claims: Claims, key: str = "a", *, space: str = "dpop", issued_at: datetime = NOW, now: datetime = NOW
) -> bool:
    return claims.claim(space=space, key=key, issued_at=issued_at, expires=LATER, now=now)


def test_an_identifier_is_claimed_once(claims: Claims) -> None:
    assert [claim(claims), claim(claims), claim(claims)] == [True, False, False]


def test_what_was_claimed_can_be_told_and_nothing_else(claims: Claims) -> None:
    assert claim(claims)
    assert claims.claimed(space="dpop", key="a", issued_at=NOW)
    assert not claims.claimed(space="dpop", key="b", issued_at=NOW)
    assert not claims.claimed(space="assertion", key="a", issued_at=NOW)


def test_spaces_are_independent(claims: Claims) -> None:
    assert claim(claims, space="dpop")
    assert claim(claims, space="assertion")


def test_an_expired_identifier_is_refused_whether_its_claim_is_kept_or_erased(claims: Claims) -> None:
    assert claim(claims)
    assert not claim(claims, now=LATER)
    assert claims.erase_expired(now=LATER, batch=10) == 1
    assert not claim(claims, now=LATER)


def test_expired_claims_are_erased_in_batches_and_live_ones_stay(claims: Claims) -> None:
    for number in range(5):
        claim(claims, str(number))
    claims.claim(space="dpop", key="live", issued_at=NOW, expires=LATER + timedelta(minutes=1), now=NOW)
    assert [claims.erase_expired(now=LATER, batch=2) for _ in range(4)] == [2, 2, 1, 0]
    assert not claim(claims, "live")


# On one machine.


@pytest.fixture
def files(sqlite_url: str) -> SqliteFiles:
    return SqliteFiles(database=Path(sqlite_url.removeprefix("sqlite:///")))


def claims_at(files: SqliteFiles, started_at: datetime, start: MachineStart = FIRST_START) -> SqliteClaims:
    return SqliteClaims(files, started_at=started_at, machine_start=start)


def once(claims: SqliteClaims, key: str, *, issued_at: datetime, now: datetime) -> bool:
    try:
        return claims.claim(space="dpop", key=key, issued_at=issued_at, expires=LATER, now=now)
    finally:
        claims.close()


def test_claims_outlive_every_process(files: SqliteFiles) -> None:
    assert once(claims_at(files, NOW), "a", issued_at=NOW, now=NOW)
    restarted = NOW + timedelta(seconds=30)
    assert not once(claims_at(files, restarted), "a", issued_at=NOW, now=restarted)
    assert once(claims_at(files, restarted), "b", issued_at=NOW, now=restarted)


def test_after_another_start_of_the_machine_earlier_identifiers_are_refused(files: SqliteFiles) -> None:
    assert once(claims_at(files, NOW), "a", issued_at=NOW, now=NOW)
    restarted = NOW + timedelta(minutes=1)
    second = MachineStart(id="second", ago=timedelta(seconds=30))

    assert not once(claims_at(files, restarted, second), "b", issued_at=NOW, now=restarted)
    assert claims_at(files, restarted, second).claimed(space="dpop", key="b", issued_at=NOW)
    assert not claims_at(files, restarted, second).claimed(space="dpop", key="b", issued_at=restarted)
    assert not once(claims_at(files, restarted, second), "b", issued_at=NOW + timedelta(seconds=59), now=restarted)
    assert once(claims_at(files, restarted, second), "b", issued_at=restarted, now=restarted)


def test_an_identifier_dated_ahead_before_a_quick_restart_of_the_machine_is_refused_after_it(
    files: SqliteFiles,
) -> None:
    ahead = NOW + ACCEPTED_AHEAD
    assert once(claims_at(files, NOW), "a", issued_at=ahead, now=NOW)
    restarted = NOW + timedelta(seconds=4)
    second = MachineStart(id="second", ago=timedelta(seconds=3))
    assert not once(claims_at(files, restarted, second), "b", issued_at=ahead, now=restarted)


def test_where_the_start_of_the_machine_cannot_be_told_every_start_of_the_node_counts(files: SqliteFiles) -> None:
    unknown = MachineStart(id=None, ago=LONG_UP)
    assert once(claims_at(files, NOW, unknown), "a", issued_at=NOW, now=NOW)
    restarted = NOW + timedelta(seconds=30)
    assert not once(claims_at(files, restarted, unknown), "b", issued_at=NOW, now=restarted)
    assert once(claims_at(files, restarted, unknown), "b", issued_at=restarted, now=restarted)


def test_an_identifier_of_the_second_in_which_the_node_started_is_taken(files: SqliteFiles) -> None:
    started_at = NOW + timedelta(milliseconds=900)
    assert once(claims_at(files, started_at), "a", issued_at=NOW, now=started_at)


def test_the_kernel_names_its_start() -> None:
    first, second = read_machine_start(), read_machine_start()
    assert first.id
    assert first.id == second.id
    assert timedelta() < first.ago <= second.ago


# On several hosts.


@pytest.fixture(scope="module")
def own_server_url() -> Iterator[str]:
    """Give a server that may crash."""
    programs = find_server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed (on Debian: apt-get install postgresql)")
    with running_server(programs) as url:
        yield url


def crash(url: URL) -> None:
    """Kill a backend of the server, which takes all others down with it and resets its memory."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as witness:
        with psycopg.connect(plain) as victim:
            os.kill(victim.info.backend_pid, signal.SIGKILL)
        until(lambda: not answers(witness))  # only then has the server noticed, and begun to recover
    until(lambda: accepts(plain))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answers(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def accepts(plain: str) -> bool:
    try:
        psycopg.connect(plain).close()
    except psycopg.OperationalError:
        return False
    return True


def test_after_a_crash_of_the_database_earlier_identifiers_are_refused(own_server_url: str, tmp_path: Path) -> None:
    migrate(own_server_url, base_dir=tmp_path)
    url = locate(own_server_url, base_dir=tmp_path)
    assert isinstance(url, URL)
    claims = PostgresClaims(url)
    assert claim(claims)
    claims.close()

    crash(make_url(own_server_url))

    assert claims.claimed(space="dpop", key="b", issued_at=NOW)
    restarted = NOW + timedelta(seconds=5)
    assert not claim(claims, "a", now=restarted)
    assert not claim(claims, "b", now=restarted)
    assert not claim(claims, "b", issued_at=NOW + ACCEPTED_AHEAD, now=restarted)
    later = restarted + ACCEPTED_AHEAD
    assert not claims.claimed(space="dpop", key="b", issued_at=later)
    assert claims.claimed(space="dpop", key="b", issued_at=NOW)
    assert claim(claims, "b", issued_at=later, now=later)
    claims.close()
