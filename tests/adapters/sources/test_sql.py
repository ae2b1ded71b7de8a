"""An SQL case system is read by configuration alone, with bound values, and honest about what it cannot read."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.contract import Adapter, AdapterContext, Deadline, SourceNonsense
from adapters.matching.decide import MatchResult, match
from adapters.sources.sql import MAX_CANDIDATES
from tests.support.housing_case import OCTAVIA, SETTINGS, build, source
from trust.exchange.involvement import Involvement
from trust.exchange.person import Address, Gender, Subject


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

    def test_nothing_to_search_by_finds_no_record(self, adapter: Adapter, soon: Deadline) -> None:
        assert source(adapter).find(Subject(family_name="Chislett", nino="AB518427C"), deadline=soon) == ()

    def test_the_matcher_links_what_was_found(self, adapter: Adapter, soon: Deadline) -> None:
        assert match(OCTAVIA, source(adapter).find(OCTAVIA, deadline=soon)).outcome is MatchResult.UNIQUE

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

    def test_an_unreadable_date_costs_only_itself(self, adapter: Adapter, soon: Deadline) -> None:
        (found,) = source(adapter).find(Subject(birth_date=date(2009, 2, 15)), deadline=soon)
        (held,) = source(adapter).involvements(found.ref, deadline=soon)
        assert (held.worker, held.since) == ("Sam Okoro", None)
        (row,) = source(adapter).involvement_rows(found.ref, deadline=soon)
        (fault,) = row.faults
        assert (fault.column, fault.cause) == ("started", "is not a date in the form %Y-%m-%d")


class TestCheck:
    def test_it_reports_the_database_the_rows_and_the_declaration(self, adapter: Adapter, soon: Deadline) -> None:
        (check,) = adapter.checks
        database_line, rows, identifiers = check(deadline=soon)
        assert database_line.ok
        assert not rows.ok
        assert rows.detail.startswith("1 values in 4 sampled person records")
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
        involvements = SETTINGS["involvements"] | {"table": "homes.tenancies"}
        adapter = build(context, url=postgres_url, persons=persons, involvements=involvements)
        with pytest.raises(SourceNonsense, match="UndefinedColumn"):
            source(adapter).find(OCTAVIA, deadline=soon)


class TestOneUnreadableValue:
    def test_it_is_left_out_and_counted(self, database: Path, context: AdapterContext, soon: Deadline) -> None:
        connection = sqlite.connect(str(database))
        connection.execute("INSERT INTO tenants VALUES (9, '9691292211', 'X', 'Y', 'never', NULL, NULL)")
        connection.commit()
        connection.close()
        found = source(build(context, file=database.name))
        one, other = found.find(OCTAVIA, deadline=soon)
        assert not one.unreadable
        assert other.unreadable == {"birth_date"}
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
    with pytest.raises(SourceNonsense, match="is a stand-in"):
        source(build(context, file=database.name)).find(
            Subject(family_name="x", birth_date=date(1900, 1, 1)), deadline=soon
        )


def test_its_own_records_can_be_sampled(adapter: Adapter, soon: Deadline) -> None:
    assert adapter.sampled is adapter.involvement
    sample = source(adapter).sample(10, deadline=soon)
    assert len(sample.records) == 4
    (fault,) = sample.faults
    assert (fault.part, fault.column) == ("persons", "dob")
