"""Involvements as real case systems hold them are read in either database; one bad value costs no other.

The cases were reported by people who run such systems; the records are invented.
"""

from datetime import date
from typing import Any
from uuid import UUID

import psycopg
import pysqlite3.dbapi2 as sqlite
import pytest
from pydantic import ValidationError

from adapters.contract import AdapterContext, Deadline, RecordUnreadable, SourceNonsense
from tests.support.case_tables import NHS_NUMBER, ROWAN, UNNUMBERED, Make, Tables, ask, in_postgres
from trust.exchange.person import Subject

GUID = UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")


class TestKeys:
    @pytest.mark.parametrize(
        ("person", "work"),
        [
            (("CHAR(8)", "T7      "), ("TEXT", "T7")),
            (("TEXT", "T7"), ("CHAR(12)", "T7          ")),
            (("TEXT", "T7   "), ("TEXT", " T7")),
            (("TEXT", "T7"), ("TEXT", "T7\r\n")),
            (("TEXT", "T7\u00a0"), ("TEXT", "T7\u00a0")),
            (("INTEGER", 7), ("VARCHAR(10)", "7")),
            (("VARCHAR(10)", "7"), ("INTEGER", 7)),
            (("NUMERIC(8,0)", 7), ("INTEGER", 7)),
            (("DOUBLE PRECISION", 7.0), ("TEXT", "7")),
            (("BIGINT", 7), ("NUMERIC(9,2)", 7)),
            (("NUMERIC(9,2)", 7), ("VARCHAR(10)", "7.00")),
            (("INTEGER", 7), ("VARCHAR(10)", " 7.00")),
            (("VARCHAR(10)", "7.00"), ("INTEGER", 7)),
            (("CHAR(80)", "T7".ljust(80)), ("TEXT", "T7".rjust(70))),
            (("TEXT", "T7".rjust(90)), ("VARCHAR(200)", "T7".ljust(200))),
            (("TEXT", "T7"), ("TEXT", "T7 \r\n")),
            (("TEXT", "T7"), ("TEXT", "T7\u00a0\u00a0")),
            (("TEXT", "T7"), ("TEXT", "\ufeff\tT7\u2003\u3000\u200b")),
            (("TEXT", "Ünï 7/b"), ("TEXT", "Ünï 7/b\u2007 ")),
            (("TEXT", "12345678901234567890123"), ("TEXT", "12345678901234567890123 ")),
        ],
    )
    def test_a_key_finds_itself_in_another_type(
        self, make: Make, person: tuple[str, object], work: tuple[str, object]
    ) -> None:
        tables = Tables(
            columns={"people.no": person[0], "work.no": work[0]}, people=[{"no": person[1]}], work=[{"no": work[1]}]
        )
        _, (held,) = ask(make(tables), UNNUMBERED)
        assert held.worker == "Nia Harding"

    @pytest.mark.parametrize(("one", "other"), [("7", "07"), ("7", "7.5"), ("T7", "t7"), ("7", "70")])
    def test_another_key_is_another_persons(self, make: Make, one: str, other: str) -> None:
        columns = {"people.no": "TEXT", "work.no": "TEXT"}
        tables = Tables(columns=columns, people=[{"no": one}], work=[{"no": other}])
        assert ask(make(tables), UNNUMBERED) == ("unique", ())

    def test_a_number_that_a_database_would_make_of_a_text_is_another_key(self, make_sqlite: Make) -> None:
        tables = Tables(columns={"people.no": "TEXT"}, people=[{"no": "07"}], work=[{"no": 7}])
        assert ask(make_sqlite(tables), UNNUMBERED) == ("unique", ())

    @pytest.mark.parametrize(
        ("person", "work"),
        [
            (b"T7", b"T7"), (b"T7", b"T7   \r\n"), (b"T7", b"   T7"), ("T7", b"T7 "), (b"T7 ", "T7"),
            (7, b"7"), (b"7", 7),
            ("\u00e97", b"\xe97"), (b"DOM\\101", b"DOM\\101 "), (GUID.bytes, GUID.bytes), (GUID.bytes, str(GUID)),
            (str(GUID), GUID.bytes), (GUID.hex.encode(), str(GUID).upper()), (b"\0\0\0\x07", b"\0\0\0\x07"),
            (b"\xff\xfe\0 A", b"\xff\xfe\0 A"),
        ],
    )  # fmt: skip
    def test_a_key_of_bytes(self, make: Make, person: object, work: object) -> None:
        kinds = {bytes: "BLOB", str: "TEXT", int: "INTEGER"}
        columns = {"people.no": kinds[type(person)], "work.no": kinds[type(work)]}
        rows: list[dict[str, object]] = [{"no": work}]
        for tables in (
            Tables(columns=columns, people=[{"no": person}], work=rows),
            Tables(columns={"work.no": columns["work.no"]}, people=[{"no": 8}], work=rows),
        ):
            source = make(tables)
            assert len(ask(source, UNNUMBERED)[1]) == (tables.people[0]["no"] == person)

    @pytest.mark.holds("A74")
    @pytest.mark.parametrize(("person", "work"), [("T7", b"T7\0\0"), (b"T7", b"T7\0")])
    def test_a_key_that_cannot_be_read_is_no_absence(self, make: Make, person: object, work: bytes) -> None:
        columns = {"people.no": "TEXT" if isinstance(person, str) else "BLOB", "work.no": "BLOB"}
        source = make(Tables(columns=columns, people=[{"no": person}], work=[{"no": work}]))
        with pytest.raises(RecordUnreadable, match="its key is a text that is padded with zero bytes"):
            ask(source, UNNUMBERED)

    def test_rows_under_every_spelling_are_found_together(self, make: Make) -> None:
        columns = {"people.no": "TEXT", "work.no": "TEXT"}
        texts = ["T7", "T7 ", "T7".rjust(60), "T7 \n", "T7\u00a0", "T7\u202f\t"]
        others = ["T77", "T 7", "t7", "XT7", "T7.0"]
        work = [{"no": no, "worker": f"Worker {place}"} for place, no in enumerate([*texts, *others])]
        held = ask(make(Tables(columns=columns, people=[{"no": "T7"}], work=work)), UNNUMBERED)[1]
        assert {each.worker for each in held} == {f"Worker {place}" for place in range(len(texts))}

    def test_a_number_is_another_than_the_text_with_decimals_beside_it(self, make: Make) -> None:
        columns = {"people.no": "TEXT", "work.no": "TEXT"}
        for one, other in (("7", "7.00"), ("7.00", "7")):
            source = make(Tables(columns=columns, people=[{"no": one}], work=[{"no": other}]))
            assert ask(source, UNNUMBERED) == ("unique", ())

    def test_a_key_under_a_collation_without_regular_expressions(self, make_postgres: Make, postgres_url: str) -> None:
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(
                "CREATE COLLATION IF NOT EXISTS any_case"
                " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
        kind = "text COLLATE any_case"
        work: list[dict[str, object]] = [{"no": "T7 "}, {"no": "t7", "worker": "Another's"}]
        source = make_postgres(Tables(columns={"people.no": kind, "work.no": kind}, people=[{"no": "T7"}], work=work))
        (held,) = ask(source, UNNUMBERED)[1]
        assert held.worker == "Nia Harding"

    def test_a_key_of_many_digits(self, make_postgres: Make, make_sqlite: Make) -> None:
        key = 12345678901234567890
        columns = {"people.no": "numeric(30,2)", "work.no": "numeric(25)"}
        assert len(ask(make_postgres(Tables(columns=columns, people=[{"no": key}], work=[{"no": key}])), UNNUMBERED)[1])
        columns = {"people.no": "", "work.no": ""}
        tables = Tables(columns=columns, people=[{"no": 2**63 - 1}], work=[{"no": 2**63 - 1}])
        assert len(ask(make_sqlite(tables), UNNUMBERED)[1]) == 1
        tables = Tables(columns=columns, people=[{"no": 1e20}], work=[{"no": "100000000000000000000"}])
        assert len(ask(make_sqlite(tables), UNNUMBERED)[1]) == 1

    @pytest.mark.parametrize("other", ["date", "timestamp", "text"])
    def test_a_key_with_a_day_in_it(self, make_postgres: Make, other: str) -> None:
        columns = {"people.dob": "timestamp", "work.began": other}
        people: list[dict[str, object]] = [{"dob": "2004-11-03 00:00"}]
        rows = [{"began": "2004-11-03", "worker": "Hers"}, {"began": "2004-11-04", "worker": "Another's"}]
        tables = Tables(
            columns=columns,
            people=people,
            work=rows,
            persons={"ref": ["no", "dob"]},
            involvements={"ref": ["no", "began"], "since": None},
        )
        (held,) = ask(make_postgres(tables), UNNUMBERED)[1]
        assert held.worker == "Hers"

    def test_a_key_has_several_columns(self, make: Make) -> None:
        tables = Tables(
            columns={"work.seen": "TEXT"},
            people=[{"pcode": "North"}],
            work=[{"seen": "North", "worker": "Hers"}, {"seen": "South", "worker": "Another's"}],
            persons={"ref": ["no", "pcode"], "postcode": None},
            involvements={"ref": ["no", "seen"], "last_contact": None},
        )
        source = make(tables)
        (found,) = source.find(UNNUMBERED, deadline=Deadline.after(20))
        (held,) = source.involvements(found.ref, deadline=Deadline.after(20))
        assert held.worker == "Hers"

    @pytest.mark.parametrize(
        "held",
        [str(GUID), str(GUID).upper(), GUID.hex, GUID.hex.upper(), f"{{{GUID}}}", f"{{{GUID.hex}}} ", "  " + str(GUID)],
    )
    def test_a_uuid_is_the_same_key_in_each_of_its_forms(self, make: Make, held: str) -> None:
        columns = {"people.no": "TEXT", "work.no": "TEXT"}
        for one, other in ((str(GUID), held), (held, str(GUID)), (held, GUID.hex[:8].upper() + str(GUID)[8:])):
            tables = Tables(columns=columns, people=[{"no": one}], work=[{"no": other}])
            assert len(ask(make(tables), UNNUMBERED)[1]) == 1

    @pytest.mark.parametrize(
        "held", [str(GUID), GUID.hex, GUID.hex.upper(), f"{{{GUID}}}", GUID.bytes, GUID.hex.encode()]
    )
    def test_a_column_of_uuids(self, make_postgres: Make, held: object) -> None:
        other = "bytea" if isinstance(held, bytes) else "text"
        for one, two in (("people.no", "work.no"), ("work.no", "people.no")):
            people: list[dict[str, object]] = [{"no": str(GUID) if one == "people.no" else held}]
            rows: list[dict[str, object]] = [{"no": str(GUID) if one == "work.no" else held}]
            tables = Tables(columns={one: "uuid", two: other}, people=people, work=rows)
            assert len(ask(make_postgres(tables), UNNUMBERED)[1]) == 1

    @pytest.mark.holds("A74")
    def test_a_record_without_a_key_is_left_to_a_human(self, make: Make) -> None:
        assert ask(make(Tables(people=[{"no": None}])), UNNUMBERED)[0] == "review"


class TestEnds:
    @pytest.mark.parametrize("held", ["", " ", "9999-12-31", "0000-00-00", "9999", "1899-12-30", "2999-01-01 00:00:00"])
    def test_an_end_that_is_none_ends_nothing(self, make: Make, held: str) -> None:
        assert len(ask(make(Tables(work=[{"ended": held}])), UNNUMBERED)[1]) == 1

    @pytest.mark.parametrize("held", ["infinity", "9999-12-31", "1900-01-01", "10000-01-01"])
    def test_an_end_that_is_none_in_a_column_of_dates(self, make_postgres: Make, held: str) -> None:
        tables = Tables(columns={"work.ended": "date"}, work=[{"ended": held}])
        assert len(ask(make_postgres(tables), UNNUMBERED)[1]) == 1

    def test_an_end_that_has_come_ends(self, make: Make) -> None:
        source = make(Tables(work=[{"ended": "2016-01-01"}]))
        assert ask(source, UNNUMBERED) == ("unique", ())
        (row,) = source.involvement_rows("number:7", deadline=Deadline.after(20))
        assert (row.current, row.why_not) == (False, "it has ended")

    @pytest.mark.holds("A74")
    def test_an_end_that_cannot_be_read_is_a_doubt_where_nothing_else_is_current(self, make: Make) -> None:
        unsure = {"ended": "when she left"}
        source = make(Tables(work=[unsure, {"ended": "2016-01-01"}]))
        with pytest.raises(RecordUnreadable, match="ended is not a date"):
            ask(source, UNNUMBERED)
        assert len(ask(make(Tables(work=[unsure, {}])), UNNUMBERED)[1]) == 1

    @pytest.mark.parametrize("lists", [{"current_statuses": ["Open", "on hold"]}, {"ended_statuses": ["CLOSED "]}])
    def test_a_status_says_what_is_current(self, make: Make, lists: dict[str, list[str]]) -> None:
        rows = [{"seen": "ON  HOLD", "worker": "Hers"}, {"seen": "Closed", "worker": "Gone"}]
        tables = Tables(work=rows, involvements={"last_contact": None, "status": "seen", **lists})
        (held,) = ask(make(tables), UNNUMBERED)[1]
        assert held.worker == "Hers"

    @pytest.mark.parametrize(
        "odd", [{"status": "seen"}, {"current_statuses": ["x"]},
                {"status": "seen", "current_statuses": ["x"], "ended_statuses": ["y"]}],
    )  # fmt: skip
    def test_a_status_goes_with_one_list(self, make_sqlite: Make, odd: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match="status goes with either"):
            make_sqlite(Tables(involvements=odd))


class TestOneBadValue:
    def test_a_name_in_another_encoding_costs_no_other_record(self, make_sqlite: Make, context: AdapterContext) -> None:
        source = make_sqlite(Tables(people=[{}, {"no": 8, "surname": "Lowe"}]))
        connection = sqlite.connect(f"{context.base_dir}/case.db")
        connection.execute("UPDATE people SET forenames = CAST(x'5A6FEB' AS TEXT) WHERE no = 8")
        connection.commit()
        assert ask(source, UNNUMBERED)[0] == "unique"
        zoe = Subject(family_name="Lowe", given_names="Zoë", birth_date=UNNUMBERED.birth_date, address=ROWAN.address)
        assert ask(source, zoe)[0] == "unique"
        connection.execute("UPDATE people SET forenames = CAST(x'5A6F81' AS TEXT) WHERE no = 8")
        connection.commit()
        assert ask(source, UNNUMBERED)[0] == "unique"
        assert ask(source, zoe)[0] == "review"
        (fault,) = source.sample(10, deadline=Deadline.after(20)).faults
        assert (fault.column, fault.cause) == ("forenames", "is neither UTF-8 nor Windows-1252")

    @pytest.mark.parametrize("held", ["infinity", "-infinity", "10000-01-01", "0044-03-15 BC"])
    def test_a_date_out_of_range_costs_only_itself(self, make_postgres: Make, held: str) -> None:
        for kind in ("date", "timestamp", "timestamptz"):
            columns = {"people.dob": kind, "work.began": kind}
            people: list[dict[str, object]] = [
                {"nhs": NHS_NUMBER},
                {"no": 8, "nhs": NHS_NUMBER, "dob": held, "forenames": "Odile"},
            ]
            source = make_postgres(Tables(columns=columns, people=people, work=[{"began": held}, {"no": 8}]))
            (row,) = source.involvement_rows("number:7", deadline=Deadline.after(20))
            assert row.involvement is not None
            assert (row.involvement.worker, row.involvement.since) == ("Nia Harding", None)
            assert [(fault.column, fault.cause) for fault in row.faults] == [("began", "is a date out of range")]
            assert ask(source, UNNUMBERED)[0] == "unique"

    @pytest.mark.parametrize("column", ["began", "seen"])
    @pytest.mark.parametrize("held", ["0000-00-00", "soon", "9999-12-31"])
    def test_an_optional_date_costs_no_worker(self, make: Make, column: str, held: str) -> None:
        source = make(Tables(work=[{"worker": "Ben Oke", column: held}, {}]))
        assert {each.worker for each in ask(source, UNNUMBERED)[1]} == {"Ben Oke", "Nia Harding"}

    def test_the_day_of_a_moment_with_a_zone_is_londons(self, make_postgres: Make) -> None:
        columns = {"work.began": "timestamptz", "work.seen": "timestamptz"}
        rows = [{"began": "2025-06-01 00:00+01", "seen": "2026-06-01 00:00+01"}]
        (held,) = ask(make_postgres(Tables(columns=columns, work=rows)), UNNUMBERED)[1]
        assert (held.since, held.last_contact_month) == (date(2025, 6, 1), "2026-06")

    def test_a_value_that_a_view_cannot_convert_is_told_for_what_it_is(self, make_postgres: Make) -> None:
        query = "SELECT no, nhs, surname, forenames, pcode, dob::date AS dob FROM held.people"
        tables = Tables(people=[{"dob": "31/31/2004"}], persons={"table": None, "query": query})
        with pytest.raises(SourceNonsense, match="cannot convert") as refused:
            ask(make_postgres(tables), ROWAN)
        assert "2004" not in refused.value.detail

    def test_a_database_without_an_encoding_is_read(self, context: AdapterContext, postgres_url: str) -> None:
        plain = postgres_url.replace("+psycopg", "")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS bytes")
            connection.execute("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        try:
            source = in_postgres(
                Tables(people=[{"nhs": "943 476 5919"}]), context, postgres_url.replace("/postgres?", "/bytes?")
            )
            outcome, held = ask(source, ROWAN)
            assert (outcome, [each.worker for each in held]) == ("unique", ["Nia Harding"])
        finally:
            with psycopg.connect(plain, autocommit=True) as connection:
                connection.execute("DROP DATABASE bytes WITH (FORCE)")
