"""A case system's database is only read, within the deadline, in any state of the database."""

import threading
from datetime import date
from pathlib import Path

import psycopg
import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.contract import Adapter, AdapterContext, Deadline, SourceNonsense, SourceUnavailable
from adapters.sources.database import SqliteFile
from adapters.sources.postgres import PostgresServer, parse_url
from tests.support.case_tables import NHS_NUMBER, ROWAN, UNNUMBERED, Tables, ask, in_postgres, in_sqlite
from tests.support.housing_case import OCTAVIA, SCHEMA, build, source
from tests.support.pooler import Refusal, pooler
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


def test_a_file_that_was_replaced_is_opened_again(database: Path, sqlite_adapter: Adapter, soon: Deadline) -> None:
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
    with pytest.raises(SourceUnavailable, match="in time"):
        SqliteFile(database).ask(endless, (), deadline=Deadline.after(0.2))


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
        with pytest.raises(SourceUnavailable):
            source(postgres_adapter).find(OCTAVIA, deadline=Deadline.after(0.3))
        writer.rollback()
    assert source(postgres_adapter).find(OCTAVIA, deadline=Deadline.after(20))


def test_a_connection_that_the_server_closed_is_opened_again(
    postgres_adapter: Adapter, postgres_url: str, soon: Deadline
) -> None:
    assert source(postgres_adapter).find(OCTAVIA, deadline=soon)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hearthgate'")
    assert source(postgres_adapter).find(OCTAVIA, deadline=soon)


class TestChangesOfTheTables:
    """A case system is upgraded while the node runs: a change must not fail every question until a restart."""

    @pytest.mark.parametrize(
        "change",
        [
            "ALTER TABLE held.people ALTER COLUMN surname TYPE varchar(200)",
            "ALTER TABLE held.people ALTER COLUMN dob TYPE date USING dob::date",
            "ALTER TABLE held.people ALTER COLUMN nhs TYPE bigint USING nhs::bigint",
            "ALTER TABLE held.people ALTER COLUMN no TYPE varchar(9)",
            "ALTER TABLE held.work ALTER COLUMN no TYPE varchar(9)",
            "CREATE TABLE held.o AS TABLE held.people; DROP TABLE held.people; ALTER TABLE held.o RENAME TO people",
            "ALTER TABLE held.people RENAME TO hidden; CREATE VIEW held.people AS SELECT * FROM held.hidden",
        ],
    )
    def test_the_next_question_is_answered(self, context: AdapterContext, postgres_url: str, change: str) -> None:
        source = in_postgres(Tables(people=[{"nhs": NHS_NUMBER}]), context, postgres_url)
        for _ in range(7):  # psycopg prepares a statement at its sixth use, unless it is told not to
            before = ask(source, ROWAN)
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(change.encode())
        for _ in range(2):
            assert ask(source, ROWAN) == before
            assert before[0] == "unique"
            assert before[1]

    def test_nothing_is_prepared_on_the_server(self, postgres_url: str, soon: Deadline) -> None:
        server = PostgresServer(parse_url(postgres_url), password_file=None)
        for _ in range(7):
            server.ask("SELECT 1", (), deadline=soon)
        assert server.ask("SELECT count(*) FROM pg_prepared_statements", (), deadline=soon).rows == [(0,)]

    @pytest.mark.parametrize("state", ["0A000", "26000", "42P05"])
    def test_a_connection_that_is_stale_is_given_up_once(self, postgres_url: str, soon: Deadline, state: str) -> None:
        server = PostgresServer(parse_url(postgres_url), password_file=None)
        ((process,),) = server.ask("SELECT pg_backend_pid()", (), deadline=soon).rows
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(
                f"CREATE OR REPLACE FUNCTION stale() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN IF pg_backend_pid() ="
                f" {process} THEN RAISE 'stale' USING ERRCODE = '{state}'; END IF; RETURN 1; END $$"
            )
        assert server.ask("SELECT stale()", (), deadline=soon).rows == [(1,)]

    def test_a_column_that_became_a_text_of_another_form_is_searched_as_one(
        self, context: AdapterContext, postgres_url: str
    ) -> None:
        tables = Tables(columns={"people.dob": "date"}, settings={"date_format": "%d/%m/%Y"})
        source = in_postgres(tables, context, postgres_url)
        assert ask(source, UNNUMBERED)[0] == "unique"
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(
                "ALTER TABLE held.people ALTER COLUMN dob TYPE text USING to_char(dob, 'FMDD/FMMM/YYYY')"
            )
        assert ask(source, UNNUMBERED)[0] == "unique"


@pytest.mark.parametrize("style", ["German", "SQL, DMY", "Postgres, MDY"])
def test_a_server_that_writes_days_in_its_own_style_is_read(
    context: AdapterContext, postgres_url: str, style: str
) -> None:
    kinds = {"people.dob": "date", "work.began": "timestamptz", "work.ended": "timestamptz"}
    work = [{"began": "2025-06-03 00:30 Europe/London", "ended": "9999-12-31 00:00+00"}]
    tables = Tables(columns=kinds, work=work)
    in_postgres(tables, context, postgres_url)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE CURRENT_USER SET datestyle = {style}")
        try:
            _, (held,) = ask(tables.build(context, "held.", url=postgres_url), UNNUMBERED)
            with pooler(postgres_url, Refusal.REFUSED) as url:
                assert ask(tables.build(context, "held.", url=url), UNNUMBERED)[1] == (held,)
        finally:
            connection.execute("ALTER ROLE CURRENT_USER RESET datestyle")
    assert held.since == date(2025, 6, 3)


class TestPoolers:
    @pytest.mark.parametrize("refusal", Refusal)
    def test_a_pooler_that_takes_no_options_is_read_through(
        self, context: AdapterContext, postgres_url: str, refusal: Refusal
    ) -> None:
        tables = Tables(people=[{"nhs": NHS_NUMBER}])
        in_postgres(tables, context, postgres_url)
        with pooler(postgres_url, refusal) as url:
            source = tables.build(context, "held.", url=url)
            assert ask(source, ROWAN)[0] == "unique"
            server = PostgresServer(parse_url(url), password_file=None)
            with pytest.raises(SourceNonsense):
                server.ask("DELETE FROM held.people RETURNING no", (), deadline=Deadline.after(20))
            assert server.ask("SELECT 1", (), deadline=Deadline.after(20)).rows == [(1,)]
        assert ask(in_postgres(tables, context, postgres_url), ROWAN)[0] == "unique"

    def test_a_server_that_is_away_is_unavailable(self, context: AdapterContext) -> None:
        with pytest.raises(SourceUnavailable, match="could not be reached") as refused:
            Tables().build(context, "", url="postgresql://127.0.0.1:9/case").find(ROWAN, deadline=Deadline.after(5))
        assert "pooler" in refused.value.detail


class TestWriteAheadLog:
    def test_a_database_whose_log_cannot_be_opened_says_what_helps(
        self, database: Path, sqlite_adapter: Adapter, soon: Deadline
    ) -> None:
        connection = sqlite.connect(str(database))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        assert source(sqlite_adapter).find(OCTAVIA, deadline=soon)
        other = database.with_name("other.db")
        other.write_bytes(database.read_bytes())
        other.with_name("other.db-shm").symlink_to(database.parent / "gone" / "x")  # as where it may not be made
        with pytest.raises(SourceUnavailable, match="WAL mode") as refused:
            SqliteFile(other).ask("SELECT 1 FROM tenants", (), deadline=soon)
        assert "VACUUM INTO" in refused.value.detail

    def test_another_database_that_cannot_be_opened_is_not_blamed_on_it(self, tmp_path: Path, soon: Deadline) -> None:
        (tmp_path / "folder.db").mkdir()
        with pytest.raises(SourceUnavailable) as refused:
            SqliteFile(tmp_path / "folder.db").ask("SELECT 1", (), deadline=soon)
        assert "WAL" not in refused.value.detail


@pytest.mark.holds("A74")
def test_a_table_of_involvements_that_is_gone_fails_the_search_for_everyone(context: AdapterContext) -> None:
    """Else only a person who has a record would meet the failure."""
    source = in_sqlite(Tables(involvements={"table": "gone"}), context)
    with pytest.raises(SourceNonsense, match="tables or columns"):
        source.find(Subject(nhs_number="9449306494"), deadline=Deadline.after(20))


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
