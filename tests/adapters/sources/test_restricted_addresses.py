"""A restricted address is never read, and numbers that stand for none are not searched by, in sql and json-file."""

import json
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.contract import AdapterContext, Deadline
from adapters.matching.decide import MatchResult, match
from adapters.sources import json_file
from adapters.sources.fields import merge_people, read_person, read_restriction
from tests.support.housing_case import OCTAVIA, SETTINGS, build, source
from trust.exchange.person import Address, Subject

HOME = Address(postcode="KT21 1JA")


@pytest.mark.parametrize("value", [True, 1, "Y", "yes", "Restricted", "S", "x", b"\x01\x02", ["y"], "1"])
def test_any_mark_restricts(value: object) -> None:
    assert read_restriction(value)
    row = {"family_name": "Ash", "postcode": "KT21 1JA", "uprn": "7", "address_restricted": value}
    assert read_person(row) == Subject(family_name="Ash", address_restricted=True)


@pytest.mark.parametrize(
    "value", [None, False, 0, 0.0, b"\x00", "", "  ", "N", "no", "FALSE", "0", "None", "Unrestricted", "u"]
)
def test_a_blank_and_a_plain_no_do_not(value: object) -> None:
    assert not read_restriction(value)


def test_one_row_of_several_about_a_person_restricts_all() -> None:
    open_row, marked = Subject(nhs_number="1", address=HOME), Subject(nhs_number="1", address_restricted=True)
    for rows in ([open_row, marked], [marked, open_row]):
        assert merge_people(rows) == (Subject(nhs_number="1", address_restricted=True),)


@pytest.mark.parametrize("asked", [HOME, Address(postcode="S2 2TD"), None])
@pytest.mark.parametrize("named", [True, False])
def test_no_address_of_the_question_finds_out_a_restricted_one(
    database: Path, context: AdapterContext, soon: Deadline, asked: Address | None, named: bool
) -> None:
    with sqlite.connect(str(database)) as connection:
        connection.execute("ALTER TABLE tenants ADD COLUMN hidden TEXT")
        connection.execute("UPDATE tenants SET hidden = 'Y' WHERE id = 1")
    persons = {**SETTINGS["persons"], "address_restricted": "hidden"}
    adapter = source(build(context, file=database, persons=persons))
    names = (
        {"family_name": OCTAVIA.family_name, "given_names": OCTAVIA.given_names} if named else {"family_name": "Ash"}
    )
    subject = Subject(**names, birth_date=OCTAVIA.birth_date, address=asked)
    found = match(subject, adapter.find(subject, deadline=soon))
    assert found.outcome is (MatchResult.REVIEW if named else MatchResult.NONE)  # for any address in the question


@pytest.mark.holds("A73")
def test_a_stand_in_finds_none_of_the_many_who_have_it(database: Path, context: AdapterContext, soon: Deadline) -> None:
    with sqlite.connect(str(database)) as connection:
        connection.executemany("INSERT INTO tenants (nhs) VALUES (?)", [("9999999999",)] * 600)
    adapter = source(build(context, file=database))
    assert adapter.find(Subject(nhs_number="9999999999"), deadline=soon) == ()
    (found,) = adapter.find(Subject(nhs_number="9999999999", birth_date=OCTAVIA.birth_date), deadline=soon)
    assert found.person.nhs_number == "9691292211"


def test_a_json_file_maps_it_too(tmp_path: Path, context: AdapterContext, soon: Deadline) -> None:
    record = {"id": 1, "last": "Ash", "first": "Kit", "born": "2010-01-01", "home": {"code": "KT21 1JA", "hide": True}}
    (tmp_path / "extract.json").write_text(json.dumps([record]))
    settings: dict[str, Any] = {
        "file": tmp_path / "extract.json",
        "records": "[]",
        "ref": "id",
        "person": {
            "family_name": "last",
            "given_names": "first",
            "birth_date": "born",
            "postcode": "home.code",
            "address_restricted": "home.hide",
        },
        "contacts": [{"fields": {"worker": "first"}}],
    }
    adapter = json_file.FACTORY.build(json_file.JsonFileSettings.model_validate(settings), context)
    assert adapter.involvement is not None
    subject = Subject(
        family_name="Ash", given_names="Kit", birth_date=read_person({"birth_date": "2010-01-01"}).birth_date
    )
    (found,) = adapter.involvement.find(subject, deadline=soon)
    assert (found.person.address, found.person.address_restricted) == (None, True)
