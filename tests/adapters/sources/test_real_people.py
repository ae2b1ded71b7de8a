"""People as real case systems hold them are found and read in either database, however they are written.

The cases were reported by people who run such systems; the records are invented.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pysqlite3.dbapi2 as sqlite
import pytest
from pydantic import ValidationError

from adapters.contract import AdapterContext, Deadline, SourceNonsense
from adapters.sources.database import Database, QueryRows
from adapters.sources.sql import MAX_CANDIDATES, SqlSource
from tests.support.case_tables import NHS_NUMBER, ROWAN, UNNUMBERED, Make, Tables, ask, in_postgres, in_sqlite
from trust.exchange.person import Subject

BY_NUMBER = Subject(nhs_number=NHS_NUMBER)
WITH_ZERO = "0105201006"
UK = "%d/%m/%Y"


class TestIdentifiers:
    @pytest.mark.parametrize(
        "held",
        [
            NHS_NUMBER, "943 476 5919", "943-476-5919", "943.476.5919", "943/476/5919", "943\u2011476\u20115919",
            "943\u00a0476\u00a05919", "943\u202f476\u202f5919",
            "  9434765919", "9434765919          ", "9434\u200b765919\ufeff", "9434765919\t",
            "9434765919.0", "9 4 3 4 7 6 5 9 1 9", "(943) 476 5919", '="9434765919"', "9434765919*", "943,476,5919",
            "943\u00b7476\u00b75919", "943\uff0d476\uff0d5919", "\u202a9434765919\u202c", "943|476|5919", "#9434765919",
        ],
    )  # fmt: skip
    def test_a_number_is_found_however_it_is_spaced(self, make: Make, held: str) -> None:
        source = make(Tables(people=[{"nhs": held, "dob": None}]))
        assert ask(source, BY_NUMBER)[0] == "review"  # no birth date confirms it

    @pytest.mark.parametrize("kind", ["INTEGER", "REAL", "NUMERIC", "", "TEXT", "CHAR(20)"])
    def test_sqlite_holds_a_number_as_any_type(self, make_sqlite: Make, kind: str) -> None:
        source = make_sqlite(Tables(columns={"people.nhs": kind}, people=[{"nhs": 9434765919}]))
        assert ask(source, ROWAN)[0] == "unique"

    @pytest.mark.parametrize(
        "kind", ["bigint", "numeric(10)", "numeric(12,2)", "double precision", "char(12)", "varchar"]
    )
    def test_postgresql_holds_a_number_as_any_type(self, make_postgres: Make, kind: str) -> None:
        source = make_postgres(Tables(columns={"people.nhs": kind}, people=[{"nhs": NHS_NUMBER}]))
        assert ask(source, ROWAN)[0] == "unique"

    def test_a_number_that_a_column_cannot_hold_finds_no_record(self, make_postgres: Make) -> None:
        source = make_postgres(Tables(columns={"people.nhs": "integer"}, people=[{"nhs": 17}]))
        assert ask(source, BY_NUMBER)[0] == "none"

    def test_plain_identifiers_are_found_as_they_stand(self, make: Make) -> None:
        source = make(Tables(people=[{"nhs": NHS_NUMBER}], persons={"plain_identifiers": ["nhs_number"]}))
        assert ask(source, ROWAN)[0] == "unique"

    @pytest.mark.parametrize(
        ("kind", "held"),
        [
            *((kind, 105201006) for kind in ("INTEGER", "NUMERIC", "BIGINT", "DOUBLE PRECISION")),
            *(("TEXT", held) for held in ("105201006", "105 201 006", "105201006.0", " 105201006\u00a0", WITH_ZERO)),
            ("VARCHAR(20)", "0105201006.00"), ("BLOB", b"105201006"), ("BLOB", b"010 520 1006"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("verified", [False, True])
    def test_a_number_that_lost_its_zero_is_found(self, make: Make, kind: str, held: object, verified: bool) -> None:
        people: list[dict[str, object]] = [{"nhs": held, "dob": None}, {"no": 8, "dob": None}]
        settings = {"identifiers_verified": verified}
        source = make(Tables(columns={"people.nhs": kind}, people=people, settings=settings))
        asked = Subject(nhs_number=WITH_ZERO)
        (found,) = source.find(asked, deadline=Deadline.after(20))
        assert (found.ref, found.person.nhs_number) == ("number:7", WITH_ZERO)
        assert ask(source, asked)[0] == ("unique" if verified else "review")

    @pytest.mark.parametrize("kind", ["REAL", "", "DECIMAL(10)", "CHAR(10)"])
    def test_sqlite_holds_a_number_without_its_zero_as_any_type(self, make_sqlite: Make, kind: str) -> None:
        tables = Tables(columns={"people.nhs": kind}, people=[{"nhs": 105201006}])
        assert ask(make_sqlite(tables), replace(ROWAN, nhs_number=WITH_ZERO))[0] == "unique"

    @pytest.mark.parametrize("kind", ["numeric(10)", "numeric(12,2)", "integer", "bigint", "char(10)"])
    def test_postgresql_holds_a_number_without_its_zero_as_any_type(self, make_postgres: Make, kind: str) -> None:
        tables = Tables(columns={"people.nhs": kind}, people=[{"nhs": 105201006}])
        assert ask(make_postgres(tables), replace(ROWAN, nhs_number=WITH_ZERO))[0] == "unique"

    def test_plain_identifiers_may_have_lost_their_zero(self, make: Make) -> None:
        for kind in ("BIGINT", "TEXT"):
            plain = {"plain_identifiers": ["nhs_number"]}
            tables = Tables(columns={"people.nhs": kind}, people=[{"nhs": 105201006}], persons=plain)
            assert ask(make(tables), Subject(nhs_number=WITH_ZERO))[0] == "review"

    @pytest.mark.parametrize("held", [105201007, 943476591, "05201006", "123456789"])
    def test_nine_digits_whose_check_digit_fails_are_no_number(self, make: Make, held: object) -> None:
        source = make(Tables(people=[{"nhs": held}]))
        for asked in (f"0{held}", WITH_ZERO, "0123456789"):
            assert source.find(Subject(nhs_number=asked), deadline=Deadline.after(20)) == ()

    def test_a_longer_number_that_is_spelled_alike_hides_no_record(self, make_sqlite: Make) -> None:
        people: list[dict[str, object]] = [{"nhs": "1052010060", "surname": "Lowe"}, {"no": 8, "dob": None}]
        found = make_sqlite(Tables(people=people)).find(
            replace(ROWAN, nhs_number=WITH_ZERO, birth_date=date(1950, 1, 2)), deadline=Deadline.after(20)
        )
        assert "number:8" in {each.ref for each in found}

    @pytest.mark.parametrize("held", ["jt518427c", "JT 51 84 27 C", "JT518427"])
    def test_a_national_insurance_number_is_found_with_and_without_its_suffix(self, make: Make, held: str) -> None:
        source = make(Tables(people=[{"nhs": held}], persons={"nhs_number": None, "nino": "nhs"}))
        assert len(source.find(Subject(nino="JT518427C"), deadline=Deadline.after(20))) == 1


class TestBirthDates:
    @pytest.mark.parametrize(
        ("held", "form"),
        [
            ("2004-11-03 00:00:00", None),
            ("2004-11-03T00:00:00", None),
            ("2004-11-03T00:00:00.000Z", None),
            ("2004-11-3", None),
            ("3/11/2004", UK),
            ("03/11/2004 00:00", UK),
            ("3/11/2004 12:00:00 AM", UK),
            ("03-NOV-2004", "%d-%b-%Y"),
            ("3 November 2004", "%d %B %Y"),
            ("Nov  3 2004 12:00AM", "%b %d %Y"),
            ("03/11/2004", ["%Y-%m-%d", UK, "%d-%b-%Y"]),
            ("03-Nov-2004", ["%Y-%m-%d", UK, "%d-%b-%Y"]),
            ("20041103", "%Y%m%d"),
        ],
    )
    def test_a_text_is_found_as_it_is_read(self, make: Make, held: str, form: object) -> None:
        settings = {"date_formats": {"birth_date": form}} if form else {}
        assert ask(make(Tables(people=[{"dob": held}], settings=settings)), UNNUMBERED)[0] == "unique"

    @pytest.mark.parametrize(
        ("held", "form"), [(" 2004-11-03", None), ("\u00a02004-11-03", None), ("3  November 2004", "%d %B %Y")]
    )
    def test_a_day_that_is_read_and_not_searched_is_found_by_name(
        self, make: Make, held: str, form: str | None
    ) -> None:
        settings = {"date_formats": {"birth_date": form}} if form else {}
        assert ask(make(Tables(people=[{"dob": held}], settings=settings)), UNNUMBERED)[0] == "unique"

    @pytest.mark.parametrize("kind", ["INTEGER", "TEXT", "DATE", ""])
    def test_a_compact_day_may_be_a_number(self, make_sqlite: Make, kind: str) -> None:
        tables = Tables(
            columns={"people.dob": kind},
            people=[{"dob": 20041103}],
            settings={"date_formats": {"birth_date": "%Y%m%d"}},
        )
        assert ask(make_sqlite(tables), UNNUMBERED)[0] == "unique"

    def test_a_moment_in_utc_is_found_by_its_day_in_london(self, make: Make) -> None:
        born = date(1990, 6, 15)
        source = make(Tables(people=[{"dob": "1990-06-14T23:00:00.000Z"}]))
        (found,) = source.find(Subject(family_name="x", birth_date=born), deadline=Deadline.after(20))
        assert found.person.birth_date == born

    @pytest.mark.parametrize("kind", ["date", "timestamp", "timestamptz"])
    def test_a_column_of_dates_is_asked_for_a_date_under_any_form_of_texts(
        self, make_postgres: Make, kind: str
    ) -> None:
        people = [{"dob": "2004-11-03" if kind == "date" else "2004-11-03 00:00 Europe/London"}]
        tables = Tables(columns={"people.dob": kind}, people=people, settings={"date_format": UK})
        assert ask(make_postgres(tables), UNNUMBERED)[0] == "unique"

    @pytest.mark.holds("A74")
    @pytest.mark.parametrize(
        ("kind", "held"), [("text[]", "{2004-11-03}"), ("jsonb", '["2004-11-03"]'), ("bool", "true")]
    )
    def test_a_column_of_another_type_leaves_a_doubt(self, make_postgres: Make, kind: str, held: str) -> None:
        source = make_postgres(Tables(columns={"people.dob": kind}, people=[{"dob": held}, {"dob": held, "no": 8}]))
        assert ask(source, UNNUMBERED)[0] == "review"
        assert source.sample(9, deadline=Deadline.after(20)).rows == 2

    def test_a_summer_day_in_a_column_with_a_zone_is_that_day(self, make_postgres: Make) -> None:
        tables = Tables(columns={"people.dob": "timestamptz"}, people=[{"dob": "1990-06-15 00:00+01"}])
        source = make_postgres(tables)
        (found,) = source.find(Subject(family_name="x", birth_date=date(1990, 6, 15)), deadline=Deadline.after(20))
        assert found.person.birth_date == date(1990, 6, 15)

    def test_years_of_two_digits_are_refused_for_birth_dates_alone(self, make_sqlite: Make) -> None:
        with pytest.raises(ValidationError, match="hundred years off"):
            make_sqlite(Tables(settings={"date_format": "%d/%m/%y"}))
        settings = {"date_format": "%d/%m/%y", "date_formats": {"birth_date": UK}}
        tables = Tables(people=[{"dob": "03/11/2004"}], work=[{"began": "03/06/25", "seen": None}], settings=settings)
        (held,) = ask(make_sqlite(tables), UNNUMBERED)[1]
        assert held.since == date(2025, 6, 3)

    @pytest.mark.holds("A74")
    @pytest.mark.parametrize("held", ["2054-11-03", "0000-00-00", "31/02/2004", "unknown"])
    def test_a_birth_date_that_cannot_be_one_is_counted_and_leaves_a_doubt(self, make: Make, held: str) -> None:
        source = make(Tables(people=[{"dob": held, "pcode": None}]))
        assert ask(source, UNNUMBERED)[0] == "review"
        assert source.quarantined
        other = Subject(family_name="Quillfeather", given_names="Odile", birth_date=UNNUMBERED.birth_date)
        assert ask(source, other)[0] == "none"

    @pytest.mark.parametrize(
        ("asked", "held"),
        [
            ("Quillfeather", "QUILLFEATHER"),
            ("Quillfeather", "QuillFeather   "),
            ("O'Hara", "O\u2019HARA"),
            ("O'Hara", "OHara"),
            ("Bront\u00eb", "BRONT\u00cb"),
            ("Smith-Lowe", "SMITH LOWE"),
            ("Smith-Lowe", "Smith\u2013Lowe"),
            ("O'Hara-Lowe", "O`Hara Lowe"),
            ("O\u2019Hara-Lowe", "OHARALOWE"),
        ],
    )
    def test_a_record_without_a_birth_date_is_found_by_its_names(self, make: Make, asked: str, held: str) -> None:
        source = make(Tables(people=[{"dob": None, "surname": held, "forenames": "ROWAN"}]))
        assert ask(source, replace(UNNUMBERED, family_name=asked))[0] == "review"

    def test_an_accent_in_a_given_name_hides_no_record_without_a_birth_date(self, make: Make) -> None:
        source = make(Tables(people=[{"dob": None, "forenames": "R\u00f3wan"}]))
        assert ask(source, UNNUMBERED)[0] == "review"


class TestCrowdedBirthDates:
    CROWD = tuple({"no": number, "surname": f"Family{number}"} for number in range(1000, 1002 + MAX_CANDIDATES))

    def test_an_identifier_is_found_however_many_share_the_day(self, make: Make) -> None:
        assert ask(make(Tables(people=[{"nhs": NHS_NUMBER}, *self.CROWD])), ROWAN)[0] == "unique"

    def test_names_and_postcode_narrow_the_day(self, make: Make) -> None:
        crowd = [{**each, "forenames": "Isolde", "pcode": None} for each in self.CROWD]
        assert ask(make(Tables(people=[{}, *crowd])), UNNUMBERED)[0] == "unique"
        moved = replace(UNNUMBERED, family_name="Larkspur", given_names="Odette")
        assert [each.ref for each in make(Tables(people=[{}, *crowd])).find(moved, deadline=Deadline.after(20))] == [
            "number:7"
        ]

    def test_accents_and_apostrophes_do_not_hide_anyone_in_the_crowd(self, make: Make) -> None:
        crowd = [{**each, "forenames": "Isolde", "pcode": None} for each in self.CROWD]
        source = make(Tables(people=[{"surname": "O\u2019Brien", "forenames": "Zoe"}, *crowd]))
        asked = replace(UNNUMBERED, family_name="O'Brien", given_names="Zo\u00eb", address=None)
        assert "number:7" in [each.ref for each in source.find(asked, deadline=Deadline.after(20))]

    def test_a_day_alone_tells_nothing_of_a_person_whose_number_is_not_there(self, make: Make) -> None:
        asked = Subject(nhs_number=NHS_NUMBER, birth_date=ROWAN.birth_date)
        assert make(Tables(people=self.CROWD)).find(asked, deadline=Deadline.after(20)) == ()

    def test_what_is_still_too_many_is_told_for_what_it_is(self, make: Make) -> None:
        crowd = [{**each, "surname": "Quillfeather"} for each in self.CROWD]
        with pytest.raises(SourceNonsense, match="share this birth date"):
            make(Tables(people=crowd)).find(UNNUMBERED, deadline=Deadline.after(20))

    def test_an_identifier_that_stands_for_none_is_told_for_what_it_is(self, make: Make) -> None:
        crowd = [{**each, "nhs": "9434765919"} for each in self.CROWD]
        with pytest.raises(SourceNonsense, match="leave unknown identifiers empty"):
            make(Tables(people=crowd)).find(ROWAN, deadline=Deadline.after(20))


class TestNames:
    @pytest.mark.parametrize(
        ("held", "order"),
        [
            ("Quillfeather, Rowan", "given-first"),
            ("QUILLFEATHER Rowan", "family-first"),
            ("Miss Rowan Quillfeather", "given-first"),
            ("Rowan Quillfeather (known as Ro)", "given-first"),
        ],
    )
    def test_a_whole_name_in_one_column(self, make: Make, held: str, order: str) -> None:
        persons = {"family_name": None, "given_names": None, "full_name": "surname", "full_name_order": order}
        assert ask(make(Tables(people=[{"surname": held}], persons=persons)), UNNUMBERED)[0] == "unique"
        undated = [{"surname": held, "dob": None}]
        assert ask(make(Tables(people=undated, persons=persons)), UNNUMBERED)[0] == "review"

    @pytest.mark.parametrize(
        "odd",
        [
            {"full_name": "surname"},
            {"full_name": "surname", "full_name_order": "given-first"},
            {"family_name": None, "given_names": None, "full_name_order": "given-first"},
        ],
    )
    def test_a_whole_name_says_its_order_and_stands_alone(self, make_sqlite: Make, odd: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match="full_name"):
            make_sqlite(Tables(persons=odd))

    def test_tables_and_columns_have_names_with_spaces_and_signs(
        self, context: AdapterContext, postgres_url: str
    ) -> None:
        made = (
            'CREATE TABLE "Clients (all).v2" ("Client #" INTEGER, "Surname" TEXT, "First name" TEXT, "D.O.B." TEXT,'
            ' "Größe" TEXT)'
        )
        persons = {
            "table": '"Clients (all).v2"', "ref": "Client #", "nhs_number": None, "family_name": "Surname",
            "given_names": "First name", "birth_date": "D.O.B.", "postcode": "Größe",
        }  # fmt: skip
        tables = Tables(persons=persons)
        sqlite_source = in_sqlite(tables, context)
        row = (7, "Quillfeather", "Rowan", "2004-11-03", "YO7 1AB")
        with sqlite.connect(f"{context.base_dir}/case.db") as connection:
            connection.execute(made)
            connection.execute('INSERT INTO "Clients (all).v2" VALUES (?, ?, ?, ?, ?)', row)
        connection.close()
        assert ask(sqlite_source, UNNUMBERED)[0] == "unique"
        in_schema = {**persons, "table": 'held."Clients (all).v2"'}
        source = in_postgres(Tables(persons=in_schema), context, postgres_url)
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as server:
            server.execute(made.replace('TABLE "', 'TABLE held."'))
            server.execute('INSERT INTO held."Clients (all).v2" VALUES (%s, %s, %s, %s, %s)', row)
        assert ask(source, UNNUMBERED)[0] == "unique"


class TestIndexes:
    """Each search is served by the index that the check names, in a table of any size."""

    def made(self, make: Make) -> tuple[SqlSource, list[str]]:
        people: list[dict[str, object]] = [
            {"no": number, "dob": f"19{number % 90 + 10}-01-01"} for number in range(600)
        ]
        source = make(Tables(columns={"work.no": "TEXT"}, people=[{"nhs": NHS_NUMBER}, *people]))
        (line,) = [each for each in source.checks[0](deadline=Deadline.after(20)) if each.name == "indexes"]
        return source, line.detail.removeprefix("Each search needs an index: ").removesuffix(".").split("; ")

    def asked(self, source: SqlSource) -> list[tuple[str, list[object]]]:
        """Return the statement of each search."""
        search, spied = source._search, Spy(source._persons.database)
        source._persons.database = spied
        for ask_for in (search.by_identifier, search.by_birth_date, search.by_name):
            ask_for(ROWAN, deadline=Deadline.after(20))
        source._involvements.database = spied
        for key in ("number:7", "text:T7", "text:6f9619ff-8b86-d011-b42d-00c04fc964ff"):
            source.involvement_rows(key, deadline=Deadline.after(20))
        return spied.statements

    def test_in_sqlite(self, make_sqlite: Make, context: AdapterContext) -> None:
        source, indexes = self.made(make_sqlite)
        statements = self.asked(source)
        with closing(sqlite.connect(f"{context.base_dir}/case.db")) as connection:
            for index in indexes:
                connection.execute(index)
            for statement, values in statements:
                plan = str(connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall())
                assert "USING INDEX hearthgate_" in plan
                assert "SCAN" not in plan

    def test_in_postgresql(self, make_postgres: Make, postgres_url: str) -> None:
        source, indexes = self.made(make_postgres)
        statements = self.asked(source)
        plain = postgres_url.replace("+psycopg", "")
        with psycopg.connect(plain, autocommit=True, cursor_factory=psycopg.RawCursor) as connection:
            for index in indexes:
                connection.execute(index.encode())
            connection.execute("SET enable_seqscan = off")
            for statement, values in statements:
                plan = str(connection.execute(f"EXPLAIN {statement}".encode(), values).fetchall())
                assert "on hearthgate_" in plan or "using hearthgate_" in plan
                assert "Seq Scan" not in plan


class Spy:
    """A database that keeps the statements it is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements: list[tuple[str, list[object]]] = []
        self.place, self.quoted, self.terms = database.place, database.quoted, database.terms

    def ask(self, statement: str, parameters: Sequence[object], *, deadline: Deadline) -> QueryRows:
        self.statements.append((statement, list(parameters)))
        return self._database.ask(statement, parameters, deadline=deadline)
