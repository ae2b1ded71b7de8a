"""The file that statements are carried in: its shape, and what no size or shape of it does."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.errors import MalformedClaims, MalformedInput, TooLarge, TrustError
from trust.federation.bundle import FORMAT, MAX_BYTES, MAX_CHAINS, Bundle, build_bundle, parse_bundle

BUNDLE = Bundle(anchor_keys=(b"k.k.k",), chains=((b"a.a.a", b"b.b.b"), (b"c.c.c", b"b.b.b")), suspensions=(b"s.s.s",))


def changed(**members: Any) -> bytes:
    return json.dumps({**json.loads(build_bundle(BUNDLE)), **members}).encode()


def test_what_is_written_is_read() -> None:
    assert parse_bundle(build_bundle(BUNDLE)) == BUNDLE
    assert parse_bundle(build_bundle(Bundle())) == Bundle()


def test_a_file_that_ends_early_is_not_read_in_part() -> None:
    whole = build_bundle(BUNDLE)
    for end in range(len(whole)):
        with pytest.raises(MalformedInput):
            parse_bundle(whole[:end])


@pytest.mark.parametrize(
    "members",
    [
        {"format": "trust-bundle/2"},
        {"made_at": 1},
        {"chains": [["a"] * 8]},
        {"chains": [["a", "a"]]},
        {"chains": "a"},
        {"chains": [{}]},
        {"chains": [["a"]] * (MAX_CHAINS + 1)},
        {"suspensions": ["s" * 4097]},
        {"suspensions": [1]},
        {"suspensions": ["é"]},
        {"anchor_keys": None},
    ],
)
def test_another_form_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(MalformedClaims):
        parse_bundle(changed(**members))


def test_too_much_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        parse_bundle(b" " * (MAX_BYTES + 1))


@given(st.binary(max_size=200) | st.builds(lambda raw: b'{"format":"' + FORMAT.encode() + b'",' + raw, st.binary()))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(TrustError):
        parse_bundle(raw)
