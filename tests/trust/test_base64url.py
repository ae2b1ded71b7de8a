"""One value has one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust import base64url
from trust.errors import MalformedToken, TrustError


@given(st.binary(max_size=100))
def test_what_is_encoded_decodes(raw: bytes) -> None:
    assert base64url.decode(base64url.encode(raw), "part") == raw


@pytest.mark.parametrize(
    "segment", [b"YQ==", b"YR", b"Y", b"YW J", b"YWJj\n", b"+/+/", b"YWJj!", b"Y=Q", b"=", b"YWJ\xff"]
)
def test_padding_stray_bits_and_other_characters_are_refused(segment: bytes) -> None:
    with pytest.raises(MalformedToken):
        base64url.decode(segment, "part")


@given(st.binary(max_size=40))
def test_every_value_has_one_spelling(segment: bytes) -> None:
    try:
        raw = base64url.decode(segment, "part")
    except TrustError:
        return
    assert base64url.encode(raw) == segment
