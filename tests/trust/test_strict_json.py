"""Two parsers must never be able to read different things out of the same bytes."""

import json
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust import strict_json
from trust.errors import MalformedJson, TooLarge, TrustError

CAP = 65536


def loads(raw: bytes) -> strict_json.JsonObject:
    return strict_json.loads(raw, max_bytes=CAP)


def test_an_object_is_read() -> None:
    assert loads(b' {"a": [1, -2.5, "\xc3\xa9\\n", true, null], "b": {}} ') == {
        "a": [1, -2.5, "é\n", True, None],
        "b": {},
    }


@pytest.mark.holds("A25")
@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"x":[{"a":1,"b":2,"a":1}]}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
    ],
)
def test_duplicate_members_and_numbers_that_are_not_json_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"{} x",
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":1,}',
        b'{"a":"\n"}',
        b'{"a":"\\x"}',
        b'{"a":True}',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        b'{"a":"\xc0\xaf"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"\\uDC00":1}',
        b'{"a":"\\ud800\\u0041"}',
        b'{"a":"\\udc00"}',
        b'{"\\udfff":1}',
        b'{"a":"\\uDbff\\udbFF"}',
        b'{"a":9007199254740992}',
        b'{"a":-9007199254740992}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":0.' + b"1" * 5000 + b"}",
        b"[]",
        b'"a"',
        b"null",
    ],
)
def test_everything_else_that_is_not_one_strict_object_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        loads(raw)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert loads(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def test_integers_up_to_what_a_double_holds_are_read() -> None:
    assert loads(b'{"a":9007199254740991}') == {"a": 2**53 - 1}


def test_the_size_is_checked_before_the_syntax() -> None:
    with pytest.raises(TooLarge):
        strict_json.loads(b"{" * 11, max_bytes=10)


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_thirty_two_levels_are_read_and_not_one_more(bracket: bytes) -> None:
    closing = b"]" if bracket == b"[" else b"}"
    inner = b"0"
    assert strict_json.loads_any(bracket * 32 + inner + closing * 32, max_bytes=CAP)
    with pytest.raises(TooLarge):
        strict_json.loads_any(bracket * 33 + inner + closing * 33, max_bytes=CAP)


def test_brackets_in_texts_and_beside_each_other_do_not_count_as_depth() -> None:
    assert len(loads(json.dumps({"a": "[{" * 500 + '"\\' * 9, "b": [[]] * 500}).encode())["b"]) == 500


@pytest.mark.holds("A27")
@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a":' * 100_000, b'{"a":"' + b'\\"' * 50_000 + b"[" * 100_000])
def test_deep_nesting_is_refused_with_memory_flat(raw: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(TrustError):
        strict_json.loads(raw, max_bytes=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_refusal(raw: bytes) -> None:
    with suppress(TrustError):
        strict_json.loads_any(raw, max_bytes=CAP)


@pytest.mark.parametrize("unit", [0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000])
@pytest.mark.parametrize("spelling", ["\\u{:04x}", "\\u{:04X}"])
def test_half_a_character_is_refused_however_its_escape_is_spelled(unit: int, spelling: str) -> None:
    raw = f'{{"a":"{spelling.format(unit)}"}}'.encode()
    if 0xD800 <= unit <= 0xDFFF:
        with pytest.raises(MalformedJson):
            loads(raw)
    else:
        assert loads(raw) == {"a": chr(unit)}


@given(st.text(alphabet='{}[]",:\\u0d8aefn-1.e \n', max_size=80))
def test_every_accepted_text_reads_like_in_the_standard_library(text: str) -> None:
    try:
        value = strict_json.loads_any(text.encode(), max_bytes=CAP)
    except TrustError:
        return
    assert value == json.loads(text)
    assert strict_json.dumps(value)  # no half of a character, which nothing could write down


@given(st.lists(st.sampled_from(["\\u", "d8", "DC", "dc", "Df", "00", "3d", "a"]), max_size=12))
def test_every_accepted_value_can_be_written_again(pieces: list[str]) -> None:
    with suppress(TrustError):
        strict_json.dumps(strict_json.loads(f'{{"a":"{"".join(pieces)}"}}'.encode(), max_bytes=CAP))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert strict_json.loads_any(strict_json.dumps(value), max_bytes=10**6, max_depth=64) == value


def test_equal_values_are_written_as_equal_bytes() -> None:
    assert strict_json.dumps({"b": 1, "a": "é"}) == '{"a":"é","b":1}'.encode() == strict_json.dumps({"a": "é", "b": 1})


def test_a_refusal_does_not_repeat_what_it_read() -> None:
    with pytest.raises(MalformedJson) as refusal:
        loads(b'{"Jane Doe, 1 High St":1,"Jane Doe, 1 High St":2}')
    assert "Jane" not in refusal.value.detail
