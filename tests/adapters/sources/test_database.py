"""A case system's database is only read, and costs no more than the deadline, whatever state it is in."""

import threading
from pathlib import Path
from time import monotonic

import psycopg
import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.contract import Adapter, AdapterContext, Deadline, SourceNonsense, SourceUnavailable
from adapters.sources.database import SqliteFile
from tests.support.housing_case import OCTAVIA, SCHEMA, build, source
from trust.exchange.person import Subject


def test_nothing_is_opened_before_the_first_question(context: AdapterContext) -> None:
    build(context, file="not-there.db")
    build(context, url="postgresql://db.example/case")


def test_it_cannot_write(database: Path, soon: Deadline) -> None:
    with pytest.raises(SourceUnavailable, match="READONLY"):
        SqliteFile(database).ask("DELETE FROM tenants RETURNING id", (), deadline=soon)


def test_it_cannot_write_in_postgresql(
    postgres_adapter: Adapter, postgres_url: str, context: AdapterContext, soon: Deadline
) -> None:
    query = "WITH gone AS (DELETE FROM homes.tenants RETURNING id, nhs) SELECT id, nhs FROM gone"
    reading = {
        "query": "SELECT nextval('homes.counter') AS id, '9691292211' AS nhs",
        "ref": "id",
        "nhs_number": "nhs",
    }
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE homes.counter")
    for persons in (reading, reading | {"query": query}):
        with pytest.raises(SourceNonsense):
            source(build(context, url=postgres_url, persons=persons)).find(
                Subject(nhs_number="9691292211"), deadline=soon
            )
    assert len(source(postgres_adapter).find(OCTAVIA, deadline=soon)) == 1


def test_a_missing_file_is_unavailable(context: AdapterContext, soon: Deadline) -> None:
    with pytest.raises(SourceUnavailable, match="No such file"):
        source(build(context, file="gone.db")).find(OCTAVIA, deadline=soon)


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path, context: AdapterContext, soon: Deadline) -> None:
    (tmp_path / "text.db").write_text("Octavia Chislett " * 100)
    with pytest.raises(SourceUnavailable, match="NOTADB"):
        source(build(context, file="text.db")).find(OCTAVIA, deadline=soon)


def test_a_file_that_was_replaced_is_opened_anew(database: Path, sqlite_adapter: Adapter, soon: Deadline) -> None:
    assert source(sqlite_adapter).find(OCTAVIA, deadline=soon)
    replacement = database.with_suffix(".new")
    connection = sqlite.connect(str(replacement))
    connection.executescript(SCHEMA.replace("'9691292211'", "NULL").replace("2008-09-20", "1999-01-01"))
    connection.close()
    replacement.replace(database)
    assert source(sqlite_adapter).find(OCTAVIA, deadline=soon) == ()


def test_an_expired_deadline_ends_the_call_at_once(adapter: Adapter) -> None:
    with pytest.raises(SourceUnavailable, match="in time"):
        source(adapter).find(OCTAVIA, deadline=Deadline.after(0))


def test_a_question_without_end_stops_at_the_deadline(database: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    started = monotonic()
    with pytest.raises(SourceUnavailable, match="in time"):
        SqliteFile(database).ask(endless, (), deadline=Deadline.after(0.2))
    assert monotonic() - started < 2


def test_a_locked_database_is_waited_for_until_the_deadline(database: Path, sqlite_adapter: Adapter) -> None:
    writer = sqlite.connect(str(database), isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(SourceUnavailable, match="in time"):
        source(sqlite_adapter).find(OCTAVIA, deadline=Deadline.after(0.1))
    writer.execute("ROLLBACK")
    writer.close()
    assert source(sqlite_adapter).find(OCTAVIA, deadline=Deadline.after(20))


def test_a_locked_table_in_postgresql_costs_no_more_than_the_deadline(
    postgres_adapter: Adapter, postgres_url: str, soon: Deadline
) -> None:
    assert source(postgres_adapter).find(OCTAVIA, deadline=soon)
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as writer:
        writer.execute("LOCK TABLE homes.tenants IN ACCESS EXCLUSIVE MODE")
        started = monotonic()
        with pytest.raises(SourceUnavailable):
            source(postgres_adapter).find(OCTAVIA, deadline=Deadline.after(0.3))
        assert monotonic() - started < 2
        writer.rollback()
    assert source(postgres_adapter).find(OCTAVIA, deadline=Deadline.after(20))


def test_a_connection_that_the_server_closed_is_opened_anew(
    postgres_adapter: Adapter, postgres_url: str, soon: Deadline
) -> None:
    assert source(postgres_adapter).find(OCTAVIA, deadline=soon)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hearthgate'")
    assert source(postgres_adapter).find(OCTAVIA, deadline=soon)


def test_threads_ask_at_once(adapter: Adapter, soon: Deadline) -> None:
    results: list[int] = []

    def ask() -> None:
        results.extend(len(source(adapter).find(OCTAVIA, deadline=soon)) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [1] * 30
