"""Unreadable rows are left out and counted; keys stay opaque and keep their kind."""

import pytest

from adapters.contract import SourceNonsense
from adapters.sources.fields import Unreadable
from adapters.sources.rows import Quarantine, read_ref, sample_line, write_ref


def read(row: int) -> int:
    if row < 0:
        raise Unreadable("number is negative")
    return row


def test_unreadable_rows_are_left_out_and_counted() -> None:
    quarantine = Quarantine()
    assert quarantine.readable([1, -2, 3], read) == [1, 3]
    assert quarantine.readable([], read) == []
    assert quarantine.count == 1


def test_rows_of_which_none_is_readable_are_nonsense() -> None:
    with pytest.raises(SourceNonsense, match="number is negative"):
        Quarantine().readable([-1, -2], read)


@pytest.mark.parametrize("key", [17, "17", "number:17", "", "é"])
def test_a_key_comes_back_as_it_was(key: int | str) -> None:
    if key == "":
        with pytest.raises(Unreadable):
            write_ref(key)
    else:
        assert read_ref(write_ref(key)) == key


@pytest.mark.parametrize("ref", ["", "x", "number:", "number:x", "number:9" + "9" * 5000, "text:"])
def test_a_key_that_was_never_given_out_is_harmless(ref: str) -> None:
    assert read_ref(ref) is not None


def test_a_sample_is_counted() -> None:
    assert sample_line([1, 2], read).ok
    line = sample_line([1, -2], read)
    assert not line.ok
    assert line.detail.startswith("1 of the 2")
