"""Calendars of the three nations, opening hours, and what a sender is told of a closed service."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest
from holidays import country_holidays
from hypothesis import given
from hypothesis import strategies as st

from config.calendar import CalendarSettings, DateRange, HoursSettings
from gateway.delivery.calendars import ZONE, Calendars, ServiceCalendar, bank_holidays, closed_service, fallback_of
from trust.agreements.time_terms import due_at, is_open, opens_at, parse_time_term
from trust.exchange.message import Urgency
from trust.federation.node_metadata import ServiceEntry
from trust.federation.opening_hours import Fallback, Nation, OpeningHours, OutOfHours, ServiceArea, Weekday, parse_span
from trust.identifiers import ServiceSlug, parse_service_ref

TERMS = (
    DateRange(first=date(2026, 11, 2), last=date(2026, 12, 18)),
    DateRange(first=date(2027, 1, 4), last=date(2027, 2, 12)),
)
DAYS = tuple(Weekday)
OPEN = (parse_span("08:30-16:30"),)
DUTY = ServiceEntry(
    slug=ServiceSlug("duty"),
    name="Family Duty",
    kind="children",
    duty_phone="01632 960001",
    hours=OpeningHours(weekly=dict.fromkeys(DAYS[:5], OPEN), bank_holidays=(parse_span("10:00-14:00"),)),
    area=ServiceArea(name="Northmoor", nation=Nation.SCOTLAND),
    out_of_hours=OutOfHours(name="Emergency Duty Team", phone="01632 960999"),
)


def calendar(nation: Nation, school_terms: tuple[DateRange, ...] = ()) -> ServiceCalendar:
    return Calendars(settings=CalendarSettings(nation=nation, school_terms=school_terms)).of_own(None)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def due(term: str, start: str, by: ServiceCalendar) -> datetime:
    return due_at(parse_time_term(term), local(start), by)


def test_each_nation_has_its_own_first_working_day_of_2027() -> None:
    ends = {nation: due("1 working day", "2026-12-31T12:00", calendar(nation)) for nation in Nation}
    assert ends[Nation.ENGLAND_AND_WALES] == local("2027-01-04T17:00")
    assert ends[Nation.SCOTLAND] == local("2027-01-05T17:00")
    assert ends[Nation.NORTHERN_IRELAND] == local("2027-01-04T17:00")


@pytest.mark.parametrize("nation", Nation)
def test_the_substitute_of_boxing_day_2026_is_a_monday_everywhere(nation: Nation) -> None:
    assert due("1 working day", "2026-12-24T12:00", calendar(nation)) == local("2026-12-29T17:00")


def test_a_holiday_of_one_year_and_of_one_nation_counts() -> None:
    assert not calendar(Nation.SCOTLAND).working_spans(date(2026, 6, 15))
    assert calendar(Nation.ENGLAND_AND_WALES).working_spans(date(2026, 6, 15))
    assert not calendar(Nation.NORTHERN_IRELAND).working_spans(date(2026, 7, 13))


@given(st.integers(1990, 2090))
def test_wales_keeps_the_holidays_of_england(year: int) -> None:
    assert bank_holidays(Nation.ENGLAND_AND_WALES, year) == set(country_holidays("GB", subdiv="WLS", years=year))


@pytest.mark.holds("S3")
@pytest.mark.parametrize(
    ("incident", "school"),
    [
        ("2026-12-04T23:40", "2026-12-07T08:45"),  # a Friday night
        ("2026-12-18T23:40", "2027-01-04T08:45"),  # the last night of a term
        ("2026-12-07T02:10", "2026-12-07T08:45"),  # the night before a school day
    ],
)
def test_a_school_notice_is_due_before_the_next_school_day(incident: str, school: str) -> None:
    by = calendar(Nation.ENGLAND_AND_WALES, school_terms=TERMS)
    assert due("before next school day", incident, by) == local(school)


def test_a_school_day_of_scotland_is_no_bank_holiday_of_scotland() -> None:
    assert due("before next school day", "2026-12-18T23:40", calendar(Nation.SCOTLAND, school_terms=TERMS)) == local(
        "2027-01-05T08:45"
    )


def test_an_unknown_term_delays_nothing() -> None:
    by = calendar(Nation.ENGLAND_AND_WALES, school_terms=TERMS)
    assert by.school_start(date(2027, 2, 15)) == time(8, 45)
    assert by.school_start(date(2026, 10, 30)) == time(8, 45)
    assert by.school_start(date(2026, 12, 21)) is None


def test_terms_in_any_order_and_within_one_another_are_school_days() -> None:
    terms = (TERMS[1], DateRange(first=date(2026, 9, 1), last=date(2026, 12, 18)), TERMS[0])
    by = calendar(Nation.ENGLAND_AND_WALES, school_terms=terms)
    assert by.school_start(date(2026, 12, 18)) is not None
    assert by.school_start(date(2026, 12, 21)) is None


def test_closed_days_of_the_agency_delay_its_own_work_only() -> None:
    closed = (DateRange(first=date(2026, 11, 30), last=date(2026, 12, 1)),)
    calendars = Calendars(settings=CalendarSettings(closed_days=closed))
    assert due("1 working day", "2026-11-27T12:00", calendars.of_own(None)) == local("2026-12-02T17:00")
    assert due("1 working day", "2026-11-27T12:00", calendars.of_peer(None)) == local("2026-11-30T17:00")
    assert calendars.of_own(None).school_start(date(2026, 11, 30)) is not None


def test_both_ends_count_by_what_the_recipients_service_publishes() -> None:
    sender = Calendars(settings=CalendarSettings(nation=Nation.ENGLAND_AND_WALES))
    recipient = Calendars(settings=CalendarSettings(nation=Nation.NORTHERN_IRELAND))
    ends = {due("1 working day", "2026-12-31T12:00", by) for by in (sender.of_peer(DUTY), recipient.of_own(DUTY))}
    assert ends == {local("2027-01-01T14:00")}  # open on bank holidays


@pytest.mark.parametrize(
    ("at", "is_closed"),
    [
        *(("2026-12-04T08:29", True), ("2026-12-04T08:30", False), ("2026-12-04T16:29", False)),
        *(("2026-12-04T16:30", True), ("2026-12-05T12:00", True), ("2027-01-04T12:00", False)),
        *(("2027-01-04T09:00", True), ("2026-10-26T08:30", False), ("2026-03-30T08:30", False)),
    ],
)
def test_a_service_is_open_in_its_local_hours(at: str, is_closed: bool) -> None:
    assert is_open(local(at), Calendars(settings=CalendarSettings()).of_peer(DUTY)) is not is_closed


def test_a_service_that_never_closes_is_open_at_midnight() -> None:
    always = OpeningHours(weekly=dict.fromkeys(DAYS, (parse_span("00:00-24:00"),)), bank_holidays=OPEN)
    by = Calendars(settings=CalendarSettings()).of_peer(ServiceEntry(slug=DUTY.slug, name="D", kind="d", hours=always))
    assert is_open(local("2026-12-05T00:00"), by)
    assert is_open(local("2026-10-25T01:30"), by)
    assert not is_open(local("2026-12-25T03:00"), by)
    assert opens_at(local("2026-12-25T03:00"), by) == local("2026-12-25T08:30")


def test_a_closed_service_names_its_out_of_hours_service() -> None:
    closed = closed_service(DUTY, Calendars(settings=CalendarSettings()), at=local("2026-12-04T22:00"))
    assert closed is not None
    assert closed.opens_at == local("2026-12-07T08:30")
    assert closed.sentence == (
        "Family Duty is closed now and opens on Monday 7 December at 08:30. "
        "For a red alert, ring Emergency Duty Team on 01632 960999."
    )


def test_an_out_of_hours_service_may_take_messages_or_be_missing() -> None:
    calendars, at = Calendars(settings=CalendarSettings()), local("2026-12-04T22:00")
    night = OutOfHours(
        name="Night Desk", phone="01632 960998", service=parse_service_ref("https://county.example#night")
    )
    by_message = closed_service(replace(DUTY, out_of_hours=night), calendars, at=at)
    assert by_message is not None
    assert by_message.sentence.endswith(
        "ring Night Desk on 01632 960998 or send the alert to Night Desk (https://county.example#night)."
    )
    without = closed_service(replace(DUTY, out_of_hours=None), calendars, at=at)
    assert without is not None
    assert without.sentence.endswith("for a red alert, ring its duty line on 01632 960001 too.")


def test_nothing_is_said_of_an_open_service_or_of_one_without_hours() -> None:
    calendars = Calendars(settings=CalendarSettings())
    assert closed_service(DUTY, calendars, at=local("2026-12-04T12:00")) is None
    unknown = ServiceEntry(slug=DUTY.slug, name=DUTY.name, kind=DUTY.kind)
    assert closed_service(unknown, calendars, at=local("2026-12-04T22:00")) is None


def test_a_red_alert_to_a_closed_service_is_due_in_elapsed_time() -> None:
    by = Calendars(settings=CalendarSettings()).of_peer(DUTY)
    end = due_at(parse_time_term("4 working hours"), local("2026-12-04T22:00"), by, urgency=Urgency.RED)
    assert end == local("2026-12-05T02:00")


@pytest.mark.parametrize(
    "wrong",
    [
        {"monday": ["9-17"]},
        {"monday": ["17:00-09:00"]},
        {"monday": ["09:00-12:00", "11:00-17:00"]},
        {"monday": ["09:00-24:00", "00:00-01:00"]},
        {"bank_holidays": ["09:00-17:00"]},
        {},
    ],
)
def test_hours_that_cannot_be_are_refused(wrong: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match=r"[Hh]ours"):
        HoursSettings.model_validate(wrong)


def test_a_range_of_days_is_in_order() -> None:
    with pytest.raises(ValueError, match="must not lie before"):
        DateRange(first=date(2026, 12, 2), last=date(2026, 12, 1))


def test_the_fallback_is_who_answers_at_that_hour() -> None:
    calendars, night = Calendars(settings=CalendarSettings()), local("2026-12-04T22:00")
    manager = Fallback(name="Duty Manager", phone="01632 960777")
    closed = closed_service(DUTY, calendars, at=night)
    assert fallback_of(replace(DUTY, fallback=manager), closed) == Fallback(
        name="Emergency Duty Team", phone="01632 960999"
    )
    assert fallback_of(replace(DUTY, fallback=manager), None) == manager
    assert fallback_of(DUTY, None) == Fallback(name="Family Duty", phone="01632 960001")
    assert fallback_of(replace(DUTY, duty_phone=None), None) is None
