"""The page on adapters names the settings, hooks and examples that the adapters have."""

import re
import tomllib
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from adapters import contract
from adapters.conformance import Samples, run
from adapters.contract import AdapterContext, HttpCaller
from adapters.loading import adapter_types
from adapters.receiver_conformance import ReceiverTrial
from adapters.receivers.drop_folder import DropFolder, DropFolderSettings
from adapters.receivers.sql_insert import FiledMessages, SqlInsertSettings
from adapters.receivers.webhook import WebhookReceiverSettings
from adapters.sectors.jobcentre import JobcentreSettings
from adapters.sectors.police import PoliceSettings
from adapters.sectors.social_care import ALLOCATION_COLUMNS, SocialCareSettings
from adapters.sources.dci import DciSettings
from adapters.sources.json_file import ContactSettings, JsonFileSettings
from adapters.sources.paths import JsonPath
from adapters.sources.sql_settings import InvolvementColumns, PersonColumns, SqlSettings
from config.settings import Service
from gateway.peers.case_system_client import CaseSystemCaller
from gateway.peers.transport import client_tls
from tests.docs.pages import ROOT, blocks, column, example, page, section, table, tables
from trust.exchange.person import Subject

PAGE = page("adapters.md")
MODELS: list[tuple[str, int, type[BaseModel]]] = [
    ("Type `sql`", 0, SqlSettings),
    ("Type `sql`", 1, PersonColumns),
    ("Type `sql`", 2, InvolvementColumns),
    ("Type `json-file`", 0, JsonFileSettings),
    ("Type `json-file`", 1, ContactSettings),
    ("Type `social-care-cin`", 0, SocialCareSettings),
    ("Type `jobcentre`", 0, JobcentreSettings),
    ("Type `jobcentre`", 1, DciSettings),
    ("Type `police-soap`", 0, PoliceSettings),
    ("Type `drop-folder`", 0, DropFolderSettings),
    ("Type `sql-insert`", 0, SqlInsertSettings),
    ("Type `sql-insert`", 1, FiledMessages),
    ("Type `webhook`", 1, WebhookReceiverSettings),
]
RECEIVERS: dict[str, type[BaseModel]] = {
    "drop-folder": DropFolderSettings,
    "sql-insert": SqlInsertSettings,
    "webhook": WebhookReceiverSettings,
}

REAL_SYSTEMS: dict[str, tuple[str, ...]] = {
    "an identifier with spaces, brackets, commas, quotes, hyphens, padding or other signs, invisible "
    "characters, or in small letters": (
        "tests/adapters/sources/test_real_people.py::test_a_number_is_found_however_it_is_spaced",
    ),
    "an identifier that fails its check digit or form": (
        "tests/adapters/test_sampling.py::test_identifiers_that_fail_their_check_are_counted",
        "tests/adapters/matching/test_decide.py::test_an_identifier_with_a_wrong_check_digit_links_no_one",
    ),
    "an identifier as a number (`numeric`, `double precision`, `REAL` in SQLite), or as `9434765919.0`": (
        "tests/adapters/sources/test_real_people.py::test_sqlite_holds_a_number_as_any_type",
        "tests/adapters/sources/test_real_people.py::test_postgresql_holds_a_number_as_any_type",
    ),
    "an NHS or CHI number that begins with a zero, as a number or as nine digits (`105201006` for `0105201006`)": (
        "tests/adapters/sources/test_real_people.py::test_a_number_that_lost_its_zero_is_found",
        "tests/adapters/sources/test_real_people.py::test_postgresql_holds_a_number_without_its_zero_as_any_type",
        "tests/adapters/sources/test_real_people.py::test_nine_digits_whose_check_digit_fails_are_no_number",
        "tests/adapters/sources/test_terms.py::test_a_run_of_nine_digits_gets_no_zero",
        "tests/adapters/sources/test_json_file.py::test_a_number_that_lost_its_zero_is_found",
    ),
    "a telephone number as a number": (
        "tests/adapters/sources/test_fields.py::test_a_telephone_number_that_is_stored_as_a_number_has_its_zero",
    ),
    "a National Insurance number without its suffix": (
        "tests/adapters/sources/test_real_people.py::test_a_national_insurance_number_is_found_with_and_without_its_suffix",
    ),
    "a UPRN with leading zeros": ("tests/trust/exchange/test_addresses.py::test_a_uprn_is_written_without_padding",),
    "a stand-in such as 9999999999": (
        "tests/adapters/matching/test_stand_ins.py::test_a_stand_in_number_neither_links_nor_keeps_apart",
    ),
    "a birth date in a text with spaces before it, or several inside": (
        "tests/adapters/sources/test_real_people.py::test_a_day_that_is_read_and_not_searched_is_found_by_name",
    ),
    "a birth date with a time, without leading zeros, with a month name, or in one of several forms": (
        "tests/adapters/sources/test_real_people.py::test_a_text_is_found_as_it_is_read",
    ),
    "a column of dates or moments": (
        "tests/adapters/sources/test_real_people.py::test_a_column_of_dates_is_asked_for_a_date_under_any_form_of_texts",
    ),
    "a moment with a time zone": (
        "tests/adapters/sources/test_real_people.py::test_a_summer_day_in_a_column_with_a_zone_is_that_day",
        "tests/adapters/sources/test_real_involvements.py::test_the_day_of_a_moment_with_a_zone_is_londons",
    ),
    "a birth date with two digits of the year": (
        "tests/adapters/sources/test_real_people.py::test_years_of_two_digits_are_refused_for_birth_dates_alone",
    ),
    "a birth date that lies ahead, or more than 131 years ago, `1899-12-30`, `1900-01-01`, `1901-01-01`, "
    "`0000-00-00`": (
        "tests/adapters/sources/test_real_people.py::test_a_birth_date_that_cannot_be_one_is_counted_and_leaves_a_doubt",
    ),
    "a birth date that is missing or cannot be read": (
        "tests/adapters/sources/test_real_people.py::test_a_record_without_a_birth_date_is_found_by_its_names",
    ),
    "one birth date shared by more than 500": (
        "tests/adapters/sources/test_real_people.py::test_an_identifier_is_found_however_many_share_the_day",
        "tests/adapters/sources/test_real_people.py::test_names_and_postcode_narrow_the_day",
        "tests/adapters/sources/test_real_people.py::test_what_is_still_too_many_is_told_for_what_it_is",
    ),
    "a name in Windows-1252, a database without an encoding": (
        "tests/adapters/sources/test_real_involvements.py::test_a_name_in_another_encoding_costs_no_other_record",
        "tests/adapters/sources/test_real_involvements.py::test_a_database_without_an_encoding_is_read",
    ),
    "a whole name in one column": ("tests/adapters/sources/test_real_people.py::test_a_whole_name_in_one_column",),
    "a date of `infinity`, after 9999 or before Christ": (
        "tests/adapters/sources/test_real_involvements.py::test_a_date_out_of_range_costs_only_itself",
    ),
    "an end that is empty, `9999-12-31`, `0000-00-00`, before 1901, `1970-01-01`, `NULL`, `ongoing`, "
    "`not ended`, dashes alone, or lies ahead": (
        "tests/adapters/sources/test_real_involvements.py::test_an_end_that_is_none_ends_nothing",
        "tests/adapters/sources/test_real_involvements.py::test_an_end_that_is_none_in_a_column_of_dates",
    ),
    "an end that is today or earlier, `true`, `yes` or `1`": (
        "tests/adapters/sources/test_real_involvements.py::test_an_end_that_has_come_ends",
    ),
    "an end or a status that cannot be read": (
        "tests/adapters/sources/test_real_involvements.py::test_an_end_that_cannot_be_read_is_a_doubt_where_nothing_else_is_current",
    ),
    "an involvement whose start or last contact cannot be read": (
        "tests/adapters/sources/test_real_involvements.py::test_an_optional_date_costs_no_worker",
    ),
    "a record whose involvements have all ended": (
        "tests/gateway/exchange/test_answer.py::test_a_record_without_a_current_involvement_is_not_told_as_no_record",
    ),
    "a key padded on either side with any number of spaces, line breaks, no-break spaces, controls or invisible "
    "characters": (
        "tests/adapters/sources/test_real_involvements.py::test_a_key_finds_itself_in_another_type",
        "tests/adapters/sources/test_real_involvements.py::test_rows_under_every_spelling_are_found_together",
        "tests/adapters/sources/test_json_file.py::test_records_whose_keys_are_written_differently_are_one_persons",
        "tests/adapters/sources/test_keys.py::test_a_text_is_found_with_any_padding",
    ),
    "a key that is a number here and a text there, with or without decimals of zero (`7`, `7.0`, `7.00`)": (
        "tests/adapters/sources/test_real_involvements.py::test_a_key_finds_itself_in_another_type",
        "tests/adapters/sources/test_real_involvements.py::test_another_key_is_another_persons",
        "tests/adapters/sources/test_real_involvements.py::test_a_number_is_another_than_the_text_with_decimals_beside_it",
    ),
    "a key that is a GUID, in capitals, without hyphens, in braces, of the type `uuid` or as its 16 bytes in their "
    "order": (
        "tests/adapters/sources/test_real_involvements.py::test_a_uuid_is_the_same_key_in_each_of_its_forms",
        "tests/adapters/sources/test_real_involvements.py::test_a_column_of_uuids",
    ),
    "a key in a column of bytes (`BLOB`, `bytea`)": (
        "tests/adapters/sources/test_real_involvements.py::test_a_key_of_bytes",
    ),
    "a key of an involvement that may be the person's and cannot be read, such as a text filled up with zero bytes": (
        "tests/adapters/sources/test_real_involvements.py::test_a_key_that_cannot_be_read_is_no_absence",
    ),
    "a column of a type that cannot be read (a list, JSON, a range), or a PostgreSQL with a `DateStyle` of its own": (
        "tests/adapters/sources/test_database.py::test_a_server_that_writes_days_in_its_own_style_is_read",
    ),
    "a record without a key": (
        "tests/adapters/sources/test_real_involvements.py::test_a_record_without_a_key_is_left_to_a_human",
    ),
    "a table that is altered, replaced by a view, or gets other types while the node runs": (
        "tests/adapters/sources/test_database.py::test_the_next_question_is_answered",
    ),
    "a pooler that refuses or drops `options`": (
        "tests/adapters/sources/test_database.py::test_a_pooler_that_takes_no_options_is_read_through",
    ),
    "an SQLite file in WAL mode in a folder that the node may not write to": (
        "tests/adapters/sources/test_database.py::test_a_database_whose_log_cannot_be_opened_says_what_helps",
    ),
    "a status instead of an end": (
        "tests/adapters/sources/test_real_involvements.py::test_a_status_says_what_is_current",
    ),
    "tables and columns whose names have spaces or signs": (
        "tests/adapters/sources/test_real_people.py::test_tables_and_columns_have_names_with_spaces_and_signs",
    ),
    "a JSON file with a list at the top, or names of several words": (
        "tests/adapters/sources/test_json_file.py::test_a_list_at_the_top_with_names_of_several_words",
    ),
    "a JSON export that writes a list of one as that one object": (
        "tests/adapters/sources/test_paths.py::test_values_are_selected",
    ),
    "the postcode of a prison, a hostel or a hospital": (
        "tests/adapters/test_sampling.py::test_a_postcode_that_many_people_share_is_proposed_as_an_institutions",
        "tests/adapters/matching/test_stand_ins.py::test_an_institution_is_not_a_shared_home",
    ),
    "one person under two keys": ("tests/adapters/test_sampling.py::test_a_person_under_two_keys_is_counted",),
    "an allocation table that Excel saved: dates as dd/mm/yyyy, leading zeros gone, long numbers rounded": (
        "tests/adapters/sectors/test_social_care_import.py::test_is_refused_with_what_to_do_and_the_good_data_kept",
    ),
    "files that would leave less than half of the last import": (
        "tests/adapters/sectors/test_social_care_import.py::test_is_refused_unless_the_administrator_accepts_it",
    ),
    "a child's name in capitals or spelled otherwise (Müller and Mueller, Robin and Robyn) in one row, or the NHS "
    "number in one row only": (
        "tests/adapters/sectors/test_social_care_workers.py::test_stays_where_the_name_is_spelled_otherwise",
        "tests/adapters/sectors/test_social_care_workers.py::test_stays_where_the_same_name_is_written_otherwise_or_left_out",
    ),
    "a case closure or an `AllocatedTo` that lies ahead": (
        "tests/adapters/sectors/test_social_care.py::test_an_end_that_lies_ahead_is_only_planned",
    ),
    "a census of 2024 to 2026 (`Sex`, elements that were added)": (
        "tests/adapters/sectors/test_social_care_import.py::test_sex_is_read_as_gender_was",
        "tests/adapters/sectors/test_social_care_import.py::test_an_element_of_2026_stands_in_the_way_of_nothing",
    ),
    "white space around a date in XML": (
        "tests/adapters/sources/test_xml.py::test_white_space_around_a_value_of_a_collapsing_type_is_none_of_it",
    ),
    "a SOAP fault without addressing headers, or of SOAP 1.1": (
        "tests/adapters/sources/test_soap_xml.py::test_a_fault_counts_with_any_headers",
        "tests/adapters/sources/test_soap_xml.py::test_a_fault_of_soap_1_1_is_said_for_what_it_is",
    ),
    "a police record with a day that no calendar has, or a code that is no postcode": (
        "tests/adapters/sectors/test_police.py::test_a_day_that_no_one_was_born_on_costs_itself_alone_and_is_named",
        "tests/adapters/sectors/test_police.py::test_a_code_that_is_no_postcode_does_not_cost_the_answer",
    ),
    "a registry's own words or codes for a person that it does not have": (
        "tests/adapters/sectors/test_jobcentre.py::test_a_person_who_is_not_registered_is_no_candidate_and_no_error",
        "tests/adapters/sectors/test_jobcentre.py::test_an_outage_is_never_an_absence",
    ),
    "a registry's record with the year of birth only, or without its identifier": (
        "tests/adapters/sectors/test_jobcentre.py::test_a_record_that_cannot_be_read_leaves_the_others_and_stays_in_doubt",
    ),
}
"""What proves each row of the table of what real systems hold: tests by file and name."""


def written(field: FieldInfo) -> str:
    """Return a default as the page writes it."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, JsonPath):
        return f"`{default}`" if default.steps else "the record"
    return "none" if default is None else f"`{default}`"


@pytest.mark.parametrize(("heading", "number", "model"), MODELS)
def test_each_table_of_settings_is_its_model(heading: str, number: int, model: type[BaseModel]) -> None:
    rows = list(tables(section(PAGE, heading)))[number]
    fields = {name: written(field) for name, field in model.model_fields.items()}
    assert {row[0].strip("`"): row[1] for row in rows} == fields


def test_the_types_are_those_that_are_installed() -> None:
    listed = column(table(section(PAGE, "Types")))
    ours = {name for name, point in adapter_types().items() if point.value.startswith("adapters.")}
    assert set(listed) == ours
    for name in listed:
        section(PAGE, f"Type `{name}`")


def test_the_columns_of_the_allocation_table_are_the_importers() -> None:
    rows = list(tables(section(PAGE, "Type `social-care-cin`")))[1]
    assert dict(zip(column(rows), column(rows, 1), strict=True)) == ALLOCATION_COLUMNS


def test_each_row_of_what_real_systems_hold_has_its_tests() -> None:
    rows = table(section(PAGE, "What real systems hold, and what happens"))
    assert [row[0] for row in rows] == list(REAL_SYSTEMS)
    for proof in (proof for proofs in REAL_SYSTEMS.values() for proof in proofs):
        file, _, name = proof.partition("::")
        assert re.search(rf"def {name}\(", (ROOT / file).read_text(encoding="utf-8")), proof


def test_the_hooks_are_those_of_the_contract() -> None:
    rows = table(section(PAGE, "Write an adapter"))
    for hook, of in zip(column(rows), column(rows, 1), strict=True):
        owner = vars(contract)[of.partition(".")[0]]
        named = of.partition(".")[2] or hook
        assert named in {*vars(owner), *owner.__annotations__}, hook
    described = set(column(rows))
    protocols = (
        contract.AdapterFactory,
        contract.Finder,
        contract.InvolvementSource,
        contract.SampledSource,
        contract.EligibilitySource,
        contract.Receiver,
    )
    public = {name for each in protocols for name in {*vars(each), *each.__annotations__} if not name.startswith("_")}
    assert public <= described


def test_each_service_in_the_examples_is_well_formed() -> None:
    models: dict[str, type[BaseModel]] = {"sql": SqlSettings, "json-file": JsonFileSettings}
    found: set[str] = set()
    for block in blocks(PAGE):
        document = tomllib.loads(block.text) if block.language == "toml" else {}
        for service in document.get("services", []) if isinstance(document.get("services"), list) else []:
            Service.model_validate(service)
        if "services" in document:
            services = document["services"]
            if "adapter" not in (services[0] if isinstance(services, list) else services):
                continue
            adapter = (services[0] if isinstance(services, list) else services)["adapter"]
            models[adapter["type"]].model_validate(adapter["settings"])
            found.add(adapter["type"])
    assert found == set(models)


def test_each_receiver_in_the_examples_is_well_formed() -> None:
    documents = [tomllib.loads(block.text) for block in blocks(PAGE) if block.language == "toml"]
    receivers = [
        document["services"]["receiver"]
        for document in documents
        if isinstance(document.get("services"), dict) and "receiver" in document["services"]
    ]
    for receiver in receivers:
        RECEIVERS[receiver["type"]].model_validate(receiver["settings"])
    assert {receiver["type"] for receiver in receivers} == set(RECEIVERS)


def test_the_adapter_on_the_page_keeps_every_promise(tmp_path: Path) -> None:
    (tmp_path / "club.txt").write_text("17;Quill;Oren Tamsin;2009-04-02;Bea Marsh;01632 960150\n", encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "club"}
    exec(compile(example(PAGE, "adapter"), "adapters.md", "exec"), namespace)  # noqa: S102 - our own page
    factory = namespace["FACTORY"]
    http: HttpCaller = CaseSystemCaller(tls=client_tls(None), names=frozenset(), hosts={})
    context = AdapterContext(
        organisation="Vale Youth Club",
        service="youth-club",
        service_kind="youth-work",
        duty_phone="01632 960151",
        base_dir=str(tmp_path),
        http=http,
    )
    adapter = factory.build(factory.settings_model.model_validate({"file": "club.txt"}), context)
    known = Subject(family_name="Quill", given_names="Oren Tamsin", birth_date=date(2009, 4, 2))
    lines = run(adapter, Samples(known=known))
    assert [line for line in lines if not line.ok] == []


def test_the_entry_point_on_the_page_is_in_the_group_that_is_loaded() -> None:
    assert re.search(r'entry-points\."hearthgate\.adapters"', PAGE)


def test_the_receivers_trial_on_the_page_is_the_kits() -> None:
    parts = set(column(table(section(PAGE, "The conformance kit"))))
    assert parts == {field.name for field in fields(ReceiverTrial)}


def test_the_receivers_trial_on_the_page_runs(tmp_path: Path) -> None:
    (tmp_path / "import").mkdir()
    receiver = DropFolder(DropFolderSettings(folder=Path("import")), tmp_path)
    parts: dict[str, Any] = dict.fromkeys(("interrupted", "refusing", "nonsense"))
    parts |= {
        "receiver": receiver,
        "records": lambda message_id: len(list((tmp_path / "import").glob(f"{message_id}.json"))),
        "names": lambda: [path.name for path in (tmp_path / "import").iterdir()],
    }
    exec(compile(example(PAGE, "receiver-conformance"), "adapters.md", "exec"), parts)  # noqa: S102 - our own page
    assert len(parts["lines"]) == 8
