"""Terms of a clause, over weekends, holidays and changes of the clocks."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.agreements.time_terms import DEFAULT_TERM, MOST, TimeTerm, TimeUnit, due_at, parse_time_term
from trust.errors import MalformedClaims, TrustError
from trust.exchange.message import Urgency

LONDON = ZoneInfo("Europe/London")
OFFICE = ((time(9), time(17)),)


@dataclass(frozen=True)
class Weekdays:
    """Monday to Friday, with some days off; `spans` of each working day, and school at 08:45 but in `no_school`."""

    days_off: frozenset[date] = frozenset()
    spans: tuple[tuple[time, time], ...] = OFFICE
    no_school: frozenset[date] = frozenset()
    all_week: bool = False
    zone: ZoneInfo = field(default=LONDON)

    def working_spans(self, day: date) -> tuple[tuple[time, time], ...]:
        return self.spans if day not in self.days_off and (self.all_week or day.weekday() < 5) else ()

    def school_start(self, day: date) -> time | None:
        return None if day.weekday() > 4 or day in self.days_off | self.no_school else time(8, 45)


ENGLAND = Weekdays(days_off=frozenset({date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)}))
SCOTLAND = Weekdays(days_off=ENGLAND.days_off | {date(2027, 1, 4)})
AROUND_THE_CLOCK = Weekdays(spans=((time(0), time(0)),), all_week=True)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


def due(term: str, start: str, calendar: Weekdays = ENGLAND, urgency: Urgency | None = None) -> datetime:
    return due_at(parse_time_term(term), local(start), calendar, urgency=urgency)


@pytest.mark.parametrize(
    "text", ["1 hour", "4 hours", "72 hours", "4 working hours", "1 working day", "60 working days"]
)
def test_a_term_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_time_term(text)) == text


def test_a_clause_without_a_term_gives_one_working_day() -> None:
    assert str(DEFAULT_TERM) == "1 working day"


@pytest.mark.parametrize(
    "text",
    [
        *("", "0 hours", "1 hours", "4 hour", "04 hours", "4  hours", " 4 hours", "4 hours ", "4 Hours", "4 hours\n"),
        *(
            "721 hours",
            "201 working hours",
            "61 working days",
            "9999 hours",
            "1 day",
            "PT4H",
            "-4 hours",
            "\u0664 hours",
        ),
        *("before next school days", "before next school day ", "Before next school day", "4.5 hours", "4 working"),
    ],
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(MalformedClaims, match="must be written like"):
        parse_time_term(text)


@given(st.text() | st.from_regex(r"[0-9]{1,4} (working )?(hour|day)s?", fullmatch=True))
def test_any_text_is_a_term_in_its_one_spelling_or_refused(text: str) -> None:
    try:
        term = parse_time_term(text)
    except TrustError:
        return
    assert str(term) == text
    assert 1 <= term.amount <= MOST[term.unit]


def test_elapsed_hours_are_real_hours_in_the_long_night_of_october() -> None:
    assert due("24 hours", "2026-10-24T12:00") == local("2026-10-25T11:00")
    assert due("4 hours", "2026-10-24T23:00") == local("2026-10-25T02:00")


def test_elapsed_hours_are_real_hours_in_the_short_night_of_march() -> None:
    assert due("24 hours", "2026-03-28T12:00") == local("2026-03-29T13:00")
    assert due("4 hours", "2026-03-28T23:00") == local("2026-03-29T04:00")


def test_working_hours_are_real_hours_when_the_clocks_change_at_work() -> None:
    assert due("8 working hours", "2026-10-24T23:00", AROUND_THE_CLOCK) == local("2026-10-25T06:00")
    assert due("8 working hours", "2026-03-28T23:00", AROUND_THE_CLOCK) == local("2026-03-29T08:00")
    night = Weekdays(spans=((time(0, 30), time(2, 30)),), all_week=True)
    assert due("3 working hours", "2026-10-25T00:00", night) == local("2026-10-25T02:30")
    assert due("1 working hour", "2026-03-29T00:00", night) == local("2026-03-29T02:30")


@pytest.mark.parametrize("start", ["2026-10-23T22:00", "2026-03-27T22:00"])
def test_work_after_a_weekend_with_a_change_begins_at_the_local_hour(start: str) -> None:
    monday = local(start).astimezone(LONDON).date() + timedelta(days=3)
    assert due("4 working hours", start) == datetime.combine(monday, time(13), LONDON)
    assert due("1 working day", start) == datetime.combine(monday, time(17), LONDON)
    assert due("before next school day", start) == datetime.combine(monday, time(8, 45), LONDON)


def test_working_hours_go_on_where_the_work_goes_on() -> None:
    assert due("4 working hours", "2026-11-30T15:00") == local("2026-12-01T11:00")
    assert due("2 working hours", "2026-11-30T15:00") == local("2026-11-30T17:00")
    lunch = Weekdays(spans=((time(9), time(12)), (time(13), time(17))))
    assert due("4 working hours", "2026-11-30T11:00", lunch) == local("2026-11-30T16:00")
    assert due("4 working hours", "2026-12-04T22:00", lunch) == local("2026-12-07T14:00")


def test_the_day_of_the_start_is_no_working_day_of_the_term() -> None:
    assert due("1 working day", "2026-11-30T00:10") == local("2026-12-01T17:00")
    assert due("1 working day", "2026-12-04T22:00") == local("2026-12-07T17:00")
    assert due("3 working days", "2026-12-04T10:00") == local("2026-12-09T17:00")


def test_christmas_on_a_friday_moves_boxing_day_to_monday() -> None:
    assert due("1 working day", "2026-12-24T16:00") == local("2026-12-29T17:00")
    assert due("4 working hours", "2026-12-24T16:00") == local("2026-12-29T12:00")


def test_new_year_is_a_day_longer_in_scotland() -> None:
    assert due("1 working day", "2026-12-31T12:00", ENGLAND) == local("2027-01-04T17:00")
    assert due("1 working day", "2026-12-31T12:00", SCOTLAND) == local("2027-01-05T17:00")


def test_a_school_has_the_message_before_its_next_day_begins() -> None:
    term = "before next school day"
    assert due(term, "2026-12-04T23:30") == local("2026-12-07T08:45")
    assert due(term, "2026-12-07T03:00") == local("2026-12-07T08:45")
    assert due(term, "2026-12-07T08:45") == local("2026-12-08T08:45")
    holidays = frozenset(date(2026, 12, 19) + timedelta(days=ahead) for ahead in range(16))
    assert due(term, "2026-12-18T16:00", Weekdays(no_school=holidays)) == local("2027-01-04T08:45")


def test_red_is_always_elapsed() -> None:
    red = Urgency.RED
    assert due("4 working hours", "2026-12-04T22:00", urgency=red) == local("2026-12-05T02:00")
    assert due("1 working day", "2026-12-24T16:00", urgency=red) == local("2026-12-25T16:00")
    assert due("72 hours", "2026-10-24T12:00", urgency=red) == local("2026-10-27T11:00")
    assert due("before next school day", "2026-12-04T22:00", urgency=red) == local("2026-12-05T22:00")
    assert due("before next school day", "2026-12-07T03:00", urgency=red) == local("2026-12-07T08:45")


@pytest.mark.parametrize("urgency", [Urgency.AMBER, Urgency.GREEN, None])
def test_only_red_is_always_elapsed(urgency: Urgency | None) -> None:
    assert due("1 working day", "2026-12-24T16:00", urgency=urgency) == local("2026-12-29T17:00")


def test_a_calendar_without_work_or_school_delays_nothing() -> None:
    idle = Weekdays(spans=(), no_school=frozenset(date(2026, 1, 1) + timedelta(days=ahead) for ahead in range(900)))
    assert due("4 working hours", "2026-12-04T22:00", idle) == local("2026-12-05T02:00")
    assert due("2 working days", "2026-12-04T22:00", idle) == local("2026-12-06T22:00")
    assert due("before next school day", "2026-12-04T22:00", idle) == local("2026-12-05T22:00")


def test_a_start_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        due_at(DEFAULT_TERM, datetime(2026, 12, 1), ENGLAND)  # noqa: DTZ001 - the fault


TERMS = st.sampled_from(list(TimeUnit)).flatmap(
    lambda unit: st.builds(TimeTerm, amount=st.integers(1, MOST[unit]), unit=st.just(unit))
)
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - UTC is added
CALENDARS = st.sampled_from(
    [ENGLAND, SCOTLAND, AROUND_THE_CLOCK, Weekdays(spans=((time(0, 30), time(1, 30)), (time(1, 45), time(0))))]
)
URGENCIES = st.sampled_from([None, *Urgency])


@given(TERMS, STARTS, STARTS, CALENDARS, URGENCIES)
def test_what_begins_later_is_never_due_earlier(
    term: TimeTerm, one: datetime, other: datetime, calendar: Weekdays, urgency: Urgency | None
) -> None:
    first, second = sorted((one, other))
    assert due_at(term, first, calendar, urgency=urgency) <= due_at(term, second, calendar, urgency=urgency)


@given(TERMS, STARTS, CALENDARS, URGENCIES)
def test_a_term_ends_after_it_begins_and_red_within_its_elapsed_time(
    term: TimeTerm, start: datetime, calendar: Weekdays, urgency: Urgency | None
) -> None:
    end = due_at(term, start, calendar, urgency=urgency)
    assert end > start
    assert end.utcoffset() == timedelta()
    if urgency is Urgency.RED:
        hours = 1 if term.unit in {TimeUnit.HOUR, TimeUnit.WORKING_HOUR} else 24
        assert end <= start + timedelta(hours=hours * term.amount)
    elif term.unit is TimeUnit.WORKING_HOUR:
        assert end >= start + timedelta(hours=term.amount)


@given(TERMS, STARTS, CALENDARS)
def test_the_zone_of_the_start_changes_nothing(term: TimeTerm, start: datetime, calendar: Weekdays) -> None:
    assert due_at(term, start, calendar) == due_at(term, start.astimezone(LONDON), calendar)
