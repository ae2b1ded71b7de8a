"""A census and an allocation table become a case database, all or nothing, with every left-out row explained."""

import stat
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest
from pydantic import ValidationError

from adapters.contract import Adapter, AdapterContext, Deadline, SourceMisconfigured, SourceNonsense, SourceUnavailable
from adapters.matching.decide import MatchOutcome, match
from adapters.sectors.social_care import FACTORY, SocialCareSettings
from adapters.sectors.social_care_import import ImportReport, import_census
from adapters.sources.xml import load_schema, parse, validate
from adapters.sources.xml_file import XmlInvalid
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject, upn_ok

REDUCED = Path(__file__).parents[3] / "config" / "schemas" / "cin-census-reduced.xsd"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
UPN = next(upn for upn in (f"{letter}20126601400{end}" for letter in "ABCDE" for end in range(10)) if upn_ok(upn))
OCTAVIA = Subject(upn=UPN, family_name="Chislett", given_names="Octavia", birth_date=date(2008, 9, 20))

HEADER = (
    "LAchildID,FamilyName,GivenNames,NHSNumber,WorkerRole,WorkerName,WorkerPhone,"
    "Team,TeamDutyPhone,AllocatedTo,LastContact"
)
OCTAVIA_ROW = "C1,Chislett,Octavia,9691292211,Social worker,Alex Patel,01632 960 001,North,01632 960 002,,2026-10-31"


def child(local_id: str, *cases: str, upn: str = "", born: str = "2008-09-20") -> str:
    upn_element = f"<UPN>{upn}</UPN>" if upn else ""
    return (
        f"<Child><ChildIdentifiers><LAchildID>{local_id}</LAchildID>{upn_element}"
        f"<PersonBirthDate>{born}</PersonBirthDate><GenderCurrent>2</GenderCurrent></ChildIdentifiers>"
        f"<ChildCharacteristics><Ethnicity>NOBT</Ethnicity></ChildCharacteristics>{''.join(cases)}</Child>\n"
    )


def case(*, referred: str = "2024-02-01", closed: str = "", nfa: str = "false", plans: str = "", cpp: str = "") -> str:
    closing = f"<CINclosureDate>{closed}</CINclosureDate>" if closed else ""
    return (
        f"<CINdetails><CINreferralDate>{referred}</CINreferralDate><ReferralSource>1A</ReferralSource>"
        f"{closing}{plans}<ReferralNFA>{nfa}</ReferralNFA>{cpp}</CINdetails>"
    )


def census(*children: str, year: str = "2022") -> str:
    return (
        f"<Message><Header><CollectionDetails><Year>{year}</Year></CollectionDetails></Header>\n"
        f"<Children>\n{''.join(children)}</Children></Message>"
    )


@pytest.fixture
def settings() -> SocialCareSettings:
    return SocialCareSettings(database=Path("care.db"), schemas={2022: REDUCED})


@pytest.fixture
def adapter(settings: SocialCareSettings, context: AdapterContext) -> Adapter:
    return FACTORY.build(settings, context)


Run = Callable[[str, Sequence[str]], ImportReport]


@pytest.fixture
def run(tmp_path: Path, settings: SocialCareSettings) -> Run:
    def importing(xml: str, rows: Sequence[str]) -> ImportReport:
        (tmp_path / "census.xml").write_text(xml)
        (tmp_path / "allocations.csv").write_text("\n".join([HEADER, *rows]) + "\n")
        return import_census(
            settings,
            base_dir=tmp_path,
            census=tmp_path / "census.xml",
            allocations=tmp_path / "allocations.csv",
            now=NOW,
        )

    return importing


def involvements(adapter: Adapter, subject: Subject, deadline: Deadline) -> Sequence[Involvement]:
    assert adapter.involvement is not None
    found = match(subject, adapter.involvement.find(subject, deadline=deadline))
    return adapter.involvement.involvements(found.ref, deadline=deadline) if found.ref else ()


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
    def test_dates_and_plans_of_one_file_meet_names_and_workers_of_the_other(
        self, run: Run, adapter: Adapter, soon: Deadline
    ) -> None:
        plan = "<CINPlanDates><CINPlanStartDate>2024-03-01</CINPlanStartDate></CINPlanDates>"
        report = run(census(child("C1", case(plans=plan), upn=UPN)), [OCTAVIA_ROW])
        assert report == ImportReport(census_year=2022, children=1, open_cases=1, notes=())
        assert involvements(adapter, OCTAVIA, soon) == (
            Involvement(
                organisation="Riverbank Homes",
                service_type="child in need plan",
                role="Social worker",
                worker="Alex Patel",
                phone="01632 960 001",
                duty_phone="01632 960 002",
                since=date(2024, 2, 1),
                last_contact_month="2026-10",
            ),
        )

    @pytest.mark.parametrize(
        ("parts", "service_type"),
        [
            ({}, "referral"),
            (
                {
                    "plans": "<Assessments><AssessmentActualStartDate>2024-02-02"
                    "</AssessmentActualStartDate></Assessments>"
                },
                "assessment",
            ),
            (
                {
                    "plans": "<Section47><S47ActualStartDate>2024-02-02</S47ActualStartDate>"
                    "<ICPCnotRequired>false</ICPCnotRequired></Section47>"
                },
                "section 47 enquiry",
            ),
            (
                {
                    "plans": "<CINPlanDates><CINPlanStartDate>2024-02-02</CINPlanStartDate></CINPlanDates>",
                    "cpp": "<ChildProtectionPlans><CPPstartDate>2024-03-01</CPPstartDate>"
                    "<InitialCategoryOfAbuse>NEG</InitialCategoryOfAbuse>"
                    "<LatestCategoryOfAbuse>NEG</LatestCategoryOfAbuse>"
                    "<NumberOfPreviousCPP>1</NumberOfPreviousCPP></ChildProtectionPlans>",
                },
                "child protection plan",
            ),
        ],
    )
    def test_the_weightiest_open_plan_names_the_service(
        self, run: Run, adapter: Adapter, soon: Deadline, parts: dict[str, str], service_type: str
    ) -> None:
        run(census(child("C1", case(**parts), upn=UPN)), [OCTAVIA_ROW])
        (found,) = involvements(adapter, OCTAVIA, soon)
        assert found.service_type == service_type

    @pytest.mark.holds("S21")
    @pytest.mark.parametrize(
        ("ended", "row"),
        [
            ({"closed": "2024-06-01"}, OCTAVIA_ROW),
            ({"nfa": "true"}, OCTAVIA_ROW),
            ({}, OCTAVIA_ROW.replace(",,2026-10-31", ",2026-09-01,2026-08-01")),
        ],
    )
    def test_a_closed_case_or_an_ended_allocation_is_no_involvement(
        self, run: Run, adapter: Adapter, soon: Deadline, ended: dict[str, str], row: str
    ) -> None:
        report = run(census(child("C1", case(**ended), upn=UPN)), [row])
        assert report.children == 1
        assert involvements(adapter, OCTAVIA, soon) == ()

    def test_a_case_opened_again_counts_from_its_latest_referral(
        self, run: Run, adapter: Adapter, soon: Deadline
    ) -> None:
        run(
            census(child("C1", case(closed="2024-06-01"), case(referred="2025-05-05"), upn=UPN)),
            [OCTAVIA_ROW, OCTAVIA_ROW.replace("Alex Patel", "Sam Okoro")],
        )
        found = involvements(adapter, OCTAVIA, soon)
        assert {(one.worker, one.since) for one in found} == {
            ("Alex Patel", date(2025, 5, 5)),
            ("Sam Okoro", date(2025, 5, 5)),
        }

    def test_a_team_without_a_named_worker_is_whom_to_ring(self, run: Run, adapter: Adapter, soon: Deadline) -> None:
        run(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW.replace("Alex Patel", "")])
        (found,) = involvements(adapter, OCTAVIA, soon)
        assert found.worker == "North"

    def test_the_next_import_replaces_the_last(self, run: Run, adapter: Adapter, soon: Deadline) -> None:
        run(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW])
        assert involvements(adapter, OCTAVIA, soon)
        run(census(child("C2", case(), born="2010-01-01")), ["C2,Ash,Kit" + "," * 8])
        assert involvements(adapter, OCTAVIA, soon) == ()

    def test_the_database_is_its_owners_alone(self, run: Run, tmp_path: Path) -> None:
        run(census(child("C1", case())), [OCTAVIA_ROW])
        assert stat.S_IMODE((tmp_path / "care.db").stat().st_mode) == 0o600


class TestRowsThatAreLeftOut:
    def test_each_is_explained_by_file_and_line_and_repeats_no_value(self, run: Run) -> None:
        report = run(
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
    def _imported_before(self, run: Run) -> None:
        run(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW])

    def test_a_census_that_fails_its_schema_names_every_fault_and_changes_nothing(
        self, run: Run, adapter: Adapter, soon: Deadline
    ) -> None:
        broken = census(
            child("C1", case(referred="Octavia"), born="in May"), child("C2", "<Gossip/>"), child("", case())
        )
        with pytest.raises(XmlInvalid) as refused:
            run(broken, [OCTAVIA_ROW])
        assert [fault.split(" ")[1] for fault in refused.value.faults] == ["3:", "3:", "4:", "5:"]
        for fault in refused.value.faults:
            assert fault in refused.value.detail
        assert "Octavia" not in refused.value.detail
        assert "Gossip" not in refused.value.detail
        assert involvements(adapter, OCTAVIA, soon)

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
        self, run: Run, adapter: Adapter, soon: Deadline, xml: str, words: str
    ) -> None:
        with pytest.raises(SourceNonsense, match=words):
            run(xml, [OCTAVIA_ROW])
        assert involvements(adapter, OCTAVIA, soon)

    def test_a_locked_database_changes_nothing(
        self, run: Run, tmp_path: Path, adapter: Adapter, soon: Deadline, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = sqlite.connect(str(tmp_path / "care.db"), isolation_level=None)
        other.execute("CREATE TRIGGER full BEFORE INSERT ON allocation BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(SourceUnavailable, match="nothing was imported"):
            run(census(child("C2", case())), ["C2,Ash,Kit" + "," * 8])
        other.execute("DROP TRIGGER full")
        other.close()
        assert involvements(adapter, OCTAVIA, soon)

    def test_another_systems_database_is_left_alone(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "care.db").unlink()
        other = sqlite.connect(str(tmp_path / "care.db"), isolation_level=None)
        other.execute("CREATE TABLE child (precious TEXT)")
        other.close()
        with pytest.raises(SourceUnavailable, match="another system's database"):
            run(census(child("C1", case())), [OCTAVIA_ROW])


class TestConfiguration:
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

    def test_all_faults_of_the_settings_are_reported_at_once(self) -> None:
        with pytest.raises(ValidationError) as refused:
            SocialCareSettings.model_validate(
                {"schemas": {"1066": "x.xsd"}, "allocation_columns": {"shoe_size": "x"}, "colour": "blue"}
            )
        places = {str(fault["loc"][0]) for fault in refused.value.errors()}
        assert places == {"database", "schemas", "allocation_columns", "colour"}

    def test_a_missing_schema_is_a_configuration_fault(self, tmp_path: Path) -> None:
        settings = SocialCareSettings(database=Path("care.db"), schemas={2022: Path("gone.xsd")})
        (tmp_path / "census.xml").write_text(census(child("C1", case())))
        with pytest.raises(SourceMisconfigured, match=r"gone\.xsd cannot be opened"):
            import_census(
                settings, base_dir=tmp_path, census=tmp_path / "census.xml", allocations=tmp_path / "x.csv", now=NOW
            )

    def test_the_checks_tell_a_fresh_node_what_to_do_and_an_imported_one_how_old_its_data_are(
        self, adapter: Adapter, run: Run, soon: Deadline
    ) -> None:
        before = [line for check in adapter.checks for line in check(deadline=soon)]
        assert [line.name for line in before if not line.ok] == ["database", "import"]
        run(census(child("C1", case())), [OCTAVIA_ROW])
        after = [line for check in adapter.checks for line in check(deadline=soon)]
        assert all(line.ok for line in after)
        assert any("2026-11-23T09:00:00+00:00: 1 children, 0 notes" in line.detail for line in after)


def test_a_child_is_linked_by_nhs_number_or_upn_with_the_birth_date(run: Run, adapter: Adapter, soon: Deadline) -> None:
    run(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW])
    assert adapter.involvement is not None
    for subject in (OCTAVIA, Subject(nhs_number="9691292211", birth_date=date(2008, 9, 20))):
        assert match(subject, adapter.involvement.find(subject, deadline=soon)).outcome is MatchOutcome.UNIQUE
