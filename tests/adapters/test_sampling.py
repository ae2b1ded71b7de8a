"""A source's own records are found again through its own search, or counted with the column and never the value."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.contract import (
    Adapter,
    AdapterContext,
    AdapterError,
    Candidate,
    CheckLine,
    Deadline,
    InvolvementRow,
    RecordSample,
    SampledSource,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.loading import build_adapter
from adapters.sampling import FEWEST_IN_INSTITUTION, MOST_RECORDS, check_sample, shared_addresses
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject

SETTINGS: dict[str, Any] = {
    "file": "homes.db",
    "persons": {
        "table": "tenants",
        "ref": "ref",
        "nhs_number": "nhs_no",
        "family_name": "surname",
        "given_names": "forenames",
        "birth_date": "dob",
        "postcode": "postcode",
    },
    "involvements": {"table": "tenancies", "ref": "ref", "worker": "officer", "since": "started", "ended": "closed"},
}
NUMBERS = ("9691292211", "9434765919")
Row = tuple[object, ...]
Build = Callable[[Iterable[Row], Iterable[Row]], SampledSource]


@pytest.fixture
def build(tmp_path: Path, context: AdapterContext) -> Build:
    def built(tenants: Iterable[Row], tenancies: Iterable[Row]) -> SampledSource:
        database = sqlite.connect(str(tmp_path / "homes.db"))
        database.execute("CREATE TABLE tenants (ref, nhs_no, surname, forenames, dob, postcode)")
        database.execute("CREATE TABLE tenancies (ref, officer, started, closed)")
        database.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?, ?, ?)", tenants)
        database.executemany("INSERT INTO tenancies VALUES (?, ?, ?, ?)", tenancies)
        database.commit()
        database.close()
        source = build_adapter("sql", SETTINGS, replace(context, base_dir=str(tmp_path))).sampled
        assert source is not None
        return source

    return built


def tenant(number: int, **changes: object) -> Row:
    row = {
        "ref": f"T{number}",
        "nhs_no": NUMBERS[number] if number < len(NUMBERS) else None,
        "surname": f"Wren{chr(97 + number % 26)}{chr(97 + number // 26)}",
        "forenames": "Ada",
        "dob": f"{1950 + number % 50}-03-{1 + number % 28:02}",
        "postcode": f"LS{1 + number % 9} {1 + number % 7}AB",
    }
    return tuple((row | changes).values())


def tenancy(number: int, *, started: object = "2024-01-01", closed: object = None) -> Row:
    return f"T{number}", "Femi Cole", started, closed


def named(lines: Sequence[CheckLine], name: str) -> CheckLine:
    (line,) = [line for line in lines if line.name == name]
    return line


def test_records_that_are_stored_as_they_are_searched_are_all_found_again(build: Build) -> None:
    lines = check_sample(build(map(tenant, range(30)), map(tenancy, range(30))))
    assert [line.name for line in lines if not line.ok or line.warning] == []
    assert "30 of them were looked for again" in named(lines, "sample").detail
    assert named(lines, "sample: current involvements").detail == "0 of 30 people have no current involvement."


def test_people_whose_key_no_involvement_has_are_counted(build: Build) -> None:
    lines = check_sample(build(map(tenant, range(5)), map(tenancy, range(1, 4))))
    assert named(lines, "sample: current involvements").detail.endswith("No row has the key of 2 of them.")


def test_what_cannot_be_looked_for_is_counted(build: Build) -> None:
    people = [tenant(0), tenant(1, nhs_no=None, dob=None), tenant(2, dob="not known")]
    lines = check_sample(build(people, map(tenancy, range(3))))
    assert named(lines, "sample: not searchable").detail.startswith("2 of 3 people have neither")


def test_identifiers_that_fail_their_check_are_counted(build: Build) -> None:
    people = [*(tenant(number, nhs_no=f"943476591{number}") for number in range(3)), tenant(3, nhs_no=NUMBERS[0])]
    line = named(check_sample(build(people, map(tenancy, range(4)))), "sample: nhs_number")
    assert (line.ok, line.detail.split(" by ")[0]) == (False, "3 of 4 values are no identifiers of this kind")


def test_a_few_of_them_are_a_warning(build: Build) -> None:
    people = [tenant(0), tenant(1), tenant(2, nhs_no="9434765911")]
    line = named(check_sample(build(people, [])), "sample: nhs_number")
    assert (line.ok, line.warning) == (True, True)


def test_ended_and_unreadable_involvements_are_counted_by_reason_and_column(build: Build) -> None:
    rows = [
        tenancy(0, closed="2020-01-01"),
        tenancy(1, closed="Whitsun"),
        tenancy(2, started="Whitsun"),
        tenancy(3, closed="9999-12-31"),
    ]
    lines = check_sample(build(map(tenant, range(5)), rows))
    line = named(lines, "sample: current involvements")
    assert line.detail.startswith("3 of 5 people have no current involvement. Rows that are not current: ")
    assert "1 it has ended" in line.detail
    assert {line.name for line in lines if "unreadable" in line.name} == {
        "sample: unreadable closed",
        "sample: unreadable started",
    }
    assert not any("Whitsun" in line.detail + line.remedy for line in lines)


def test_a_stand_in_for_no_date_is_a_warning_however_many_there_are(build: Build) -> None:
    lines = check_sample(build(map(tenant, range(3)), (tenancy(number, started="0000-00-00") for number in range(3))))
    line = named(lines, "sample: unreadable started")
    assert (line.ok, line.warning) == (True, True)


def test_involvements_under_other_keys_are_a_fault(build: Build) -> None:
    lines = check_sample(build(map(tenant, range(3)), [("K1", "Femi Cole", "2024-01-01", None)]))
    line = named(lines, "sample: current involvements")
    assert (line.ok, line.detail) == (False, "No involvement has the key of any of the 3 people.")


def test_no_current_involvement_at_all_is_a_warning(build: Build) -> None:
    lines = check_sample(build(map(tenant, range(3)), (tenancy(number, closed="2020-01-01") for number in range(3))))
    line = named(lines, "sample: current involvements")
    assert (line.ok, line.warning) == (True, True)


def test_a_person_under_two_keys_is_counted(build: Build) -> None:
    lines = check_sample(build([tenant(0), tenant(0, ref="T99"), tenant(1)], map(tenancy, range(2))))
    assert named(lines, "sample: several keys").detail == "2 of 3 people are like a record with another key."


def test_a_postcode_that_many_people_share_is_proposed_as_an_institutions(build: Build) -> None:
    crowd = [tenant(number, postcode="LS9 7TF") for number in range(40, 40 + FEWEST_IN_INSTITUTION)]
    source = build([*map(tenant, range(30)), *crowd], map(tenancy, range(60)))
    line = named(check_sample(source), "institutions")
    assert (line.ok, line.warning) == (True, True)
    assert "LS9 7TF (10 people)" in line.detail
    assert 'institutions = ["LS9 7TF"]' in line.remedy
    assert not [line for line in check_sample(source, institutions={"LS97TF"}) if line.name == "institutions"]


def test_an_address_must_stand_out_to_be_proposed() -> None:
    few = [("LS1 1AA", f"{number}") for number in range(FEWEST_IN_INSTITUTION - 1)]
    assert shared_addresses(few) == {}
    assert shared_addresses([*few, ("LS1 1AA", "0"), ("LS1 1AA", "0")]) == {}  # the same person's rows
    blocks = [(f"LS1 {place}AA", f"{place}-{number}") for place in range(5) for number in range(12)]
    assert shared_addresses(blocks) == {}  # a landlord's blocks of flats, each with as many people
    assert shared_addresses([*blocks, *(("LS2 2AA", f"x{number}") for number in range(100))]) == {"LS2 2AA": 100}
    assert shared_addresses([(None, "1")]) == {}


def test_an_empty_source_is_a_warning(build: Build) -> None:
    (line,) = [line for line in check_sample(build([], [])) if line.name == "sample"]
    assert (line.ok, line.warning) == (True, True)


@dataclass(slots=True)
class Odd:
    """A source whose search finds no record, or fails, and that counts its calls."""

    people: Sequence[Candidate] = ()
    fails: AdapterError | None = None
    calls: list[str] = field(default_factory=list)

    def sample(self, limit: int, *, deadline: Deadline) -> RecordSample:
        return RecordSample(records=self.people[:limit], rows=len(self.people), faults={})

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        self.calls.append("find")
        if self.fails is not None:
            raise self.fails
        return ()

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        raise AssertionError("only rows are read")

    def involvement_rows(self, ref: str, *, deadline: Deadline) -> Sequence[InvolvementRow]:
        self.calls.append(ref)
        return (InvolvementRow(involvement=Involvement(), current=True),)


PEOPLE = tuple(
    Candidate(ref=f"{number}", person=Subject(nhs_number=NUMBERS[0], family_name="Wren", upn="A1"))
    for number in range(MOST_RECORDS * 3)
)


def test_a_search_that_does_not_find_what_is_read_is_a_fault_that_names_the_field_and_no_value() -> None:
    lines = check_sample(Odd(people=PEOPLE[:3]))
    line = named(lines, "sample: not found again")
    assert (line.ok, line.detail) == (False, "Not found again: 3 of 3 by nhs_number, 3 of 3 by upn.")
    assert not any(NUMBERS[0] in line.detail + line.remedy for line in lines)


def test_the_sample_is_bounded_and_spread_and_says_how_far_it_is() -> None:
    source = Odd(people=PEOPLE)
    seen: list[tuple[int, int]] = []
    check_sample(source, progress=lambda done, every: seen.append((done, every)))
    tried = [int(call) for call in source.calls if call != "find"]
    assert len(tried) == MOST_RECORDS
    assert tried[0] < 3
    assert tried[-1] >= len(PEOPLE) - 4
    assert seen[-1] == (MOST_RECORDS, MOST_RECORDS)


def test_time_that_is_up_is_said() -> None:
    lines = check_sample(Odd(people=PEOPLE), budget_s=0.0)
    line = named(lines, "sample")
    assert (line.ok, line.warning) == (True, True)
    assert "The time was up" in line.remedy


def test_a_failure_of_one_record_is_counted_and_an_outage_ends_the_sample() -> None:
    crowded_day = Odd(people=PEOPLE[:4], fails=SourceNonsense("too many share it"))
    line = named(check_sample(crowded_day), "sample: failed")
    assert (line.ok, line.detail) == (False, "12 of 16 questions failed: too many share it")
    away = Odd(people=PEOPLE[:4], fails=SourceUnavailable("it is down"))
    assert not named(check_sample(away), "sample: failed").ok
    assert away.calls == ["find"]


def test_a_registry_or_a_service_of_others_is_never_sampled() -> None:
    assert Adapter(name="police-soap").sampled is None
