"""Periods in figures and in words are read as they are meant, and what cannot be read is reported."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.agreements.durations import find_periods, words_of

ONES = words_of(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
TENS = words_of("twenty thirty forty fifty sixty seventy eighty ninety")
DAYS = {
    "hour": Fraction(1, 24),
    "day": Fraction(1),
    "week": Fraction(7),
    "fortnight": Fraction(14),
    "month": Fraction(61, 2),
    "year": Fraction(366),
}


def spelled(number: int, hyphen: str, conjunction: str) -> str:
    """Write a number from 1 to 999 in words."""
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    low = ONES[rest] if rest < len(ONES) else TENS[tens - 2] + (hyphen + ONES[ones] if ones else "")
    if not hundreds:
        return low
    return f"{ONES[hundreds]} hundred" + (f" {conjunction} {low}".replace("  ", " ") if rest else "")


def days(text: str) -> list[int]:
    return [period.days for period in find_periods(words_of(text)).found]


def whole(amount: Fraction, unit: str) -> int:
    return math.ceil(amount * DAYS[unit]) if unit in {"month", "year"} else math.floor(amount * DAYS[unit])


@given(
    number=st.integers(1, 999),
    unit=st.sampled_from(sorted(DAYS)),
    hyphen=st.sampled_from(["-", " "]),
    conjunction=st.sampled_from(["and", ""]),
    adjective=st.sampled_from(["", "calendar ", "working ", "full "]),
    in_figures=st.booleans(),
)
def test_a_number_in_words_or_figures_is_one_period(
    *, number: int, unit: str, hyphen: str, conjunction: str, adjective: str, in_figures: bool
) -> None:
    amount = str(number) if in_figures else spelled(number, hyphen, conjunction)
    for plural in ("", "s"):
        found = find_periods(words_of(f"deleted after {amount} {adjective}{unit}{plural} at most"))
        assert [period.days for period in found.found] == [whole(Fraction(number), unit)]
        assert found.complete


@given(number=st.integers(1, 99), unit=st.sampled_from(sorted(DAYS)), form=st.sampled_from("ABCD"))
def test_a_half_adds_to_its_number(number: int, unit: str, form: str) -> None:
    text = {
        "A": f"{number} and a half {unit}s",
        "B": f"{number}\u00bd {unit}s",
        "C": f"{number}.5 {unit}s",
        "D": f"{number} {unit}s and a half",
    }[form]
    assert days(text) == [whole(number + Fraction(1, 2), unit)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("half a year", [183]),
        ("a half year", [183]),
        ("half-year", [183]),
        ("six months", [183]),
        ("half of a year", [183]),
        ("1/2 year", [183]),
        ("\u00bd year", [183]),
        ("two half-years", [366]),
        ("a quarter", [92]),
        ("a quarter of a year", [92]),
        ("three quarters of a year", [275]),
        ("one hundred and eighty days", [180]),
        ("a hundred and eighty days", [180]),
        ("hundred and eighty days", [180]),
        ("one hundred eighty days", [180]),
        ("twelve hundred days", [1200]),
        ("two thousand one hundred and ninety-two days", [2192]),
        ("1,000 days", [1000]),
        ("a dozen weeks", [84]),
        ("thirty (30) days", [30, 30]),
        ("30 to 60 days", [30, 60]),
        ("30-60 days", [30, 60]),
        ("between one and three months", [31, 92]),
        ("two years and six months", [915]),
        ("one year six months", [366, 183]),
        ("6 months (183 days)", [183, 183]),
        ("one month (30 days)", [31, 30]),
        ("a year and 30 days for copies", [366, 30]),
        ("one year, or six months", [366, 183]),
        ("a further 30 days", [30]),
        ("24 hours", [1]),
        ("36 hours", [1]),
        ("twenty-three hours", [0]),
        ("90 minutes", [0]),
        ("two weeks or 1 fortnight", [14, 14]),
        ("25 years", [9150]),
        ("a decade", [3660]),
        ("2 wks, 3 mths, 1 yr", [14, 92, 366]),
    ],
)
def test_other_ways_to_write_a_period(text: str, expected: list[int]) -> None:
    assert days(text.replace("-", " ")) == expected
    assert find_periods(words_of(text.replace("-", " "))).complete


@pytest.mark.parametrize(
    "text",
    [
        "days, months and years",
        "a few weeks",
        "on the 30th day",
        "the same day",
        "99999999999999999999 days",
        "1,5 years",
        "30,60 or 90 days",
        "fourty days",
        "one hundred and fourty days",
        "two thirds of a year",
    ],
)
def test_what_cannot_be_read_is_reported(text: str) -> None:
    assert not find_periods(words_of(text)).complete


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert all(period.days >= 0 for period in find_periods(words_of(text.lower())).found)
