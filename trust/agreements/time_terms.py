"""The time in which a recipient must act: its written form in a clause, and the instant at which it ends.

1. A term has one spelling: "4 hours", "4 working hours", "1 working day", "before next school day".
2. Elapsed hours are real hours, also across a change of the clocks.
3. Working hours count only while the calendar says that people work.
4. A working day ends with the work of that day; the day of the start does not count.
5. A red message has elapsed time only: a working hour is an hour, a working day is 24.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from trust.errors import MalformedClaims
from trust.exchange.message import Urgency

_WRITTEN = re.compile(r"(?P<amount>[1-9][0-9]{0,2}) (?P<unit>hour|working hour|working day)(?P<plural>s?)")
_HORIZON = timedelta(days=400)
"""How far ahead a calendar is read: one without work or school for so long delays nothing."""


class TimeUnit(StrEnum):
    """What a term counts, in the singular of its written form."""

    HOUR = "hour"
    WORKING_HOUR = "working hour"
    WORKING_DAY = "working day"
    SCHOOL_DAY = "before next school day"


MOST = {TimeUnit.HOUR: 720, TimeUnit.WORKING_HOUR: 200, TimeUnit.WORKING_DAY: 60, TimeUnit.SCHOOL_DAY: 1}
"""The longest term in each unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTerm:
    """So many units of time. `str()` gives the written form that :func:`parse_time_term` reads."""

    amount: int
    unit: TimeUnit

    def __str__(self) -> str:
        if self.unit is TimeUnit.SCHOOL_DAY:
            return str(self.unit)
        return f"{self.amount} {self.unit}{'' if self.amount == 1 else 's'}"


DEFAULT_TERM = TimeTerm(amount=1, unit=TimeUnit.WORKING_DAY)
"""The term of a clause that states none."""


class Calendar(Protocol):
    """When a service works and when schools are open, in local time."""

    @property
    def zone(self) -> tzinfo:
        """The zone of the local times."""
        ...

    def working_spans(self, day: date) -> Sequence[tuple[time, time]]:
        """Return the spans of work of a day, in order and apart; none on a day off.

        An end at 00:00 is the midnight after the day.
        """
        ...

    def school_start(self, day: date) -> time | None:
        """Return when schools begin on a day; ``None`` where they are closed."""
        ...


def parse_time_term(text: str) -> TimeTerm:
    """Read a term in its one spelling; raise MalformedClaims."""
    if text == TimeUnit.SCHOOL_DAY:
        return TimeTerm(amount=1, unit=TimeUnit.SCHOOL_DAY)
    match = _WRITTEN.fullmatch(text)
    if match:
        term = TimeTerm(amount=int(match["amount"]), unit=TimeUnit(match["unit"]))
        if str(term) == text and term.amount <= MOST[term.unit]:
            return term
    raise MalformedClaims(
        'A time must be written like "1 hour", "4 working hours", "1 working day" or "before next school day": at most '
        f"{MOST[TimeUnit.HOUR]} hours, {MOST[TimeUnit.WORKING_HOUR]} working hours or {MOST[TimeUnit.WORKING_DAY]} "
        "working days."
    )


def due_at(term: TimeTerm, start: datetime, calendar: Calendar, *, urgency: Urgency | None = None) -> datetime:
    """Return when a term that began at ``start`` ends, in UTC.

    A red message that is due before the next school day is due after 24 hours at the latest: holidays last for weeks.
    ``start`` must name its zone (ValueError).
    """
    if start.tzinfo is None:
        raise ValueError("start must name its time zone")
    start = start.astimezone(UTC)
    if term.unit is TimeUnit.HOUR:
        return start + _elapsed(term)
    if urgency is not Urgency.RED:
        return _by_calendar(term, start, calendar)
    latest = start + _elapsed(term)
    return min(latest, _by_calendar(term, start, calendar)) if term.unit is TimeUnit.SCHOOL_DAY else latest


def is_open(at: datetime, calendar: Calendar) -> bool:
    """Say whether the service of a calendar works at an instant."""
    day = at.astimezone(calendar.zone).date()
    return any(
        _instant(day, opening, calendar) <= at < _closing(day, closing, calendar)
        for opening, closing in calendar.working_spans(day)
    )


def opens_at(at: datetime, calendar: Calendar) -> datetime | None:
    """Return when a service that is closed at an instant opens next, in UTC."""
    for day in _days(at, calendar, first=0):
        for opening, _ in calendar.working_spans(day):
            if (begin := _instant(day, opening, calendar)) > at:
                return begin
    return None


def _elapsed(term: TimeTerm) -> timedelta:
    in_hours = term.unit in {TimeUnit.HOUR, TimeUnit.WORKING_HOUR}
    return timedelta(hours=term.amount) if in_hours else timedelta(days=term.amount)


def _by_calendar(term: TimeTerm, start: datetime, calendar: Calendar) -> datetime:
    match term.unit:
        case TimeUnit.WORKING_HOUR:
            end = _after_work(timedelta(hours=term.amount), start, calendar)
        case TimeUnit.WORKING_DAY:
            end = _end_of_day(term.amount, start, calendar)
        case _:
            end = _school_start(start, calendar)
    return end or start + _elapsed(term)


def _after_work(work: timedelta, start: datetime, calendar: Calendar) -> datetime | None:
    for day in _days(start, calendar, first=0):
        for opening, closing in calendar.working_spans(day):
            begin = max(start, _instant(day, opening, calendar))
            end = _closing(day, closing, calendar)
            if end - begin >= work:
                return begin + work
            work -= max(end - begin, timedelta())
    return None


def _end_of_day(count: int, start: datetime, calendar: Calendar) -> datetime | None:
    for day in _days(start, calendar, first=1):
        spans = calendar.working_spans(day)
        count -= bool(spans)
        if count == 0:
            return _closing(day, spans[-1][1], calendar)
    return None


def _school_start(start: datetime, calendar: Calendar) -> datetime | None:
    for day in _days(start, calendar, first=0):
        opening = calendar.school_start(day)
        if opening is not None and (begin := _instant(day, opening, calendar)) > start:
            return begin
    return None


def _days(start: datetime, calendar: Calendar, *, first: int) -> Iterator[date]:
    today = start.astimezone(calendar.zone).date()
    return (today + timedelta(days=ahead) for ahead in range(first, _HORIZON.days))


def _instant(day: date, local: time, calendar: Calendar) -> datetime:
    return datetime.combine(day, local, calendar.zone).astimezone(UTC)


def _closing(day: date, local: time, calendar: Calendar) -> datetime:
    """Return the end of a span; of an hour that the clocks repeat, the second counts to it."""
    midnight = local == time()
    return _instant(day + timedelta(days=midnight), local.replace(fold=1), calendar)
