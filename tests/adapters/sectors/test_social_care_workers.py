"""A child's second worker is kept where the child's name is written otherwise, and another child's is set aside."""

from datetime import date

import pytest

from adapters.contract import Adapter, Deadline
from tests.support.cin_census import OCTAVIA, OCTAVIA_ROW, UPN, RunImport, case, census, child, involvements
from trust.exchange.person import Subject


class TestTheSecondWorker:
    @pytest.mark.parametrize(
        "row",
        [
            OCTAVIA_ROW.replace("Chislett", "CHISLETT"),
            OCTAVIA_ROW.replace("Chislett", "Chis-lett"),
            OCTAVIA_ROW.replace("Chislett", "Chislett-Ash"),
            OCTAVIA_ROW.replace("Octavia", "OCTAVIA  Rose"),
            OCTAVIA_ROW.replace("Octavia", "O"),
            OCTAVIA_ROW.replace("Octavia", ""),
            OCTAVIA_ROW.replace("9691292211", ""),
            OCTAVIA_ROW.replace("9691292211", "969 129 2211"),
        ],
    )
    def test_stays_where_the_same_name_is_written_otherwise_or_left_out(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, row: str
    ) -> None:
        report = run_import(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW, row.replace("Alex Patel", "Sam Okoro")])
        assert report.notes == ()
        assert {found.worker for found in involvements(care_adapter, OCTAVIA, soon)} == {"Alex Patel", "Sam Okoro"}

    @pytest.mark.parametrize(
        "row",
        [
            OCTAVIA_ROW.replace("Octavia", "Octavius"),
            OCTAVIA_ROW.replace("Chislett", "Ash"),
            OCTAVIA_ROW.replace("9691292211", "4010232137"),
        ],
    )
    def test_of_another_child_is_set_aside_and_said(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, row: str
    ) -> None:
        report = run_import(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW, row.replace("Alex Patel", "Sam Okoro")])
        assert [note.line for note in report.notes] == [3]
        assert [found.worker for found in involvements(care_adapter, OCTAVIA, soon)] == ["Alex Patel"]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("Müller,Robin", "Mueller,Robin"),
            ("Müller,Robin", "Muller,Robyn"),
            ("Mueller,Robin", "Müller,Robyn Jane"),
            ("Schröder,Jörg", "Schroeder,Joerg"),
            ("Sørensen,Søren", "Soerensen,Soeren"),
            ("Clarke,Stephen", "Klarke,Steven"),
            ("Phillips,Catherine", "Philips,Kathryn"),
            ("Rahman,Mohammed Ali", "Rahman,Muhammad Ali"),
            ("Smyth,Marc", "Smith,Mark"),
        ],
    )
    def test_stays_where_the_name_is_spelled_otherwise(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, first: str, second: str
    ) -> None:
        rows = [f"C1,{first},,,Alex Patel,,,,,", f"C1,{second},,,Sam Okoro,,,,,"]
        for given in (rows, list(reversed(rows))):
            report = run_import(census(child("C1", case(), upn=UPN)), given)
            assert report.notes == ()
            asked = Subject(upn=UPN, birth_date=date(2008, 9, 20))
            assert {found.worker for found in involvements(care_adapter, asked, soon)} == {"Alex Patel", "Sam Okoro"}

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("Ash,Zara", "Ash,Sara"),
            ("Ash,Frances", "Ash,Francis"),
            ("Ash,Martin", "Ash,Martine"),
            ("Ash,Jo", "Ash,Joel"),
            ("Ash,Jack", "Ash,John"),
            ("Rahman,Mohammed Ali", "Rahman,Muhammad Omar"),
            ("Ash,Twin 1", "Ash,Twin 2"),
            ("Müller,Robin", "Miller,Robin"),
        ],
    )
    def test_of_a_child_who_may_be_another_is_set_aside(self, run_import: RunImport, first: str, second: str) -> None:
        rows = [f"C1,{first},,,Alex Patel,,,,,", f"C1,{second},,,Sam Okoro,,,,,"]
        report = run_import(census(child("C1", case(), upn=UPN)), rows)
        assert [note.line for note in report.notes] == [3]

    @pytest.mark.parametrize(("first", "second"), [("Jo Müller", "Jo Mueller"), ("Robin Ash", "Robyn Ash")])
    def test_is_another_worker_although_the_names_are_nearly_one(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, first: str, second: str
    ) -> None:
        run_import(
            census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW.replace("Alex Patel", name) for name in (first, second)]
        )
        assert {found.worker for found in involvements(care_adapter, OCTAVIA, soon)} == {first, second}
