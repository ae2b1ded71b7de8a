"""A census and an allocation table become a case database, all or nothing, with every left-out row explained."""

import stat
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.contract import Adapter, Deadline, SourceMisconfigured, SourceNonsense, SourceUnavailable
from adapters.matching.compare import Level, compare
from adapters.sectors.social_care import SocialCareSettings
from adapters.sectors.social_care_census import ELEMENTS
from adapters.sectors.social_care_import import ImportReport, import_census
from adapters.sources.xml import load_schema, parse, validate
from adapters.sources.xml_file import XmlInvalid
from tests.support.cin_census import (
    HEADER,
    NOW,
    OCTAVIA,
    OCTAVIA_ROW,
    REDUCED,
    UPN,
    RunImport,
    case,
    census,
    child,
    involvements,
)
from trust.exchange.person import Gender, Subject


class TestThePublishedSample:
    def test_it_passes_the_schema_of_its_year_and_fails_the_year_before(
        self, shared_data: Path, tmp_path: Path
    ) -> None:
        folder = shared_data / "social-care-dfe" / "cin_census"
        allocations = tmp_path / "allocations.csv"
        allocations.write_text(HEADER + "\nDfEX0000001,Ash,Kit" + "," * 8 + "\n")

        def importing(schema: str) -> ImportReport:
            return import_census(
                SocialCareSettings(database=Path("care.db"), schemas={2022: folder / schema}),
                base_dir=tmp_path,
                census=folder / "samples" / "cin-2022.xml",
                allocations=allocations,
                now=NOW,
            )

        with pytest.raises(XmlInvalid) as refused:
            importing("CIN_schema_2021.xsd")
        (fault,) = refused.value.faults
        assert fault.startswith("line 52: CINPlanDates does not belong here")
        assert "CIN_schema_2021.xsd" in refused.value.detail
        assert not (tmp_path / "care.db").exists()
        report = importing("CIN_schema_2022.xsd")
        assert (report.census_year, report.children, report.open_cases) == (2022, 1, 0)
        assert [note.what for note in report.notes] == ["The UPN fails its check letter, so it is not used."]

    @pytest.mark.parametrize("year", [2022, 2023, 2024])
    def test_it_passes_our_reduced_schema_as_it_passes_theirs(self, shared_data: Path, year: int) -> None:
        folder = shared_data / "social-care-dfe" / "cin_census"
        sample = parse((folder / "samples" / "cin-2022.xml").read_bytes(), max_bytes=100_000)
        assert validate(sample, load_schema(folder / f"CIN_schema_{year}.xsd")) == ()
        assert validate(sample, load_schema(REDUCED)) == ()


class TestImport:
    def test_the_next_import_replaces_the_last(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline
    ) -> None:
        run_import(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW])
        assert involvements(care_adapter, OCTAVIA, soon)
        second = "C2,Ash,Kit,,Social worker,Sam Okoro,,North,,,"
        run_import(census(child("C2", case(), born="2010-01-01")), [second])
        assert involvements(care_adapter, OCTAVIA, soon) == ()

    def test_a_restricted_address_is_not_even_kept(self, care_adapter: Adapter, tmp_path: Path, soon: Deadline) -> None:
        (tmp_path / "census.xml").write_text(census(child("C1", case(), upn=UPN)))
        rows = ["C1,Chislett,Octavia,Alex Patel,KT21 1JA,7,", "C1,Chislett,Octavia,Jo Bell,KT21 1JA,7,Y"]
        header = "LAchildID,FamilyName,GivenNames,WorkerName,Postcode,UPRN,AddressRestricted"
        (tmp_path / "allocations.csv").write_text("\n".join([header, *rows]))
        import_census(
            SocialCareSettings(database=Path("care.db"), schemas={2022: REDUCED}),
            base_dir=tmp_path,
            census=tmp_path / "census.xml",
            allocations=tmp_path / "allocations.csv",
            now=NOW,
        )
        assert care_adapter.involvement is not None
        (found,) = care_adapter.involvement.find(OCTAVIA, deadline=soon)
        assert found.person.address is None
        assert b"KT21" not in (tmp_path / "care.db").read_bytes()

    def test_a_database_of_an_earlier_layout_is_laid_out_again(
        self, run_import: RunImport, tmp_path: Path, care_adapter: Adapter, soon: Deadline
    ) -> None:
        run_import(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW])
        earlier = sqlite.connect(str(tmp_path / "care.db"), isolation_level=None)
        earlier.execute("ALTER TABLE episode RENAME COLUMN plan TO service_type")
        earlier.execute("PRAGMA user_version = 0")
        earlier.close()
        run_import(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW])
        assert involvements(care_adapter, OCTAVIA, soon)

    def test_an_nhs_number_that_a_spreadsheet_shortened_is_found(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline
    ) -> None:
        row = OCTAVIA_ROW.replace("9691292211", "105201006")
        run_import(census(child("C1", case(), upn=UPN)), [row])
        asked = Subject(nhs_number="0105201006", birth_date=date(2008, 9, 20))
        assert involvements(care_adapter, asked, soon)

    def test_rows_of_one_child_fill_each_others_blanks(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline
    ) -> None:
        bare = OCTAVIA_ROW.replace("9691292211", "").replace("Octavia", "")
        run_import(census(child("C1", case(), upn=UPN)), [bare, OCTAVIA_ROW.replace("Alex Patel", "Sam Okoro")])
        asked = Subject(nhs_number="9691292211", birth_date=date(2008, 9, 20))
        assert {found.worker for found in involvements(care_adapter, asked, soon)} == {"Alex Patel", "Sam Okoro"}

    @pytest.mark.parametrize("written", ["9.69129E+09", "9.7E9", "1E+10"])
    def test_numbers_that_a_spreadsheet_rounded_are_refused_and_the_last_import_kept(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, written: str
    ) -> None:
        run_import(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW])
        with pytest.raises(SourceNonsense, match="1 of the 1 numbers in NHSNumber are rounded"):
            run_import(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW.replace("9691292211", written)])
        assert involvements(care_adapter, OCTAVIA, soon)

    def test_the_database_is_its_owners_alone(self, run_import: RunImport, tmp_path: Path) -> None:
        run_import(census(child("C1", case())), [OCTAVIA_ROW])
        assert stat.S_IMODE((tmp_path / "care.db").stat().st_mode) == 0o600

    def test_the_allocation_tables_own_columns_can_be_named(self, tmp_path: Path) -> None:
        settings = SocialCareSettings.model_validate(
            {
                "database": "care.db",
                "schemas": {"2022": str(REDUCED)},
                "allocation_columns": {"la_child_id": "Ref", "family_name": "Surname", "worker": "Lead"},
            }
        )
        (tmp_path / "census.xml").write_text(census(child("C1", case())))
        (tmp_path / "table.csv").write_text("Ref,Surname,Lead\nC1,Chislett,Alex Patel\n")
        importing = partial(
            import_census,
            settings,
            base_dir=tmp_path,
            census=tmp_path / "census.xml",
            allocations=tmp_path / "table.csv",
            now=NOW,
        )
        assert importing().children == 1
        (tmp_path / "table.csv").write_text("Ref,Surname\nC1,Chislett\n")
        with pytest.raises(SourceNonsense, match="lacks the columns Lead"):
            importing()

    def test_a_missing_schema_is_a_configuration_fault(self, tmp_path: Path) -> None:
        settings = SocialCareSettings(database=Path("care.db"), schemas={2022: Path("gone.xsd")})
        (tmp_path / "census.xml").write_text(census(child("C1", case())))
        with pytest.raises(SourceMisconfigured, match=r"gone\.xsd cannot be opened"):
            import_census(
                settings, base_dir=tmp_path, census=tmp_path / "census.xml", allocations=tmp_path / "x.csv", now=NOW
            )


class TestRowsThatAreLeftOut:
    def test_each_is_explained_by_file_and_line_and_repeats_no_value(self, run_import: RunImport) -> None:
        report = run_import(
            census(
                child("C1", case(), upn="A201266014009"),
                child("NOROW", case()),
                child("CLOSED", case(closed="2024-06-01")),
                child("C1", case()),
                child("C4", case(referred="2024-02-01", closed="2023-01-01"), case()),
            ),
            [
                OCTAVIA_ROW.replace("9691292211", "9691292212"),
                OCTAVIA_ROW.replace("Octavia", "Imogen").replace("9691292211", ""),
                "GHOST,Ghostly,Gus" + "," * 8,
                ",Nameless,Ned" + "," * 8,
                "C4,Flindall,Red,,,,,,,,Whitsun",
                "C4,Flindall,Red" + "," * 8,
                "C4,Flindall",
            ],
        )
        text = "\n".join(str(note) for note in report.notes)
        for words in (
            "allocations.csv, line 2: The NHS number fails its check digit",
            "allocations.csv, line 3: Its name or NHS number is not that of line 2",
            "allocations.csv, line 4: The child is not in the census.",
            "allocations.csv, line 5: The row is not used: it lacks the local identifier",
            "allocations.csv, line 6: LastContact is not a date in the form %Y-%m-%d, so this date is not used.",
            "allocations.csv, line 8: The row has 2 fields where the header has 11.",
            "census.xml, line 3: The UPN fails its check letter",
            "census.xml, line 4: The child has an open case but no allocation",
            "census.xml, line 6: The local identifier is blank or stands in the census twice.",
            "census.xml, line 7: The case has no referral date, or is closed before it",
        ):
            assert words in text
        assert len(report.notes) == 10
        for value in ("C1", "Octavia", "Ghost", "Flindall", "969129221", "Whitsun", "Nameless"):
            assert value not in text
        assert report.children == 2


class TestLaterCensuses:
    """From 2024 to 2025 a child has a sex and no gender; in 2026 elements were added."""

    NEW = "<PreProceedingsandFGDM><DateOffered>2026-01-02</DateOffered>text<A><B/></A></PreProceedingsandFGDM>"

    @pytest.mark.parametrize(
        ("element", "asked", "level"),
        [
            ("<Sex>F</Sex>", Gender.FEMALE, Level.SAME),
            ("<Sex>F</Sex>", Gender.MALE, Level.DIFFERENT),
            ("<Sex>1</Sex>", Gender.MALE, Level.SAME),
            ("<Sex>U</Sex>", Gender.MALE, Level.UNKNOWN),
            ("<GenderCurrent>2</GenderCurrent><Sex>F</Sex>", Gender.FEMALE, Level.SAME),
            ("<GenderCurrent>2</GenderCurrent>", Gender.MALE, Level.DIFFERENT),
        ],
    )
    def test_sex_is_read_as_gender_was(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, element: str, asked: Gender, level: Level
    ) -> None:
        run_import(
            census(child("C1", case(), upn=UPN)).replace("<GenderCurrent>2</GenderCurrent>", element), [OCTAVIA_ROW]
        )
        assert care_adapter.involvement is not None
        (found,) = care_adapter.involvement.find(OCTAVIA, deadline=soon)
        assert compare(replace(OCTAVIA, gender=asked), found.person).gender is level

    @pytest.mark.parametrize(
        ("before", "after"),
        [("</CINdetails>", NEW + "</CINdetails>"), ("</CINdetails>", "</CINdetails>" + NEW)],
        ids=["in-the-case", "in-the-child"],
    )
    def test_an_element_of_2026_stands_in_the_way_of_nothing(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, before: str, after: str
    ) -> None:
        run_import(census(child("C1", case(), upn=UPN)).replace(before, after), [OCTAVIA_ROW])
        assert involvements(care_adapter, OCTAVIA, soon)

    def test_a_schema_of_another_year_names_the_element_that_it_lacks(self, tmp_path: Path, shared_data: Path) -> None:
        xml = census(child("C1", case(), upn=UPN)).replace("<GenderCurrent>2</GenderCurrent>", "<Sex>F</Sex>")
        schema = load_schema(shared_data / "social-care-dfe" / "cin_census" / "CIN_schema_2024.xsd")
        faults = validate(parse(xml.encode(), max_bytes=100_000), schema, vocabulary=ELEMENTS)
        assert [fault.element for fault in faults] == ["Sex"]

    def test_white_space_around_a_date_is_none_of_it(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline
    ) -> None:
        xml = census(child("C1", case(referred="\n 2024-02-01\t"), upn=UPN, born=" 2008-09-20 "), year="\n2022 ")
        run_import(xml, [OCTAVIA_ROW])
        (found,) = involvements(care_adapter, OCTAVIA, soon)
        assert found.since == date(2024, 2, 1)


class TestWhatASpreadsheetDoes:
    """Excel rewrites dates and identifiers when it saves a table; the import of before stays."""

    @pytest.fixture(autouse=True)
    def _imported_before(self, run_import: RunImport) -> None:
        run_import(census(child("001", case(), upn=UPN)), [OCTAVIA_ROW.replace("C1", "001")])

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ("001,Chislett,Octavia,,,Alex Patel,,,,,31/10/2026", "1 of the 1 dates in LastContact are written dd/mm"),
            ("001,Chislett,Octavia,,,Alex Patel,,,,31/10/2099,", "dates in AllocatedTo are written dd/mm/yyyy"),
            ("001,Chislett,Octavia,,,Alex Patel,,,,,1/2/26 00:00", "dates in LastContact are written dd/mm/yyyy"),
            ("001,Chislett,Octavia,,,Alex Patel,,,,,07-Oct-23", "dates in LastContact are not written YYYY-MM-DD"),
            ("001,Chislett,Octavia,,,Alex Patel,,,,45206,", "dates in AllocatedTo are not written YYYY-MM-DD"),
            ("1,Chislett,Octavia,,,Alex Patel,,,,,", "found only without the leading zeros of LAchildID"),
            ("1.2E+11,Chislett,Octavia,,,Alex Patel,,,,,", "written as a rounded number"),
            ("OTHER,Chislett,Octavia,,,Alex Patel,,,,,", "No child of the two files could be kept"),
            ("001,,Octavia,,,Alex Patel,,,,,", "1 rows: The row is not used: it lacks the local identifier or"),
        ],
    )
    def test_is_refused_with_what_to_do_and_the_good_data_kept(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, row: str, words: str
    ) -> None:
        with pytest.raises(SourceNonsense) as refused:
            run_import(census(child("001", case(), upn=UPN)), [row])
        assert words in refused.value.detail
        assert "Nothing was imported" in refused.value.detail
        assert "Chislett" not in refused.value.detail
        assert involvements(care_adapter, OCTAVIA, soon)

    def test_one_date_among_many_costs_itself_alone(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline
    ) -> None:
        rows = ["001,Chislett,Octavia,,,Alex Patel,,,,,31/10/2026", "001,Chislett,Octavia,,,Sam Okoro,,,,,2026-10-31"]
        report = run_import(census(child("001", case(), upn=UPN)), rows)
        assert ["as Excel saves dates" in note.what for note in report.notes] == [True]
        found = {one.worker: one.last_contact_month for one in involvements(care_adapter, OCTAVIA, soon)}
        assert found == {"Alex Patel": None, "Sam Okoro": "2026-10"}


class TestLessThanHalf:
    @pytest.fixture(autouse=True)
    def _four_children(self, run_import: RunImport) -> None:
        run_import(census(*(child(f"C{n}", case()) for n in range(4))), self.rows("CCCC"))

    @staticmethod
    def rows(kinds: str) -> list[str]:
        """Write a row for each child: of the census (C), of no census (X), or with a worker who left (L)."""
        return [
            f"{'X' if kind == 'X' else 'C'}{n},Ash,Kit,,,Sam Okoro,,,,{'2020-01-01' if kind == 'L' else ''},"
            for n, kind in enumerate(kinds)
        ]

    @pytest.mark.parametrize(("kinds", "what"), [("CXXX", "children"), ("CLLL", "an open case and a current worker")])
    def test_is_refused_unless_the_administrator_accepts_it(
        self, run_import: RunImport, tmp_path: Path, care_settings: SocialCareSettings, kinds: str, what: str
    ) -> None:
        four = census(*(child(f"C{n}", case()) for n in range(4)))
        with pytest.raises(SourceNonsense, match=f"would keep 1 children.*{what}|keep 1 {what}") as refused:
            run_import(four, self.rows(kinds))
        assert "import again with --accept-fewer" in refused.value.detail
        report = import_census(
            care_settings,
            base_dir=tmp_path,
            census=tmp_path / "census.xml",
            allocations=tmp_path / "allocations.csv",
            now=NOW,
            accept_fewer=True,
        )
        assert report.children == kinds.count("C") + kinds.count("L")

    def test_half_is_enough(self, run_import: RunImport) -> None:
        assert run_import(census(*(child(f"C{n}", case()) for n in range(4))), self.rows("CCXX")).children == 2


class TestAllOrNothing:
    @pytest.fixture(autouse=True)
    def _imported_before(self, run_import: RunImport) -> None:
        run_import(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW])

    def test_a_census_that_fails_its_schema_names_every_fault_and_changes_nothing(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline
    ) -> None:
        broken = census(
            child("C1", case(referred="Octavia"), born="in May"), child("C2", "<Gossip/>"), child("", case())
        )
        with pytest.raises(XmlInvalid) as refused:
            run_import(broken, [OCTAVIA_ROW])
        assert [fault.split(" ")[1] for fault in refused.value.faults] == ["3:", "3:", "4:", "5:"]
        for fault in refused.value.faults:
            assert fault in refused.value.detail
        assert "Octavia" not in refused.value.detail
        assert "Gossip" not in refused.value.detail
        assert involvements(care_adapter, OCTAVIA, soon)

    @pytest.mark.parametrize(
        ("xml", "words"),
        [
            (census(child("C2", case()), year="2031"), "is of 2031, and the settings have schemas for 2022 only"),
            (census(child("C2", case())).replace("<Year>2022</Year>", ""), "does not say its year"),
            ("<Message>", "not well-formed"),
            ("<!DOCTYPE Message><Message/>", "DOCTYPE"),
        ],
    )
    def test_any_other_document_is_refused_as_well(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, xml: str, words: str
    ) -> None:
        with pytest.raises(SourceNonsense, match=words):
            run_import(xml, [OCTAVIA_ROW])
        assert involvements(care_adapter, OCTAVIA, soon)

    def test_a_database_that_fails_half_way_changes_nothing(
        self,
        run_import: RunImport,
        tmp_path: Path,
        care_adapter: Adapter,
        soon: Deadline,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        other = sqlite.connect(str(tmp_path / "care.db"), isolation_level=None)
        other.execute("CREATE TRIGGER full BEFORE INSERT ON allocation BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(SourceUnavailable, match="nothing was imported"):
            run_import(census(child("C2", case())), ["C2,Ash,Kit" + "," * 8])
        other.execute("DROP TRIGGER full")
        other.close()
        assert involvements(care_adapter, OCTAVIA, soon)

    def test_another_systems_database_is_left_alone(self, run_import: RunImport, tmp_path: Path) -> None:
        (tmp_path / "care.db").unlink()
        other = sqlite.connect(str(tmp_path / "care.db"), isolation_level=None)
        other.execute("CREATE TABLE child (precious TEXT)")
        other.close()
        with pytest.raises(SourceUnavailable, match="another system's database"):
            run_import(census(child("C1", case())), [OCTAVIA_ROW])
