"""A draft in TOML is the document that is signed, each of its parts has its line, and one run names every bad line."""

import json
import tomllib
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.trust.agreements.examples import DOCUMENT
from trust.agreements.agreement import parse_agreement
from trust.agreements.draft import check_draft
from trust.agreements.toml_draft import MAX_LINES, read_toml, to_signed_form

DRAFT = """\
# A note.
id = "vale-early-help"
version = 3
items = [
  "That a service works with the person",  # a note
  "Whom to ring",
]
valid_from = 2026-04-01
rights = \"\"\"
Ask any party.
It answers.\"\"\"
under = {id = "vale-overarching", digest = "d"}

[[parties]]
entity = "https://council.example"
services = ["money-advice", "families"]

[[parties]]
entity = "https://trust.example"

[[clauses]]
id = "who-else"
[clauses.fields_by_role]
key-worker = ["worker"]
"duty-officer" = [
  "organisation",
]

[[clauses]]
id = "referral"
[clauses.subject_by_holder]
"https://trust.example#team" = ["nhs_number"]
"""


def test_each_part_has_its_line() -> None:
    lines = {
        "id": 2,
        "items": 4,
        "items[0]": 5,
        "items[1]": 6,
        "valid_from": 8,
        "rights": 9,
        "under.digest": 12,
        "parties[0]": 14,
        "parties[0].services[1]": 16,
        "parties[1]": 18,
        "parties[1].entity": 19,
        "clauses[0].fields_by_role": 23,
        "clauses[0].fields_by_role.key-worker": 24,
        "clauses[0].fields_by_role.duty-officer[0]": 26,
        "clauses[1].id": 30,
        "clauses[1].subject_by_holder.https://trust.example#team": 32,
    }
    draft = read_toml(DRAFT)
    assert not draft.syntax
    assert {path: draft.line_of(path) for path in lines} == lines


def test_what_is_missing_has_the_line_of_what_it_is_missing_from() -> None:
    draft = read_toml(DRAFT)
    assert draft.line_of("clauses[1].keep_days") == 29
    assert draft.line_of("clauses[0].fields_by_role (role 2)") == 23
    assert draft.line_of("parties[1].services") == 18
    assert draft.line_of("title") == 1


def test_a_text_over_several_lines_is_one_text_and_a_day_needs_no_quotes() -> None:
    document = read_toml(DRAFT).document
    assert document["rights"] == "Ask any party. It answers."
    assert document["valid_from"] == "2026-04-01"
    assert document["clauses"][1]["subject_by_holder"] == {"https://trust.example#team": ["nhs_number"]}


def test_every_line_that_cannot_be_read_is_named_and_no_other() -> None:
    spoilt = (
        DRAFT.replace("version = 3", "version = three")
        .replace('"That a service works with the person",', '"That a service works with the person')
        .replace("valid_from = 2026-04-01", "valid_from = 2026-13-41")
        .replace('id = "referral"', 'id = "referral"\nid = "again"')
        .replace("[clauses.subject_by_holder]", "[clauses.subject_by_holder")
        .replace('entity = "https://trust.example"', 'entity: "https://trust.example"')
    )
    draft = read_toml(spoilt)
    assert sorted(draft.syntax) == [3, 4, 8, 19, 31, 32]
    assert draft.unread >= {"version", "items", "valid_from", "clauses[1].id", "subject_by_holder"}
    assert draft.document["id"] == "vale-early-help"
    assert draft.document["rights"] == "Ask any party. It answers."
    assert draft.line_of("clauses[0].fields_by_role.key-worker") == 24


def test_the_same_document_gives_the_same_bytes() -> None:
    other = DRAFT.replace("# A note.\n", "").replace("\n\n", "\n").replace('["worker"]', "[\n 'worker',\n]")
    assert to_signed_form(read_toml(DRAFT).document) == to_signed_form(read_toml(other).document)


def test_a_whole_agreement_may_be_written_in_toml() -> None:
    raw = to_signed_form(read_toml(as_toml(DOCUMENT)).document)
    agreement, faults = check_draft(raw)
    assert json.loads(raw) == DOCUMENT
    assert agreement.clauses == parse_agreement(json.dumps(DOCUMENT).encode()).clauses
    assert [fault.path for fault in faults] == ["clauses[1].basis"]


def test_a_draft_of_too_many_lines_is_not_read() -> None:
    assert list(read_toml("\n" * (MAX_LINES + 1)).syntax) == [1]


def as_toml(document: dict[str, Any]) -> str:
    """Write a document as TOML, each member on its own line."""
    plain = {name: value for name, value in document.items() if not _is_table(value)}
    lines = [f"{json.dumps(name)} = {_value(value)}" for name, value in plain.items()]
    for name, value in document.items():
        if _is_table(value):
            for table in value:
                lines.append(f"[[{json.dumps(name)}]]")
                lines += [f"{json.dumps(member)} = {_value(part)}" for member, part in table.items()]
    return "\n".join(lines)


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_value(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"  {_value(item)},\n" for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


NAMES = st.sampled_from(["id", "version", "title", "clauses", "parties", "a.b", "[x]", "é"])
VALUES = st.booleans() | st.integers(-1000, 1000) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TREES = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(NAMES, TREES, max_size=6))
def test_any_document_is_read_whole_and_each_member_has_its_line(document: dict[str, Any]) -> None:
    text = as_toml(document)
    draft = read_toml(text)
    assert not draft.syntax
    assert draft.document.keys() == tomllib.loads(text).keys()
    for name in document:
        assert json.dumps(name) in text.split("\n")[draft.lines[name] - 1]


PIECES = st.sampled_from(
    [
        *DRAFT.splitlines(),
        '"',
        '"""',
        "[",
        "]",
        "{",
        "a = [",
        "b = '''",
        "= 1",
        "x.y = 1",
        "[[a]]",
        "[a.b]",
        "\x00",
        "\u2028",
        "# \x00",
        "#",
        "\r",
        " \x0b",
    ]
)


@given(st.lists(PIECES | st.text(max_size=10), max_size=30).map("\n".join))
def test_any_text_gives_a_document_or_lines_to_look_at(text: str) -> None:
    draft = read_toml(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in (*draft.syntax, *draft.lines.values()))
    json.loads(to_signed_form(draft.document))
    try:
        tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError:
        assert draft.syntax
    else:
        assert not draft.syntax


def test_a_number_that_json_cannot_hold_is_one_fault_among_others() -> None:
    draft = read_toml("version = 99999999999999999999\nkeep_days = inf\n")
    assert not draft.syntax
    _, faults = check_draft(to_signed_form(draft.document))
    assert any(fault.path == "version" and "whole number" in fault.problem for fault in faults)


def test_a_draft_that_is_nested_too_deeply_is_named_by_its_line() -> None:
    draft = read_toml('id = "x"\nitems = ' + "[" * 5000 + "]" * 5000)
    assert list(draft.syntax) == [2]
    assert draft.document == {"id": "x"}


def test_days_are_texts_in_any_form() -> None:
    draft = read_toml("a = 2026-04-01\nb = 2026-04-01T10:00:00Z\nc = 10:00:00\nd = nan\n")
    assert draft.document["a"] == date(2026, 4, 1).isoformat()
    assert all(isinstance(value, str) for value in draft.document.values())
