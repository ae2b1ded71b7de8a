"""A sealed value opens only with its key, whole, and in its own place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust import sealing
from trust.errors import Unverified

KEY = sealing.new_key()


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_what_was_sealed_opens(plaintext: bytes, place: bytes) -> None:
    sealed = sealing.seal(KEY, plaintext, place)
    assert sealing.open_sealed(KEY, sealed, place) == plaintext
    assert len(plaintext) < 4 or plaintext not in sealed


def test_the_same_record_is_never_sealed_alike() -> None:
    assert len({sealing.seal(KEY, b"a reply", b"1") for _ in range(100)}) == 100


@pytest.mark.parametrize("at", [0, 1, 32, 33, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    sealed = bytearray(sealing.seal(KEY, b"a reply", b"1"))
    sealed[at] ^= 1
    with pytest.raises(Unverified):
        sealing.open_sealed(KEY, bytes(sealed), b"1")


def test_another_key_or_place_does_not_open_it() -> None:
    sealed = sealing.seal(KEY, b"a reply", b"1")
    with pytest.raises(Unverified):
        sealing.open_sealed(sealing.new_key(), sealed, b"1")
    with pytest.raises(Unverified):
        sealing.open_sealed(KEY, sealed, b"2")


@given(st.binary(max_size=80))
def test_other_bytes_do_not_open(sealed: bytes) -> None:
    with pytest.raises(Unverified):
        sealing.open_sealed(KEY, sealed, b"")


def test_a_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32"):
        sealing.seal(KEY[:16], b"", b"")
