"""A JSON file is a case system by configuration; the Department for Education's custodian files are four of them."""

import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pytest
from pydantic import ValidationError

from adapters.contract import Adapter, AdapterContext, Deadline, SourceNonsense, SourceUnavailable
from adapters.matching.decide import MatchResult, match
from adapters.sources.json_file import FACTORY, MAX_FILE_BYTES, JsonFileSettings, JsonFileSource
from tests.support import custodians
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject

OCTAVIA = Subject(nhs_number="9691292211", family_name="Chislett", given_names="Octavia", birth_date=date(2008, 9, 20))


class Load(Protocol):
    """Load one custodian file as a service."""

    def __call__(self, name: str, *, verified: bool = False) -> JsonFileSource: ...


def build(context: AdapterContext, file: Path, **settings: object) -> JsonFileSource:
    return source(FACTORY.build(JsonFileSettings.model_validate(custodians.settings(file, **settings)), context))


def source(adapter: Adapter) -> JsonFileSource:
    assert isinstance(adapter.involvement, JsonFileSource)
    return adapter.involvement


@pytest.fixture
def custodian(shared_data: Path, context: AdapterContext) -> Load:
    def load(name: str, *, verified: bool = False) -> JsonFileSource:
        path = custodians.file(shared_data, name)
        return build(context, path, contacts=custodians.CONTACTS[name], identifiers_verified=verified)

    return load


class TestTheCustodianFiles:
    @pytest.mark.parametrize("name", custodians.CONTACTS)
    def test_the_person_is_found_in_all_four(self, custodian: Load, name: str, soon: Deadline) -> None:
        assert [found.ref for found in custodian(name).find(OCTAVIA, deadline=soon)] == ["text:9691292211"]

    @pytest.mark.parametrize("name", custodians.CONTACTS)
    def test_verified_identifiers_link_in_all_four(self, custodian: Load, name: str, soon: Deadline) -> None:
        found = match(OCTAVIA, custodian(name, verified=True).find(OCTAVIA, deadline=soon))
        assert found.outcome is MatchResult.UNIQUE

    @pytest.mark.parametrize("name", custodians.CONTACTS)
    def test_without_that_declaration_only_a_birth_date_links(self, custodian: Load, name: str, soon: Deadline) -> None:
        found = match(OCTAVIA, custodian(name).find(OCTAVIA, deadline=soon))
        without = name in custodians.WITHOUT_BIRTH_DATE
        assert found.outcome is (MatchResult.REVIEW if without else MatchResult.UNIQUE)

    @pytest.mark.parametrize("name", custodians.CONTACTS)
    def test_the_right_people_are_to_be_rung(self, custodian: Load, name: str, soon: Deadline) -> None:
        involvements = custodian(name).involvements("text:9691292211", deadline=soon)
        assert {(found.worker, found.phone) for found in involvements} == custodians.RIGHT_CONTACTS[name]

    def test_teams_dates_and_the_duty_line_of_the_local_authority(self, custodian: Load, soon: Deadline) -> None:
        first, second = custodian("local-authority-01").involvements("text:9691292211", deadline=soon)
        assert first == Involvement(
            organisation="Riverbank Homes",
            service_type="Disabled Children Team",
            role="Key worker",
            worker="Alex Patel",
            phone="01234 555 500",
            duty_phone="08792675387",
            since=date(2022, 10, 1),
            last_contact_month="2025-12",
        )
        assert second.service_type == "Neighbourhood Team"

    def test_several_records_are_one_person(self, custodian: Load, soon: Deadline) -> None:
        (found,) = custodian("local-authority-01").find(OCTAVIA, deadline=soon)
        assert (found.person.family_name, found.person.birth_date) == ("Chislett", date(2008, 9, 20))

    def test_another_person_in_the_files_keeps_his_own_contacts(self, custodian: Load, soon: Deadline) -> None:
        red = Subject(nhs_number="9449306494", birth_date=date(2011, 5, 17))
        assert match(red, custodian("local-authority-01").find(red, deadline=soon)).outcome is MatchResult.UNIQUE
        assert custodian("local-authority-01").involvements("text:9449306494", deadline=soon) == ()
        assert custodian("police-01").find(red, deadline=soon) == ()

    def test_the_declaration_is_shown_in_the_check(self, custodian: Load, soon: Deadline) -> None:
        for verified, words in ((True, "DECLARED VERIFIED"), (False, "Not declared verified")):
            (check,) = custodian("police-01", verified=verified).checks
            lines = check(deadline=soon)
            assert all(line.ok for line in lines)
            assert any(words in line.detail for line in lines)


def write(path: Path, *records: dict[str, object]) -> Path:
    path.write_text(json.dumps({"records": list(records)}))
    return path


RECORD: dict[str, object] = {"personId": "9691292211", "contactDetails": [{"name": "Team", "telephone": "1"}]}


class TestTheFile:
    def test_it_is_read_again_when_it_changes(self, tmp_path: Path, context: AdapterContext, soon: Deadline) -> None:
        path = write(tmp_path / "a.json", RECORD)
        found = build(context, path)
        assert found.find(OCTAVIA, deadline=soon)
        write(path, RECORD | {"personId": "9449306494"})
        os.utime(path, ns=(1, 1))
        assert found.find(OCTAVIA, deadline=soon) == ()

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
    def test_what_is_not_json_is_nonsense(
        self, tmp_path: Path, context: AdapterContext, soon: Deadline, content: bytes
    ) -> None:
        (tmp_path / "a.json").write_bytes(content)
        with pytest.raises(SourceNonsense, match="is not JSON"):
            build(context, tmp_path / "a.json").find(OCTAVIA, deadline=soon)

    def test_a_giant_is_not_read(self, tmp_path: Path, context: AdapterContext, soon: Deadline) -> None:
        with (tmp_path / "a.json").open("wb") as file:
            file.truncate(MAX_FILE_BYTES + 1)
        with pytest.raises(SourceNonsense, match="use a database"):
            build(context, tmp_path / "a.json").find(OCTAVIA, deadline=soon)

    def test_a_missing_file_is_unavailable(self, context: AdapterContext, soon: Deadline) -> None:
        found = build(context, Path("gone.json"))
        with pytest.raises(SourceUnavailable, match="No such file"):
            found.find(OCTAVIA, deadline=soon)
        (check,) = found.checks
        (line,) = check(deadline=soon)
        assert not line.ok

    def test_an_unreadable_record_is_left_out_and_counted(
        self, tmp_path: Path, context: AdapterContext, soon: Deadline
    ) -> None:
        broken = RECORD | {"personId": "9449306494", "payload": {"dateOfBirth": "Whitsun"}}
        found = build(context, write(tmp_path / "a.json", RECORD, broken, {"contactDetails": []}))
        assert len(found.find(OCTAVIA, deadline=soon)) == 1
        (check,) = found.checks
        assert [line.ok for line in check(deadline=soon)] == [True, False, True]

    def test_a_file_without_one_readable_key_is_nonsense(
        self, tmp_path: Path, context: AdapterContext, soon: Deadline
    ) -> None:
        path = write(tmp_path / "a.json", {"contactDetails": []}, {"personId": "  "})
        with pytest.raises(SourceNonsense, match="has a key at the path ref"):
            build(context, path).find(OCTAVIA, deadline=soon)

    def test_an_expired_deadline_ends_the_call(self, tmp_path: Path, context: AdapterContext) -> None:
        found = build(context, write(tmp_path / "a.json", RECORD))
        with pytest.raises(SourceUnavailable, match="in time"):
            found.find(OCTAVIA, deadline=Deadline.after(0))

    def test_a_birth_date_finds_as_well(self, tmp_path: Path, context: AdapterContext, soon: Deadline) -> None:
        path = write(tmp_path / "a.json", RECORD | {"payload": {"dateOfBirth": "2008-09-20"}})
        assert build(context, path).find(replace(OCTAVIA, nhs_number=None), deadline=soon)


def test_all_faults_of_the_settings_are_reported_at_once() -> None:
    wrong = {
        "records": "records[*]",
        "ref": 7,
        "person": {"shoe_size": "x"},
        "contacts": [{"fields": {"worker": ""}}, {"each": "a", "fixed": {"since": "2020"}}],
        "colour": "blue",
    }
    with pytest.raises(ValidationError) as refused:
        JsonFileSettings.model_validate(wrong)
    places = {".".join(str(part) for part in fault["loc"]) for fault in refused.value.errors()}
    assert places == {
        "file",
        "records",
        "ref",
        "person.shoe_size.[key]",
        "contacts.0.fields.worker",
        "contacts.1.fixed.since.[key]",
        "colour",
    }


class TestRealExtracts:
    """What extracts of real systems look like; the people are invented."""

    ROW: dict[str, Any] = {  # noqa: RUF012 - never changed
        "Client no": "T7  ", "NHS": "943 476 5919", "Name": "QUILLFEATHER, Rowan", "Date of birth": "3/11/2004 00:00",
        "work": [{"who": "Ada Tarn", "from": "2025-01-02"}],
    }  # fmt: skip
    SETTINGS: dict[str, Any] = {  # noqa: RUF012 - never changed
        "records": "[]", "ref": ['"Client no"'], "full_name_order": "family-first",
        "person": {"nhs_number": "NHS", "full_name": "Name", "birth_date": '"Date of birth"'},
        "date_formats": {"birth_date": ["%d/%m/%Y", "%d-%b-%Y"]},
        "contacts": [{"each": "work[]", "fields": {"worker": "who", "since": "from", "ended": "to"}}],
    }  # fmt: skip
    ROWAN = Subject(
        nhs_number="9434765919", family_name="Quillfeather", given_names="Rowan", birth_date=date(2004, 11, 3)
    )

    def made(self, context: AdapterContext, rows: object, **settings: object) -> JsonFileSource:
        path = Path(context.base_dir) / "extract.json"
        path.write_bytes(rows if isinstance(rows, bytes) else json.dumps(rows).encode())
        return source(
            FACTORY.build(JsonFileSettings.model_validate({**self.SETTINGS, "file": path, **settings}), context)
        )

    def ask(self, found: JsonFileSource, subject: Subject, soon: Deadline) -> tuple[str, list[str | None]]:
        decided = match(subject, found.find(subject, deadline=soon))
        held = found.involvements(decided.ref, deadline=soon) if decided.ref else ()
        return str(decided.outcome), [each.worker for each in held]

    @pytest.mark.parametrize("records", ["[]", "@[]", "@"])
    def test_a_list_at_the_top_with_names_of_several_words(
        self, context: AdapterContext, soon: Deadline, records: str
    ) -> None:
        found = self.made(context, [self.ROW], records=records)
        assert self.ask(found, self.ROWAN, soon) == ("unique", ["Ada Tarn"])

    @pytest.mark.parametrize("end", ["", None, "9999-12-31", "0000-00-00", "2999-01-01", 0, False])
    def test_an_end_that_is_none_ends_nothing(self, context: AdapterContext, soon: Deadline, end: object) -> None:
        row = {**self.ROW, "work": [{"who": "Ada Tarn", "to": end}]}
        assert self.ask(self.made(context, [row]), self.ROWAN, soon) == ("unique", ["Ada Tarn"])

    def test_a_contact_that_ended_is_not_current(self, context: AdapterContext, soon: Deadline) -> None:
        row = {**self.ROW, "work": [{"who": "Ada Tarn", "to": "2016-01-01"}]}
        found = self.made(context, [row])
        assert self.ask(found, self.ROWAN, soon) == ("unique", [])
        (held,) = found.involvement_rows("text:T7", deadline=soon)
        assert (held.current, held.why_not) == (False, "it has ended")

    @pytest.mark.holds("A74")
    @pytest.mark.parametrize("change", [{"Client no": None}, {"Date of birth": "31/02/2004", "NHS": None}])
    def test_what_cannot_be_read_leaves_a_doubt(
        self, context: AdapterContext, soon: Deadline, change: dict[str, object]
    ) -> None:
        other = {**self.ROW, "Client no": "T8", "NHS": None, "Name": "LARKSPUR, Odette"}
        found = self.made(context, [{**self.ROW, **change}, other])
        assert self.ask(found, self.ROWAN, soon)[0] == "review"
        (fault,) = found.sample(10, deadline=soon).faults
        assert fault.column in {'"Client no"', '"Date of birth"'}

    def test_one_name_in_another_encoding_costs_no_other_record(self, context: AdapterContext, soon: Deadline) -> None:
        zoe = {**self.ROW, "Client no": "T8", "NHS": None, "Name": "LOWE, Zoë"}
        raw = json.dumps([self.ROW, zoe], ensure_ascii=False).encode("cp1252")
        found = self.made(context, b"\xef\xbb\xbf" + raw)
        assert self.ask(found, self.ROWAN, soon)[0] == "unique"
        (held,) = [each for each in found.find(self.ROWAN, deadline=soon) if each.ref == "text:T8"]
        assert held.person.given_names == "Zoë"

    @pytest.mark.parametrize("held", [float("nan"), float("inf"), 1.5, True, ["x"], {"a": 1}])
    def test_one_value_that_is_none_costs_no_other(self, context: AdapterContext, soon: Deadline, held: object) -> None:
        found = self.made(context, [{**self.ROW, "NHS": held}])
        (candidate,) = found.find(self.ROWAN, deadline=soon)
        assert candidate.unreadable == {"nhs_number"}
        assert candidate.person.birth_date == self.ROWAN.birth_date

    @pytest.mark.parametrize("held", [105201006, 105201006.0, "105201006", "105 201 006", "105201006.0", "0105201006"])
    def test_a_number_that_lost_its_zero_is_found(self, context: AdapterContext, soon: Deadline, held: object) -> None:
        found = self.made(context, [{**self.ROW, "NHS": held}, {**self.ROW, "Client no": "T8", "NHS": 1052010060}])
        (candidate,) = found.find(Subject(nhs_number="0105201006"), deadline=soon)
        assert (candidate.ref, candidate.person.nhs_number) == ("text:T7", "0105201006")
        assert self.ask(found, replace(self.ROWAN, nhs_number="0105201006"), soon) == ("unique", ["Ada Tarn"])

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (7, 7.0),
            ("T7", " T7 \r\n"),
            ("T7", "T7\u00a0\u00a0" + " " * 90),
            ("6F9619FF8B86D011B42D00C04FC964FF", "{6f9619ff-8b86-d011-b42d-00c04fc964ff}"),
        ],
    )
    def test_records_whose_keys_are_written_differently_are_one_persons(
        self, context: AdapterContext, soon: Deadline, one: object, other: object
    ) -> None:
        first = {**self.ROW, "Client no": one}
        second = {**self.ROW, "Client no": other, "work": [{"who": "Bo Fell", "to": None}]}
        outcome, held = self.ask(self.made(context, [first, second]), self.ROWAN, soon)
        assert (outcome, set(held)) == ("unique", {"Ada Tarn", "Bo Fell"})

    @pytest.mark.parametrize("records", ["records[]", "[].records[]", "a.b[]"])
    def test_a_path_at_which_there_is_no_list_is_no_empty_source(
        self, context: AdapterContext, soon: Deadline, records: str
    ) -> None:
        with pytest.raises(SourceNonsense, match="nothing at the path records"):
            self.made(context, {"people": [self.ROW]}, records=records).find(self.ROWAN, deadline=soon)

    def test_an_empty_list_is_an_empty_source(self, context: AdapterContext, soon: Deadline) -> None:
        assert self.made(context, []).find(self.ROWAN, deadline=soon) == ()

    def test_a_key_of_several_parts(self, context: AdapterContext, soon: Deadline) -> None:
        found = self.made(context, [self.ROW], ref=['"Client no"', "NHS"])
        assert self.ask(found, self.ROWAN, soon) == ("unique", ["Ada Tarn"])
