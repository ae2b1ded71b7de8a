"""Periods in English prose: "90 days", "one hundred and eighty days", "half a year", "30 to 60 working days".

What cannot be read ("a few weeks", "the 30th day") is reported, and never guessed.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

_ONES: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_BELOW_TWENTY: Final = {word: value for value, word in enumerate(_ONES)}
_TENFOLD: Final = {word: value for value, word in zip(range(20, 100, 10), _TENS, strict=True)}
_SCALES: Final = {"dozen": 12, "hundred": 100, "thousand": 1000}
_ARTICLES: Final = frozenset({"a", "an"})
_UNITS: Final = {
    "minute": Fraction(1, 1440),
    **dict.fromkeys(("hour", "hr"), Fraction(1, 24)),
    "day": Fraction(1),
    **dict.fromkeys(("week", "wk"), Fraction(7)),
    "fortnight": Fraction(14),
    **dict.fromkeys(("month", "mth"), Fraction(366, 12)),
    "quarter": Fraction(366, 4),
    **dict.fromkeys(("year", "yr"), Fraction(366)),
    "decade": Fraction(3660),
}
"""Days in each unit, of a leap year; the days of whole units are rounded up from the month on, else down."""
_WORD: Final = re.compile(r"[^\W\d_]+|[0-9]+(?:[.,/][0-9]+)*|[\u00bc-\u00be\u2150-\u215e]")
_BETWEEN: Final = frozenset(
    _WORD.findall(
        "calendar working business full whole clear consecutive complete further more additional school to or and of"
    )
)
"""Words between a number and its unit, and between the numbers of a range."""
_OTHER_PARTS: Final = frozenset(
    [
        "third",
        "thirds",
        "fifth",
        "fifths",
        "sixth",
        "sixths",
        "tenth",
        "tenths",
        "twelfth",
        "twelfths",
        "part",
        "fraction",
    ]
)
_FIGURES: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,3}|/[1-9][0-9]?)?")
_THOUSANDS: Final = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A period of so many days, and the place of its number among the words."""

    days: int
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """All periods among some words. Not ``complete``: a unit or a figure was there that could not be read."""

    found: tuple[Period, ...]
    complete: bool


def words_of(text: str) -> tuple[str, ...]:
    """Divide a text in small letters into words, figures and signs for fractions."""
    return tuple(_WORD.findall(text))


def find_periods(words: Sequence[str]) -> Periods:
    """Find the periods among words; of a range ("30 to 60 days") the one of each number."""
    reader = _Reader(words)
    found: list[Period] = []
    pending: dict[int, Fraction] = {}
    place, complete = 0, not any(one in _OTHER_PARTS and then == "of" for one, then in pairwise(words))
    while place < len(words):
        amount, after = reader.amount(place)
        unit = reader.unit(place)
        if amount is not None:
            pending = {start: each for start, each in pending.items() if words[start] not in _ARTICLES}
            pending[place] = amount  # alone in "a further 30 days"
        elif unit is not None:
            after, more = reader.more(after, unit)
            complete &= bool(pending)
            found += [Period(days=_days(each + more, unit), place=start) for start, each in pending.items()]
            pending.clear()
        elif words[place] not in _BETWEEN:
            complete &= not words[place][0].isdigit()
            pending.clear()
        place = after
    return Periods(found=tuple(found), complete=complete)


def _days(amount: Fraction, unit: Fraction) -> int:
    days = amount * unit
    return -(-days // 1) if unit >= _UNITS["month"] else days // 1


class _Reader:
    """Read numbers and units at a place among words; each returns where it ends, and ``None`` for what is not there."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    def unit(self, place: int) -> Fraction | None:
        """Return the days of the unit at a place."""
        word = self._word(place)
        return _UNITS.get(word) or _UNITS.get(word.removesuffix("s"))

    def amount(self, place: int) -> tuple[Fraction | None, int]:
        """Read a number with its fraction: "one and a half", "2½", "half a"."""
        part, after = self._part(place)
        if part is not None:
            return part, after
        whole, after = self._whole(place)
        if whole is None:
            return None, place + 1
        sign = _is_sign(self._word(after))
        part, end = self._part(after + (self._word(after) == "and"))
        if part is None:
            return whole, after
        return (whole + part if sign or self._word(after) == "and" else whole * part), end

    def more(self, place: int, unit: Fraction) -> tuple[int, Fraction]:
        """Read what adds to a period, after its unit: "and a half", "and six months"; as a number of that unit.

        "6 months (183 days)" says it twice, and "a year, and 30 days for copies" is of two things.
        """
        amount, after = self.amount(place + 1)
        if amount is None or self._word(place) != "and":
            return place, Fraction(0)
        smaller = self.unit(after)
        if smaller is not None and smaller < unit and self._word(after + 1) != "for":
            return after + 1, amount * smaller / unit
        return (after, amount) if amount < 1 and smaller is None else (place, Fraction(0))

    def _word(self, place: int) -> str:
        return self._words[place] if place < len(self._words) else ""

    def _part(self, place: int) -> tuple[Fraction | None, int]:
        """Read a fraction: "half a", "a half", "a quarter of a", or a sign for one."""
        start = place + (self._word(place) in {*_ARTICLES, "one"} and self._word(place + 1) in {"half", "quarter"})
        word, after = self._word(start), start + 1
        if _is_sign(word):
            return Fraction(unicodedata.numeric(word)).limit_denominator(10), after
        of = self._word(after) == "of"
        if word != "half" and not (word in {"quarter", "quarters"} and of):
            return None, place
        after += of
        after += self._word(after) in _ARTICLES
        return Fraction(1, 2 if word == "half" else 4), after

    def _whole(self, place: int) -> tuple[Fraction | None, int]:
        """Read a number in figures or in words."""
        figures = _THOUSANDS.sub("", self._word(place))
        if _FIGURES.fullmatch(figures):
            return Fraction(figures), place + 1
        number, after = self._below_thousand(place)
        if number is not None and self._word(after) == "thousand":
            lower, end = self._below_thousand(after + 1 + (self._word(after + 1) == "and"))
            number, after = number * 1000 + (lower or 0), end if lower is not None else after + 1
        return (None if number is None else Fraction(number)), after

    def _below_thousand(self, place: int) -> tuple[int | None, int]:
        scale = self._word(place) in _SCALES  # "hundred days"
        number, after = (1, place) if scale else self._below_hundred(place)
        if number is None and self._word(place) in _ARTICLES:
            number, after = 1, place + 1
        times = self._word(after)
        if number is None or times not in {"hundred", "dozen"}:
            return number, after
        number, after = number * _SCALES[times], after + 1
        lower, end = self._below_hundred(after + (self._word(after) == "and"))
        return (number, after) if lower is None or times == "dozen" else (number + lower, end)

    def _below_hundred(self, place: int) -> tuple[int | None, int]:
        word, following = self._word(place), self._word(place + 1)
        if word in _BELOW_TWENTY:
            return _BELOW_TWENTY[word], place + 1
        if word not in _TENFOLD:
            return None, place
        ones = _BELOW_TWENTY.get(following, 0)
        return (_TENFOLD[word] + ones, place + 2) if 1 <= ones <= 9 else (_TENFOLD[word], place + 1)  # noqa: PLR2004 - a figure


def _is_sign(word: str) -> bool:
    return len(word) == 1 and unicodedata.category(word) == "No"
