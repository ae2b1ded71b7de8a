"""An SQL case system is read by configuration alone: read-only, bound, bounded, honest about what it cannot read."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from time import monotonic

import psycopg
import pysqlite3.dbapi2 as sqlite
import pytest
from pydantic import ValidationError

from adapters.contract import Adapter, AdapterContext, Deadline, SourceNonsense, SourceUnavailable
from adapters.matching.decide import MatchOutcome, match
from adapters.sources.database import SqliteFile
from adapters.sources.sql import FACTORY, MAX_CANDIDATES, SqlSettings, SqlSource
from trust.exchange.involvement import Involvement
from trust.exchange.person import Address, Gender, Subject

SCHEMA = """
CREATE TABLE tenants (
  id INTEGER PRIMARY KEY, nhs TEXT, surname TEXT, forenames TEXT, dob TEXT, sex TEXT, postcode TEXT);
CREATE TABLE tenancies (
  tenant INTEGER, kind TEXT, officer TEXT, phone TEXT, started TEXT, last_visit TEXT, closed TEXT);
CREATE INDEX tenants_nhs ON tenants (nhs);
CREATE INDEX tenants_dob ON tenants (dob);
CREATE INDEX tenancies_tenant ON tenancies (tenant);
INSERT INTO tenants VALUES
  (1, '969 129 2211', 'Chislett', 'Octavia', '2008-09-20', 'F', 'kt211ja'),
  (2, '9449306494', 'Flindall', 'Red', '2011-05-17', 'M', NULL),
  (3, NULL, 'Anderton', 'Briar', '15th of May', NULL, NULL),
  (4, NULL, 'Anderton', 'Kit', '2009-02-15', NULL, 'KT20 6XJ');
INSERT INTO tenancies VALUES
  (1, 'general needs', 'Sam Okoro', '01632 960 111', '2022-03-01', '2026-10-09', NULL),
  (1, 'supported', 'Jo Bell', NULL, '2024-01-05', '2026-11-02', NULL),
  (1, 'general needs', 'Old Officer', NULL, '2001-01-01', NULL, '2009-01-01'),
  (4, 'general needs', 'Sam Okoro', NULL, 'when he came', NULL, NULL);
"""
SETTINGS: dict[str, dict[str, object]] = {
    "persons": {
        "table": "tenants",
        "ref": "id",
        "nhs_number": "nhs",
        "family_name": "surname",
        "given_names": "forenames",
        "birth_date": "dob",
        "gender": "sex",
        "postcode": "postcode",
    },
    "involvements": {
        "table": "tenancies",
        "ref": "tenant",
        "service_type": "kind",
        "worker": "officer",
        "phone": "phone",
        "since": "started",
        "last_contact": "last_visit",
        "ended": "closed",
        "fixed": {"role": "Housing officer"},
    },
}
OCTAVIA = Subject(nhs_number="9691292211", family_name="Chislett", given_names="Octavia", birth_date=date(2008, 9, 20))


def build(context: AdapterContext, **settings: object) -> Adapter:
    return FACTORY.build(SqlSettings.model_validate({**SETTINGS, **settings}), context)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "homes.db"
    connection = sqlite.connect(str(path))
    connection.executescript(SCHEMA.replace("'969 129 2211'", "'9691292211'"))
    connection.close()
    return path


@pytest.fixture
def sqlite_adapter(database: Path, context: AdapterContext) -> Adapter:
    return build(context, file=database.name)


@pytest.fixture
def postgres_adapter(postgres_url: str, context: AdapterContext) -> Iterator[Adapter]:
    plain = postgres_url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA homes")
        connection.execute("SET search_path TO homes")
        connection.execute(SCHEMA.replace("'969 129 2211'", "'9691292211'").encode())
        yield build(
            context,
            url=postgres_url,
            persons=SETTINGS["persons"] | {"table": "homes.tenants"},
            involvements=SETTINGS["involvements"] | {"table": "homes.tenancies"},
        )
        connection.execute("DROP SCHEMA homes CASCADE")


@pytest.fixture(params=["sqlite", "postgres"])
def adapter(request: pytest.FixtureRequest) -> Adapter:
    built: Adapter = request.getfixturevalue(f"{request.param}_adapter")
    return built


def source(adapter: Adapter) -> SqlSource:
    assert isinstance(adapter.involvement, SqlSource)
    return adapter.involvement


class TestFind:
    def test_an_identifier_finds_the_record_with_all_that_is_known(self, adapter: Adapter, soon: Deadline) -> None:
        (found,) = source(adapter).find(Subject(nhs_number="9691292211"), deadline=soon)
        assert found.person == replace(OCTAVIA, gender=Gender.FEMALE, address=Address(postcode="KT21 1JA"))
        assert not found.identifiers_verified

    def test_a_birth_date_finds_everyone_born_that_day(self, adapter: Adapter, soon: Deadline) -> None:
        (found,) = source(adapter).find(Subject(family_name="x", birth_date=date(2011, 5, 17)), deadline=soon)
        assert found.person.family_name == "Flindall"

    def test_a_stranger_is_not_there(self, adapter: Adapter, soon: Deadline) -> None:
        stranger = Subject(nhs_number="9434765919", family_name="Chislett", birth_date=date(1950, 1, 1))
        assert source(adapter).find(stranger, deadline=soon) == ()

    def test_nothing_to_search_by_finds_nobody(self, adapter: Adapter, soon: Deadline) -> None:
        assert source(adapter).find(Subject(family_name="Chislett", nino="AB123456C"), deadline=soon) == ()

    def test_the_matcher_links_what_was_found(self, adapter: Adapter, soon: Deadline) -> None:
        assert match(OCTAVIA, source(adapter).find(OCTAVIA, deadline=soon)).outcome is MatchOutcome.UNIQUE

    @pytest.mark.holds("A64")
    @pytest.mark.parametrize(
        "text", ["' OR '1'='1", "x'; DROP TABLE tenants; --", '" OR 1=1 --', "%", "\\", "?1", "$1"]
    )
    def test_what_is_asked_for_is_never_part_of_the_statement(
        self, adapter: Adapter, soon: Deadline, text: str
    ) -> None:
        asked = Subject(nhs_number=text, upn=text, family_name=text, birth_date=date(1950, 1, 1))
        assert source(adapter).find(asked, deadline=soon) == ()
        assert len(source(adapter).find(OCTAVIA, deadline=soon)) == 1


class TestInvolvements:
    def test_current_ones_come_most_recent_first_and_completed_from_the_service(
        self, adapter: Adapter, soon: Deadline
    ) -> None:
        (found,) = source(adapter).find(OCTAVIA, deadline=soon)
        newest, older = source(adapter).involvements(found.ref, deadline=soon)
        assert newest == Involvement(
            organisation="Riverbank Homes",
            service_type="supported",
            role="Housing officer",
            worker="Jo Bell",
            duty_phone="01632 960 100",
            since=date(2024, 1, 5),
            last_contact_month="2026-11",
        )
        assert (older.worker, older.phone, older.last_contact_month) == ("Sam Okoro", "01632 960 111", "2026-10")

    def test_a_record_without_any_is_an_empty_answer(self, adapter: Adapter, soon: Deadline) -> None:
        (found,) = source(adapter).find(Subject(nhs_number="9449306494"), deadline=soon)
        assert source(adapter).involvements(found.ref, deadline=soon) == ()

    def test_rows_of_which_none_can_be_read_are_nonsense_and_are_not_repeated(
        self, adapter: Adapter, soon: Deadline
    ) -> None:
        (found,) = source(adapter).find(Subject(birth_date=date(2009, 2, 15)), deadline=soon)
        with pytest.raises(SourceNonsense) as refused:
            source(adapter).involvements(found.ref, deadline=soon)
        assert "since is not a date" in refused.value.detail
        assert "when he came" not in refused.value.detail


class TestCheck:
    def test_it_reports_the_database_the_rows_and_the_declaration(self, adapter: Adapter, soon: Deadline) -> None:
        (check,) = adapter.checks
        database_line, rows, identifiers = check(deadline=soon)
        assert database_line.ok
        assert not rows.ok
        assert rows.detail.startswith("1 of the 4 person records")
        assert "Not declared verified" in identifiers.detail

    def test_it_shows_that_identifiers_are_declared_verified(
        self, database: Path, context: AdapterContext, soon: Deadline
    ) -> None:
        adapter = build(context, file=database.name, identifiers_verified=True)
        (check,) = adapter.checks
        assert any("DECLARED VERIFIED" in line.detail for line in check(deadline=soon))
        assert all(found.identifiers_verified for found in source(adapter).find(OCTAVIA, deadline=soon))

    @pytest.mark.parametrize("columns", [{"nhs_number": "nhs_numbr"}, {"table": "tenant"}])
    def test_a_wrong_column_or_table_is_an_error_and_never_an_empty_answer(
        self, database: Path, context: AdapterContext, soon: Deadline, columns: dict[str, str]
    ) -> None:
        adapter = build(context, file=database.name, persons=SETTINGS["persons"] | columns)
        with pytest.raises(SourceNonsense, match="tables or columns"):
            source(adapter).find(OCTAVIA, deadline=soon)
        (check,) = adapter.checks
        (line,) = check(deadline=soon)
        assert not line.ok
        assert line.remedy

    def test_a_wrong_column_in_postgresql_too(
        self, postgres_adapter: Adapter, postgres_url: str, context: AdapterContext, soon: Deadline
    ) -> None:
        persons = SETTINGS["persons"] | {"table": "homes.tenants", "nhs_number": "nhs_numbr"}
        adapter = build(context, url=postgres_url, persons=persons)
        with pytest.raises(SourceNonsense, match="UndefinedColumn"):
            source(adapter).find(OCTAVIA, deadline=soon)


class TestOneUnreadableRowAmongOthers:
    def test_it_is_left_out_and_counted(self, database: Path, context: AdapterContext, soon: Deadline) -> None:
        connection = sqlite.connect(str(database))
        connection.execute("INSERT INTO tenants VALUES (9, '9691292211', 'X', 'Y', 'never', NULL, NULL)")
        connection.commit()
        connection.close()
        found = source(build(context, file=database.name))
        assert len(found.find(OCTAVIA, deadline=soon)) == 1
        assert found.quarantined == 1


def test_several_rows_about_one_record_are_one_person(database: Path, context: AdapterContext, soon: Deadline) -> None:
    connection = sqlite.connect(str(database))
    connection.executescript(
        "CREATE TABLE names (tenant INTEGER, nhs TEXT, surname TEXT, forenames TEXT, dob TEXT);"
        "INSERT INTO names VALUES (1, '9691292211', 'Flindall', 'Octavia', NULL),"
        "(1, '9691292211', 'Chislett', 'Octavia', '2008-09-20');"
    )
    connection.close()
    persons = {
        "table": "names",
        "ref": "tenant",
        "nhs_number": "nhs",
        "family_name": "surname",
        "given_names": "forenames",
        "birth_date": "dob",
    }
    (found,) = source(build(context, file=database.name, persons=persons)).find(OCTAVIA, deadline=soon)
    assert found.person.birth_date == date(2008, 9, 20)
    assert [alias.family_name for alias in found.person.aliases] == ["Chislett"]


def test_a_query_and_the_systems_own_way_to_write_dates(
    database: Path, context: AdapterContext, soon: Deadline
) -> None:
    persons = {
        "query": "SELECT id, nhs, surname, strftime('%d/%m/%Y', dob) AS born FROM tenants WHERE surname <> 'Anderton'",
        "ref": "id",
        "family_name": "surname",
        "birth_date": "born",
    }
    involvements = SETTINGS["involvements"] | {"since": None, "last_contact": None}
    adapter = build(context, file=database.name, persons=persons, involvements=involvements, date_format="%d/%m/%Y")
    (found,) = source(adapter).find(OCTAVIA, deadline=soon)
    assert found.person.birth_date == OCTAVIA.birth_date
    assert len(source(adapter).involvements(found.ref, deadline=soon)) == 2


def test_a_birth_date_that_stands_for_unknown_is_reported(
    database: Path, context: AdapterContext, soon: Deadline
) -> None:
    connection = sqlite.connect(str(database))
    connection.executemany(
        "INSERT INTO tenants (surname, dob) VALUES (?, '1900-01-01')", [("x",)] * (MAX_CANDIDATES + 1)
    )
    connection.commit()
    connection.close()
    with pytest.raises(SourceNonsense, match="stands for unknown"):
        source(build(context, file=database.name)).find(Subject(birth_date=date(1900, 1, 1)), deadline=soon)


class TestSettings:
    def test_all_faults_are_reported_at_once(self) -> None:
        wrong = {
            "file": "a.db",
            "url": "postgresql://user:secret@db.example/case",
            "date_format": "",
            "colour": "blue",
            "persons": {"table": "tenants; DROP", "nhs_number": 'nhs"--'},
            "involvements": {"query": "DELETE FROM tenancies", "ref": "x", "fixed": {"gossip": "y"}},
        }
        with pytest.raises(ValidationError) as refused:
            SqlSettings.model_validate(wrong)
        places = {".".join(str(part) for part in fault["loc"]) for fault in refused.value.errors()}
        assert places == {
            "url",
            "date_format",
            "colour",
            "persons.table",
            "persons.nhs_number",
            "persons.ref",
            "involvements.query",
            "involvements.fixed.gossip.[key]",
        }

    @pytest.mark.parametrize(
        "database",
        [
            {},
            {"file": "a.db", "url": "postgresql://db.example/case"},
            {"file": "a.db", "password_file": "p"},
            {"url": "mysql://db.example/case"},
            {"url": "postgresql://db.example/case?options=-csearch_path%3Dx"},
            {"url": "postgresql://user:secret@db.example/case"},
        ],
    )
    def test_the_database_is_named_once_and_without_a_password(self, database: dict[str, str]) -> None:
        with pytest.raises(ValidationError) as refused:
            SqlSettings.model_validate(SETTINGS | database)
        assert "secret" not in "".join(fault["msg"] for fault in refused.value.errors())

    @pytest.mark.parametrize(
        "query",
        ["DELETE FROM tenants", "SELECT 1; DROP TABLE tenants", "PRAGMA query_only = OFF", "ATTACH 'x' AS y", ""],
    )
    def test_a_query_only_reads(self, query: str) -> None:
        persons = {"query": query, "ref": "id", "nhs_number": "nhs"}
        with pytest.raises(ValidationError):
            SqlSettings.model_validate(SETTINGS | {"file": "a.db", "persons": persons})


class TestTheConnection:
    def test_nothing_is_opened_before_the_first_question(self, context: AdapterContext) -> None:
        build(context, file="not-there.db")
        build(context, url="postgresql://db.example/case")

    def test_it_cannot_write(self, database: Path, soon: Deadline) -> None:
        with pytest.raises(SourceUnavailable, match="READONLY"):
            SqliteFile(database).ask("DELETE FROM tenants RETURNING id", (), deadline=soon)

    def test_it_cannot_write_in_postgresql(
        self, postgres_adapter: Adapter, postgres_url: str, context: AdapterContext, soon: Deadline
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

    def test_a_missing_file_is_unavailable(self, context: AdapterContext, soon: Deadline) -> None:
        with pytest.raises(SourceUnavailable, match="No such file"):
            source(build(context, file="gone.db")).find(OCTAVIA, deadline=soon)

    def test_a_file_that_is_no_database_is_unavailable(
        self, tmp_path: Path, context: AdapterContext, soon: Deadline
    ) -> None:
        (tmp_path / "text.db").write_text("Octavia Chislett " * 100)
        with pytest.raises(SourceUnavailable, match="NOTADB"):
            source(build(context, file="text.db")).find(OCTAVIA, deadline=soon)

    def test_a_file_that_was_replaced_is_opened_anew(
        self, database: Path, sqlite_adapter: Adapter, soon: Deadline
    ) -> None:
        assert source(sqlite_adapter).find(OCTAVIA, deadline=soon)
        replacement = database.with_suffix(".new")
        connection = sqlite.connect(str(replacement))
        connection.executescript(SCHEMA.replace("'969 129 2211'", "NULL").replace("2008-09-20", "1999-01-01"))
        connection.close()
        replacement.replace(database)
        assert source(sqlite_adapter).find(OCTAVIA, deadline=soon) == ()

    def test_an_expired_deadline_ends_the_call_at_once(self, adapter: Adapter) -> None:
        with pytest.raises(SourceUnavailable, match="in time"):
            source(adapter).find(OCTAVIA, deadline=Deadline.after(0))

    def test_a_question_without_end_stops_at_the_deadline(self, database: Path) -> None:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        started = monotonic()
        with pytest.raises(SourceUnavailable, match="in time"):
            SqliteFile(database).ask(endless, (), deadline=Deadline.after(0.2))
        assert monotonic() - started < 2

    def test_a_locked_database_is_waited_for_until_the_deadline(self, database: Path, sqlite_adapter: Adapter) -> None:
        writer = sqlite.connect(str(database), isolation_level=None)
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceUnavailable, match="in time"):
            source(sqlite_adapter).find(OCTAVIA, deadline=Deadline.after(0.1))
        writer.execute("ROLLBACK")
        writer.close()
        assert source(sqlite_adapter).find(OCTAVIA, deadline=Deadline.after(20))

    def test_a_locked_table_in_postgresql_costs_no_more_than_the_deadline(
        self, postgres_adapter: Adapter, postgres_url: str, soon: Deadline
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
        self, postgres_adapter: Adapter, postgres_url: str, soon: Deadline
    ) -> None:
        assert source(postgres_adapter).find(OCTAVIA, deadline=soon)
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hearthgate'"
            )
        assert source(postgres_adapter).find(OCTAVIA, deadline=soon)

    def test_threads_ask_at_once(self, adapter: Adapter, soon: Deadline) -> None:
        results: list[int] = []

        def ask() -> None:
            results.extend(len(source(adapter).find(OCTAVIA, deadline=soon)) for _ in range(5))

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [1] * 30
