"""An open case of the census with a current allocation is an involvement; anything else is none."""

from datetime import date

import pytest
from pydantic import ValidationError

from adapters.contract import Adapter, Deadline
from adapters.matching.decide import MatchResult, match
from adapters.sectors.social_care import SocialCareSettings
from adapters.sectors.social_care_import import ImportReport
from tests.support.cin_census import OCTAVIA, OCTAVIA_ROW, UPN, RunImport, case, census, child, involvements
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject


class TestInvolvements:
    def test_dates_and_plans_of_one_file_meet_names_and_workers_of_the_other(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline
    ) -> None:
        plan = "<CINPlanDates><CINPlanStartDate>2024-03-01</CINPlanStartDate></CINPlanDates>"
        report = run_import(census(child("C1", case(plans=plan), upn=UPN)), [OCTAVIA_ROW])
        assert report == ImportReport(census_year=2022, children=1, open_cases=1, notes=())
        assert involvements(care_adapter, OCTAVIA, soon) == (
            Involvement(
                organisation="Riverbank Homes",
                service_type="housing",
                plan="child in need plan",
                role="Social worker",
                worker="Alex Patel",
                phone="01632 960 001",
                duty_phone="01632 960 002",
                since=date(2024, 2, 1),
                last_contact_month="2026-10",
            ),
        )

    @pytest.mark.parametrize(
        ("parts", "plan"),
        [
            ({}, None),
            (
                {
                    "plans": "<CINPlanDates><CINPlanStartDate>2024-02-02</CINPlanStartDate>"
                    "<CINPlanEndDate>2099-02-02</CINPlanEndDate></CINPlanDates>"
                },
                "child in need plan",
            ),
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
    def test_the_weightiest_open_plan_is_a_field_of_its_own_and_never_the_type_of_service(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, parts: dict[str, str], plan: str | None
    ) -> None:
        run_import(census(child("C1", case(**parts), upn=UPN)), [OCTAVIA_ROW])
        (found,) = involvements(care_adapter, OCTAVIA, soon)
        assert (found.plan, found.service_type) == (plan, "housing")

    @pytest.mark.parametrize(
        ("ahead", "row"),
        [
            ({"closed": "2099-06-01"}, OCTAVIA_ROW),
            ({}, OCTAVIA_ROW.replace(",,2026-10-31", ",2099-12-31,2026-10-31")),
            ({"closed": "9999-12-31"}, OCTAVIA_ROW.replace(",,2026-10-31", ",9999-12-31,2026-10-31")),
            ({}, OCTAVIA_ROW.replace(",,2026-10-31", ",0000-00-00,2026-10-31")),
            ({}, OCTAVIA_ROW.replace(",,2026-10-31", ",ongoing,2026-10-31")),
        ],
    )
    def test_an_end_that_lies_ahead_is_only_planned(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, ahead: dict[str, str], row: str
    ) -> None:
        assert run_import(census(child("C1", case(**ahead), upn=UPN)), [row]).open_cases == 1
        assert involvements(care_adapter, OCTAVIA, soon)

    @pytest.mark.parametrize(
        ("ended", "row"),
        [
            ({"closed": "2024-06-01"}, OCTAVIA_ROW),
            ({"nfa": "true"}, OCTAVIA_ROW),
            ({}, OCTAVIA_ROW.replace(",,2026-10-31", ",2026-09-01,2026-08-01")),
        ],
    )
    def test_a_closed_case_or_an_ended_allocation_is_no_involvement(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline, ended: dict[str, str], row: str
    ) -> None:
        report = run_import(census(child("C1", case(**ended), upn=UPN)), [row])
        assert report.children == 1
        assert involvements(care_adapter, OCTAVIA, soon) == ()

    def test_a_case_opened_again_counts_from_its_latest_referral(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline
    ) -> None:
        run_import(
            census(child("C1", case(closed="2024-06-01"), case(referred="2025-05-05"), upn=UPN)),
            [OCTAVIA_ROW, OCTAVIA_ROW.replace("Alex Patel", "Sam Okoro")],
        )
        found = involvements(care_adapter, OCTAVIA, soon)
        assert {(one.worker, one.since) for one in found} == {
            ("Alex Patel", date(2025, 5, 5)),
            ("Sam Okoro", date(2025, 5, 5)),
        }

    def test_a_team_without_a_named_worker_is_the_contact(
        self, run_import: RunImport, care_adapter: Adapter, soon: Deadline
    ) -> None:
        run_import(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW.replace("Alex Patel", "")])
        (found,) = involvements(care_adapter, OCTAVIA, soon)
        assert found.worker == "North"


class TestConfiguration:
    def test_all_faults_of_the_settings_are_reported_at_once(self) -> None:
        with pytest.raises(ValidationError) as refused:
            SocialCareSettings.model_validate(
                {"schemas": {"1066": "x.xsd"}, "allocation_columns": {"shoe_size": "x"}, "colour": "blue"}
            )
        places = {str(fault["loc"][0]) for fault in refused.value.errors()}
        assert places == {"database", "schemas", "allocation_columns", "colour"}

    def test_the_checks_tell_a_fresh_node_what_to_do_and_an_imported_one_how_old_its_data_are(
        self, care_adapter: Adapter, run_import: RunImport, soon: Deadline
    ) -> None:
        before = [line for check in care_adapter.checks for line in check(deadline=soon)]
        assert [line.name for line in before if not line.ok] == ["database", "import"]
        run_import(census(child("C1", case())), [OCTAVIA_ROW])
        after = [line for check in care_adapter.checks for line in check(deadline=soon)]
        assert all(line.ok for line in after)
        assert any("2026-11-23T09:00:00+00:00: 1 children, 0 notes" in line.detail for line in after)


def test_a_child_is_linked_by_nhs_number_or_upn_with_the_birth_date(
    run_import: RunImport, care_adapter: Adapter, soon: Deadline
) -> None:
    run_import(census(child("C1", case(), upn=UPN)), [OCTAVIA_ROW])
    assert care_adapter.involvement is not None
    for subject in (OCTAVIA, Subject(nhs_number="9691292211", birth_date=date(2008, 9, 20))):
        assert match(subject, care_adapter.involvement.find(subject, deadline=soon)).outcome is MatchResult.UNIQUE
