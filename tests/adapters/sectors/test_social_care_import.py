"""A census and an allocation table become a case database, all or nothing, with every left-out row explained."""

import stat
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.contract import Adapter, Deadline, SourceMisconfigured, SourceNonsense, SourceUnavailable
from adapters.sectors.social_care import SocialCareSettings
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
        run_import(census(child("C2", case(), born="2010-01-01")), ["C2,Ash,Kit" + "," * 8])
        assert involvements(care_adapter, OCTAVIA, soon) == ()

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
        paths = {"census": tmp_path / "census.xml", "allocations": tmp_path / "table.csv"}
        assert import_census(settings, base_dir=tmp_path, now=NOW, **paths).children == 1
        (tmp_path / "table.csv").write_text("Ref,Surname\nC1,Chislett\n")
        with pytest.raises(SourceNonsense, match="lacks the columns Lead"):
            import_census(settings, base_dir=tmp_path, now=NOW, **paths)

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
            "allocations.csv, line 6: The row is not used: LastContact is not a date",
            "allocations.csv, line 8: The row has 2 fields where the header has 11.",
            "census.xml, line 3: The UPN fails its check letter",
            "census.xml, line 4: The child has an open case but no allocation",
            "census.xml, line 6: The local identifier is blank or stands in the census twice.",
            "census.xml, line 7: The case is closed before its referral",
        ):
            assert words in text
        assert len(report.notes) == 10
        for value in ("C1", "Octavia", "Ghost", "Flindall", "969129221", "Whitsun", "Nameless"):
            assert value not in text
        assert report.children == 2


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
