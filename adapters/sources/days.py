"""Days in case systems: several forms, moments, blanks and stand-ins.

A form is one of :func:`time.strptime`. A value is read by the first form that fits; a search uses every spelling that
the same forms read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import product
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.sources.text import Unreadable, read_text

ISO_DATE: Final = "%Y-%m-%d"
STANDS_FOR_NONE: Final = "stands for no date"
Forms = tuple[str, ...]
ISO_ONLY: Final[Forms] = (ISO_DATE,)

_DIRECTIVE: Final = re.compile(r"%(.)")
_TIME: Final = re.compile(r"[ T]*%[HIMSfpzZ].*$")
_TOUCHING: Final = re.compile(r"%[A-Za-z]%")
_DIRECTIVES: Final = frozenset("dmYyjbBaAHIMSfpz")
_ISO_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_MOMENT: Final = re.compile(
    r"(?P<day>.*?[^ T])[ T]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]+)?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?"
)
_BEYOND: Final = re.compile(r"-?infinity|[0-9]{5,}-.*|.* BC|-[0-9]+-.*", re.IGNORECASE)
_FIRST_REAL_YEAR, _LAST_REAL_YEAR = 1901, 2200
_OLDEST: Final = timedelta(days=131 * 366)
_EPOCH: Final = date(1970, 1, 1)
_STILL_OPEN: Final = frozenset(
    {
        "null",
        "none",
        "nil",
        "na",
        "nan",
        "nat",
        "n/a",
        "open",
        "current",
        "currently",
        "ongoing",
        "continuing",
        "present",
        "active",
        "live",
        "false",
        "no",
        "n",
        "f",
        "until-further-notice",
        "to-date",
        "still-open",
        "still-active",
        "not-ended",
        "not-closed",
        "not-applicable",
        "no-end",
        "no-end-date",
        "never",
    }
)
_MARKS: Final = re.compile(r"[-\u2010-\u2015\u2212.\s]*")
_OVER: Final = frozenset({"true", "yes", "y", "t", "1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DayForms:
    """The forms of days in a source: the default, and those of fields that differ."""

    default: Forms = ISO_ONLY
    by_field: Mapping[str, Forms] = field(default_factory=dict)

    def for_field(self, name: str) -> Forms:
        """Return the forms of one field."""
        return self.by_field.get(name, self.default)


def check_form(form: str) -> None:
    """Refuse a form without a day, or with the time before it. Raises :class:`ValueError`."""
    directives = _DIRECTIVE.findall(form)
    if not set(directives) <= _DIRECTIVES:
        raise ValueError("has a directive that is not among %d %m %Y %y %j %b %B %a %A %H %I %M %S %f %p %z")
    of_the_day = _DIRECTIVE.findall(_TIME.sub("", form))
    year, month = {"Y", "y"}.intersection(of_the_day), {"m", "b", "B"}.intersection(of_the_day)
    if not year or not ("j" in of_the_day or (month and "d" in of_the_day)):
        raise ValueError("must say a year, a month and a day, before any time")


def check_forms(forms: Forms) -> None:
    """Refuse forms that read one text as two different days. Raises :class:`ValueError`."""
    for day in (date(2004, 1, 3), date(1987, 11, 10), date(2001, 2, 4)):
        for other_form, form in product(forms, repeat=2):
            try:
                other = _parse(day.strftime(other_form), form)
            except ValueError:
                continue
            if other != day:
                raise ValueError("two of the forms read the same text as different days")


def says_the_century(forms: Forms) -> bool:
    """Return whether every form has a four-digit year; with two digits a birth date is ambiguous."""
    return not any("%y" in form for form in forms)


def today() -> date:
    """Return the current day in the United Kingdom."""
    return _day_in_london(datetime.now(UTC).replace(minute=0, second=0, microsecond=0))


@lru_cache(maxsize=1)
def _day_in_london(hour: datetime) -> date:
    """Return the day in London of a whole hour in UTC, cached because every row needs it."""
    try:
        return hour.astimezone(_london()).date()
    except ZoneInfoNotFoundError:
        return hour.date()


def read_day(value: object, forms: Forms = ISO_ONLY) -> date | None:
    """Return a day, or ``None`` for a blank. A moment counts as its day, with a zone as its day in London."""
    if isinstance(value, datetime):
        return _day_of(value)
    if isinstance(value, date):
        return value
    text = read_text(value)
    if text is None:
        return None
    if forms[:1] == ISO_ONLY and (day := _iso_day(text)) is not None:  # the usual form
        return day
    if _is_placeholder(text):
        raise Unreadable(STANDS_FOR_NONE)
    for form in forms:
        try:
            return _parse(text, form)
        except Unreadable:
            raise
        except ValueError:
            continue
    if _BEYOND.fullmatch(text):
        raise Unreadable("is a date out of range")
    raise Unreadable(f"is not a date in the form {' or '.join(forms)}")


def read_birth_date(value: object, forms: Forms = ISO_ONLY) -> date | None:
    """Return a birth date. One in the future, or before any living person's, is unreadable."""
    day = read_day(value, forms)
    if day is None:
        return None
    now = today()
    if day in _NO_BIRTH:
        raise Unreadable(STANDS_FOR_NONE)
    if not now - _OLDEST <= day <= now:
        raise Unreadable("lies in the future or too long ago")
    return day


_NO_BIRTH: Final = frozenset({date(1899, 12, 30), date(1899, 12, 31), date(1900, 1, 1), date(1901, 1, 1)})
"""The first days of spreadsheets and several databases, to which they convert an empty date."""


def read_optional_day(value: object, forms: Forms = ISO_ONLY) -> date | None:
    """Return a day of an involvement. An impossible one is unreadable."""
    day = read_day(value, forms)
    if day is not None and not _FIRST_REAL_YEAR <= day.year <= _LAST_REAL_YEAR:
        raise Unreadable(STANDS_FOR_NONE)
    return day


def has_ended(value: object, forms: Forms = ISO_ONLY) -> bool:
    """Return whether an end has passed. A blank, a stand-in and a future day are no end. Raises :class:`Unreadable`."""
    if isinstance(value, bool):
        return value
    text = None if isinstance(value, date) else read_text(value)
    if text is None and not isinstance(value, date):
        return False
    if text is not None:
        word = text.lower()
        if _is_still_open(word) or _is_placeholder(text) or _BEYOND.fullmatch(text) or _is_never(text):
            return False
        if word in _OVER:
            return True
    day = read_day(value, forms)
    return day is not None and day.year >= _FIRST_REAL_YEAR and day != _EPOCH and day <= today()


def _is_still_open(text: str) -> bool:
    """Return whether a lower-case text means "still open", or is dashes only; other marks (?, ####) mean nothing."""
    return _MARKS.fullmatch(text) is not None or "-".join(re.findall(r"[\w/]+", text)) in _STILL_OPEN


def spellings(day: date, forms: Forms = ISO_ONLY) -> tuple[str, ...]:
    """Return the beginning of every text that ``forms`` read as ``day``; a time may follow."""
    if forms == ISO_ONLY:  # as nearly every source writes: what its form reads of what :func:`_written` makes
        months, days = ({f"{number:02}", str(number)} for number in (day.month, day.day))
        texts = [f"{day.year:04}-{each}" for each in map("-".join, product(sorted(months), sorted(days)))]
    else:
        texts = [
            text for form in forms for text in _day_spellings(day, _TIME.sub("", form)) if _reads_as(text, day, forms)
        ]
    if ISO_DATE in forms:  # the last hours of the day before in UTC, which are this day in summer time
        before = (day - timedelta(days=1)).isoformat()
        texts += [f"{before}{gap}{hour}" for gap, hour in product((" ", "T"), ("22", "23"))]
    return tuple(dict.fromkeys(texts))


def moments(day: date) -> tuple[str, str]:
    """Return the moments, with zone, at which ``day`` begins and ends in London."""
    starts = (datetime(each.year, each.month, each.day, tzinfo=_london()) for each in (day, day + timedelta(days=1)))
    begins, ends = (start.isoformat() for start in starts)
    return begins, ends


def _parse(text: str, form: str) -> date:
    """Read a day, or a moment with its day in ``form``. Raises :class:`ValueError`."""
    of_the_day = _TIME.sub("", form)
    for each in dict.fromkeys((form, of_the_day)):
        try:
            return _parse_day(text, each)
        except Unreadable:
            raise
        except ValueError:
            continue
    parts = _MOMENT.fullmatch(text)
    if parts is None:
        raise ValueError
    day = _parse_day(parts["day"], of_the_day)
    return day if parts["zone"] is None else _day_of(_moment(day, parts))


def _parse_day(text: str, form: str) -> date:
    if form == ISO_DATE:
        day = _iso_day(text)
        if day is None:
            raise ValueError
        return day
    return _day_of(datetime.strptime(text, form))  # noqa: DTZ007 - most forms have no zone


def _iso_day(text: str) -> date | None:
    parts = _ISO_DAY.fullmatch(text)
    try:
        return None if parts is None else date(int(parts[1]), int(parts[2]), int(parts[3]))
    except ValueError:
        return None


def _moment(day: date, parts: re.Match[str]) -> datetime:
    hour = int(parts["hour"])
    if parts["half"] is not None:
        hour = hour % 12 + (12 if parts["half"] in "Pp" else 0)
    zone = parts["zone"]
    offset = "+00:00" if zone in {"Z", "UTC", "GMT"} else zone
    return datetime.fromisoformat(f"{day.isoformat()}T{hour:02}:{parts['minute']}:{parts['second'] or '00'}{offset}")


def _day_of(moment: datetime) -> date:
    if moment.tzinfo is None:
        return moment.date()
    try:
        return moment.astimezone(_london()).date()
    except OverflowError:
        raise Unreadable("is a date out of range") from None
    except ZoneInfoNotFoundError:
        raise Unreadable("has a time zone, and this machine has no time zone data: install tzdata") from None


@cache
def _london() -> ZoneInfo:
    return ZoneInfo("Europe/London")


def _is_placeholder(text: str) -> bool:
    """Return whether a text has only zeros or only nines, and no letter: ``0000-00-00``, ``99/99/9999``."""
    day = text.replace("T", " ").split(" ", maxsplit=1)[0]
    digits = {char for char in day if char.isdigit()}
    return digits in ({"0"}, {"9"}) and not any(char.isalpha() for char in day)


def _is_never(text: str) -> bool:
    """Return whether a text is a day of the year 9999 in any form."""
    digits = "".join(char for char in text.split(" ", maxsplit=1)[0] if char.isdigit())
    return digits.startswith("9999") or digits.endswith("9999")


def _reads_as(text: str, day: date, forms: Sequence[str]) -> bool:
    try:
        return read_day(text, tuple(forms)) == day
    except Unreadable:
        return False


def _day_spellings(day: date, form: str) -> Iterator[str]:
    """Yield the spellings of ``day`` in a form without time: padded or not, words in either case."""
    loose = not _TOUCHING.search(form)
    parts = re.split(r"(%.)", form)
    yield from ("".join(each) for each in product(*(_spellings_of(day, part, loose=loose) for part in parts)))


def _spellings_of(day: date, part: str, *, loose: bool) -> tuple[str, ...]:
    numbers = {"%d": day.day, "%m": day.month, "%j": day.timetuple().tm_yday}
    if part in numbers:
        plain, width = str(numbers[part]), 3 if part == "%j" else 2
        padded = (
            plain.zfill(width),
            plain,
            plain.rjust(width),
        )  # the last is how some databases convert a date to a text
        return tuple(dict.fromkeys(padded)) if loose else padded[:1]
    if part == "%Y":
        return (f"{day.year:04d}",)
    if part in {"%b", "%B", "%a", "%A"}:
        word = day.strftime(part)
        return (word, word.upper(), word.lower())
    return (day.strftime(part),) if part.startswith("%") else (part,)
