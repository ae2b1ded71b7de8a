"""The databases and files of the demo's case systems, read by the adapters by configuration alone."""

import csv
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from lxml import etree

from adapters.contract import AdapterContext, Deadline
from adapters.sources.sql import FACTORY, SqlSettings
from gateway.demo.case_systems import social_care_files, sql_systems
from gateway.demo.case_systems.records import CaseService
from tests.support.http import TestCaller
from tests.support.people import DANIEL, GRACE, involvement
from trust.exchange.person import Subject

SYSTEMS = sorted(sql_systems.DESIGNS)


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> CaseService:
    chosen: CaseService = request.param
    return chosen


def context(folder: Path) -> AdapterContext:
    return AdapterContext(
        organisation="An agency",
        service="a-service",
        service_kind="kind",
        duty_phone="0800 555 0199",
        base_dir=str(folder),
        http=TestCaller(ca=folder),
    )


def test_every_sql_case_system_is_read_by_configuration_alone(system: CaseService, tmp_path: Path) -> None:
    path = tmp_path / "case.db"
    records = [
        involvement(system, local_id="A-1", worker="Priya Nair"),
        involvement(system, local_id="A-1", worker="Left Long Ago", ended=date(2025, 3, 1)),
        involvement(system, GRACE, local_id="A-2", worker="Sam Reyes", last_contact=None),
        involvement(CaseService.POLICE, local_id="A-1", worker="Of Another Service"),
    ]
    sql_systems.create(system, path, records)
    settings = SqlSettings.model_validate(sql_systems.adapter_settings(system, path))
    adapter = FACTORY.build(settings, context(tmp_path))
    source = adapter.involvement
    assert source is not None

    (found,) = source.find(Subject(family_name="Hartley", birth_date=DANIEL.birth_date), deadline=Deadline.after(5))
    assert found.person.family_name is not None
    assert found.person.family_name.lower() == "hartley"
    assert found.person.birth_date == DANIEL.birth_date
    assert found.person.address is not None
    assert found.person.address.postcode == DANIEL.postcode
    (work,) = source.involvements(found.ref, deadline=Deadline.after(5))
    assert (work.worker, work.role, work.phone) == ("Priya Nair", "Key worker", "01609 555 0101")
    assert (work.since, work.last_contact_month) == (date(2025, 2, 3), "2026-06")
    assert (work.organisation, work.service_type, work.duty_phone) == ("An agency", "kind", "0800 555 0199")

    (other,) = source.find(Subject(birth_date=GRACE.birth_date), deadline=Deadline.after(5))
    (work,) = source.involvements(other.ref, deadline=Deadline.after(5))
    assert (work.worker, work.last_contact_month) == (
        "Sam Reyes",
        "2025-02" if system is CaseService.YOUTH_JUSTICE else None,  # there, the first contact is the start itself
    )
    assert all(line.ok for check in adapter.checks for line in check(deadline=Deadline.after(5)))


def test_no_two_case_systems_have_the_same_tables() -> None:
    assert len({design.schema for design in sql_systems.DESIGNS.values()}) == len(SYSTEMS) == 7


def test_a_case_database_is_its_owners_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "case.db"
    sql_systems.create(CaseService.HOUSING, path, [])
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        sql_systems.create(CaseService.HOUSING, path, [])


class TestChildrensSocialCare:
    RECORDS = (
        involvement(CaseService.CHILDRENS_SOCIAL_CARE, local_id="C-1"),
        involvement(CaseService.CHILDRENS_SOCIAL_CARE, local_id="C-1", ended=date(2025, 9, 9)),
        involvement(CaseService.CHILDRENS_SOCIAL_CARE, GRACE, local_id="C-2", worker='Lee "Jo", Ng'),
        involvement(CaseService.HOUSING, local_id="H-1"),
    )

    @pytest.mark.parametrize("year", [2022, 2023, 2024])
    def test_the_census_fits_the_departments_schema(self, shared_data: Path, tmp_path: Path, year: int) -> None:
        census = tmp_path / "cin.xml"
        social_care_files.write_census(census, self.RECORDS, reference_date=date(2026, 3, 31))
        published = shared_data / "social-care-dfe" / "cin_census" / f"CIN_schema_{year}.xsd"
        etree.XMLSchema(etree.parse(str(published))).assertValid(etree.parse(str(census)))

    def test_the_census_has_no_names(self, tmp_path: Path) -> None:
        census = tmp_path / "cin.xml"
        social_care_files.write_census(census, self.RECORDS, reference_date=date(2026, 3, 31))
        text = census.read_text("utf-8")
        assert all(name not in text for name in ("Hartley", "Daniel", "Nair", "Grace"))
        assert text.count("<Child>") == 2
        assert text.count("<CINdetails>") == 3

    def test_the_allocation_table_has_names_and_workers_by_local_identifier(self, tmp_path: Path) -> None:
        table = tmp_path / "allocations.csv"
        social_care_files.write_allocations(table, self.RECORDS, duty_phone="01609 555 0190")
        rows = list(csv.DictReader(StringIO(table.read_text("utf-8"))))
        assert [row["LAchildID"] for row in rows] == ["C-1", "C-1", "C-2"]
        assert (rows[2]["WorkerName"], rows[2]["TeamDutyPhone"]) == ('Lee "Jo", Ng', "01609 555 0190")
        assert (rows[0]["AllocatedTo"], rows[1]["AllocatedTo"]) == ("", "2025-09-09")
