"""Digits that were keyed in for none are patterns, and few of the numbers that are issued are."""

from math import comb

import pytest

from trust.exchange.keyed_digits import is_count, is_keyed_in, is_nearly_one_digit, is_repetition

PATTERNS = [
    *("000000", "111111", "000001", "001000", "900000", "999998", "999990"),
    *("123456", "012345", "567890", "654321", "098765", "123123", "321321", "121212", "010101", "112233", "123321"),
    *("1234567", "7654321", "0000001", "1000000", "1231231", "1212121", "4747474", "1122334", "1112223", "1234321"),
    *("100000000", "111111112", "444404444", "500000020", "777777712", "123456788", "912345678", "123123123"),
    *("471471471", "135791357"),
    *("123412341", "111222333", "999000000", "1234512345", "99900000000", "123456789012", "80808080808"),
]
SIX_DIGITS = [f"{number:06}" for number in range(10**6)]


@pytest.mark.holds("A73")
@pytest.mark.parametrize("digits", PATTERNS)
def test_a_pattern_is_keyed_in(digits: str) -> None:
    assert is_keyed_in(digits)


@pytest.mark.parametrize(
    "digits",
    ["518427", "123457", "100001", "111112", "990000", "0171310", "1000001", "943476591", "999000001", "80120000100"],
)
def test_a_number_that_resembles_a_pattern_is_none(digits: str) -> None:
    assert not is_keyed_in(digits)


def test_patterns_take_out_few_of_the_shortest_numbers() -> None:
    """Each takes out less than one in 10,000 of the bodies of a National Insurance number, and all less than two."""
    found = [(is_nearly_one_digit(digits), is_count(digits), is_repetition(digits)) for digits in SIX_DIGITS]
    assert all(sum(by_one) < len(SIX_DIGITS) / 10_000 for by_one in zip(*found, strict=True))
    assert sum(map(any, found)) < 2 * len(SIX_DIGITS) / 10_000


@pytest.mark.parametrize("size", range(9, 13))
def test_patterns_take_out_few_of_longer_numbers(size: int) -> None:
    """Count from above what each pattern can be: less than one in 10,000 texts of that many digits."""
    nearly_one_digit = 10 * (1 + 9 * size + 81) + 81 * comb(size, 2) + 90 * size
    repetitions = sum(10**length for length in range(2, min(size // 2, size - 5) + 1)) + 20 * size
    counts = 2 * 100 * 10 + 40 + 60
    assert nearly_one_digit + repetitions + counts < 10**size / 10_000
