"""A message's texts are inert in every form, and no word is lost."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.contract import DeliveredMessage, SourceNonsense
from adapters.receiver_conformance import SAMPLE_MESSAGE
from adapters.receivers.message import check_subset, in_batches, inert, message_to_json, read_ref
from adapters.receivers.message_xml import add_fields
from adapters.receivers.sql_insert import column_value
from adapters.sources.paths import JsonPath

TEXTS = st.text(alphabet=st.characters(), max_size=40)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


def with_document(document: object) -> DeliveredMessage:
    return replace(SAMPLE_MESSAGE, document={"any": document})


@given(VALUES)
@pytest.mark.holds("A51")
def test_any_document_is_json_and_xml_that_reads_back(document: object) -> None:
    message = message_to_json(with_document(document))
    assert json.loads(json.dumps(message, ensure_ascii=False).encode()) == message
    root = etree.Element("message")
    add_fields(root, message)
    read = etree.fromstring(etree.tostring(root, encoding="UTF-8"))
    assert read.findtext("urgency") == "amber"
    assert len(read.findall("document")) == 1
    assert [element.tag for element in read] == [name for name, value in message.items() if value is not None]


@given(TEXTS)
def test_a_text_keeps_what_shows(text: str) -> None:
    shown = inert(text)
    assert [char for char in text if char.isalnum()] == [char for char in shown if char.isalnum()]
    assert inert(shown) == shown
    assert not {"\x00", "\x07", "\x1b", "\x9b", "\u202e", "\r"} & set(shown)


def test_line_breaks_stay() -> None:
    assert inert("one\r\ntwo\n\tthree") == "one\ntwo\n\tthree"


def test_the_fields_are_those_of_the_contract() -> None:
    assert set(message_to_json(SAMPLE_MESSAGE)) == {field.name for field in fields(DeliveredMessage)}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a", None),
        ("b", 7),
        ("c[]", "one\ntwo"),
        ("c", '["one", "two"]'),
        ("d[].e", "[1, 2]"),
        ("d", '[{"e": 1}, {"e": 2}]'),
        ("f", False),
    ],
)
def test_a_column_takes_all_that_its_path_selects(path: str, value: object) -> None:
    message = {"b": 7, "c": ["one", "two"], "d": [{"e": 1}, {"e": 2}], "f": False}
    assert column_value(JsonPath.parse(path), message) == value


def test_batches_hold_each_id_once() -> None:
    assert list(in_batches(["a", "b", "a", "c"], 2)) == [["a", "b"], ["c"]]
    assert list(in_batches([], 2)) == []


def test_a_list_with_another_message_counts_for_nothing() -> None:
    assert check_subset(["a"], ["a", "b"]) == {"a"}
    with pytest.raises(SourceNonsense):
        check_subset(["a", "z"], ["a", "b"])


@pytest.mark.parametrize(
    ("value", "ref"), [(" 7 ", "7"), (7, "7"), (True, None), ("", None), (None, None), (7.5, None)]
)
def test_a_key_is_a_short_text_or_a_number(value: object, ref: str | None) -> None:
    assert read_ref(value) == ref
