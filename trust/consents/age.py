"""Age in law on a day, and the capacity that the law presumes at that age.

1. England and Wales: an age is attained at the beginning of the anniversary of the birth (Family Law Reform Act 1969
   s.9). No statute names the anniversary of 29 February in a common year. The year is then complete at the end of
   28 February, so the age begins on 1 March. To be confirmed by counsel.
2. Scotland: the beginning of the relevant anniversary (Age of Legal Capacity (Scotland) Act 1991 s.6(1)), which for a
   birth on 29 February is 1 March in a common year (s.6(2)).
3. Northern Ireland: as in England and Wales, by the Age of Majority Act (Northern Ireland) 1969. To be confirmed by
   counsel.

No library decides this: two that are widely used differ by a day. The day is the United Kingdom's; the caller knows it.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Jurisdiction(StrEnum):
    """The law by which a person's age and capacity are judged."""

    ENGLAND_AND_WALES = "england-and-wales"
    SCOTLAND = "scotland"
    NORTHERN_IRELAND = "northern-ireland"


_LEAP_DAY: Final = (2, 29)
_ANNIVERSARY_OF_LEAP_DAY: Final[Mapping[Jurisdiction, tuple[int, int]]] = MappingProxyType(
    {Jurisdiction.ENGLAND_AND_WALES: (3, 1), Jurisdiction.SCOTLAND: (3, 1), Jurisdiction.NORTHERN_IRELAND: (3, 1)}
)
"""Month and day on which, in a common year, a person born on 29 February attains an age."""


def age_in_law(birth_date: date, on: date, jurisdiction: Jurisdiction) -> int:
    """Return the age in whole years that the law gives a person on a day; the whole of a birthday counts.

    Raises ``ValueError`` for a day before the birth.
    """
    if on < birth_date:
        raise ValueError("the day is before the birth")
    years = on.year - birth_date.year
    return years if on >= _anniversary(birth_date, on.year, jurisdiction) else years - 1


def _anniversary(birth_date: date, year: int, jurisdiction: Jurisdiction) -> date:
    month, day = birth_date.month, birth_date.day
    is_leap_year = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if (month, day) == _LEAP_DAY and not is_leap_year:
        month, day = _ANNIVERSARY_OF_LEAP_DAY[jurisdiction]
    return date(year, month, day)
