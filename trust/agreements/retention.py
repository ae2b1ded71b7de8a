"""The longest period that an agreement's words on retention state, as far as it can be read."""

import re
from itertools import pairwise

_NUMBERS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, word in enumerate(_NUMBERS, start=1)} | {
    word: value for value, word in zip(range(20, 100, 10), _TENS, strict=True)
}
_DAYS = {"day": 1, "week": 7, "fortnight": 14, "month": 31, "quarter": 92, "year": 366}
"""Days in each unit, at the most."""
_WORD = re.compile(r"[a-z]+|[0-9]+")
_MAX_DIGITS = 6


def longest_days(text: str) -> int | None:
    """Return the days for which answers are kept by ``text``, such as "90 days" or "six years"; ``None`` where none is.

    It is the longest period of the sentences about answers, or of the whole text where those state none.
    """
    sentences = text.lower().split(".")
    about_answers = [period for sentence in sentences if "answer" in sentence for period in _periods(sentence)]
    return max(about_answers or _periods(text.lower()), default=None)


def _periods(text: str) -> list[int]:
    words = _WORD.findall(text)
    periods = []
    for place, (before, word) in enumerate(pairwise(words)):
        unit = _DAYS.get(word) or _DAYS.get(word.removesuffix("s"))
        if unit is not None:
            periods.append(unit * _number(before, words[place - 1] if place else ""))
    return [period for period in periods if period]


def _number(word: str, earlier: str) -> int:
    """Read the number before a unit; 0 where it is none."""
    if word.isdigit():
        return int(word) if len(word) <= _MAX_DIGITS else 0
    if word in {"a", "an", "calendar", "working"}:
        return _number(earlier, "") if word in {"calendar", "working"} else 1
    value = _VALUES.get(word, 0)
    return value + _VALUES[earlier] if value and value < 10 and earlier in _TENS else value  # noqa: PLR2004 - twenty-one
