"""Days are read in the forms that systems write, found in every spelling that is read, and never invented."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources import days
from adapters.sources.days import (
    ISO_DATE,
    check_form,
    check_forms,
    has_ended,
    moments,
    read_birth_date,
    read_day,
    read_optional_day,
    spellings,
    today,
)
from adapters.sources.text import Unreadable

UK, MONTH_NAME, US_MOMENT = "%d/%m/%Y", "%d-%b-%Y", "%b %d %Y %I:%M%p"
TOMORROW = today() + timedelta(days=1)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (date(2008, 9, 2), ISO_DATE),
        (datetime(2008, 9, 2, 23, 59, tzinfo=UTC) - timedelta(hours=1), ISO_DATE),
        (datetime(2008, 9, 1, 23, 0, tzinfo=UTC), ISO_DATE),
        (datetime(2008, 9, 2, 0, 0, tzinfo=timezone(timedelta(hours=1))), ISO_DATE),
        ("2008-09-02", ISO_DATE),
        ("2008-9-2", ISO_DATE),
        ("2008-09-02T10:00:00", ISO_DATE),
        ("2008-09-02 10:00", ISO_DATE),
        ("2008-09-02 00:00:00.0000000", ISO_DATE),
        ("2008-09-01T23:00:00.000Z", ISO_DATE),
        ("2008-09-01 23:30:00+00", ISO_DATE),
        ("02/09/2008", UK),
        ("2/9/2008", UK),
        ("02/09/2008 00:00:00", UK),
        ("2/9/2008 12:00 AM", UK),
        ("02-SEP-2008", MONTH_NAME),
        ("Sep  2 2008 12:00AM", US_MOMENT),
        (20080902, "%Y%m%d"),
        (b"2008-09-02", ISO_DATE),
    ],
)
def test_a_day_is_read_as_the_system_writes_it(value: object, form: str) -> None:
    assert read_day(value, (form,)) == date(2008, 9, 2)


@pytest.mark.parametrize(
    "value", ["02/09/2008", "2008-13-01", "20080902", "2008-09-02x", "soon", "2008-09-02 25:00Z", True, 1.5]
)
def test_anything_else_is_not_a_day_and_is_not_repeated(value: object) -> None:
    with pytest.raises(Unreadable) as refused:
        read_day(value)
    assert str(value) not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("infinity", "is a date out of range"),
        ("-infinity", "is a date out of range"),
        ("10000-01-01", "is a date out of range"),
        ("0044-03-15 BC", "is a date out of range"),
        ("0000-00-00", "stands for no date"),
        ("00/00/0000", "stands for no date"),
        ("9999", "stands for no date"),
    ],
)
def test_the_cause_is_told(value: str, cause: str) -> None:
    with pytest.raises(Unreadable, match=cause):
        read_day(value)


@pytest.mark.parametrize("day", [TOMORROW, date(2054, 11, 23), date(1780, 1, 1), date(1901, 1, 1), date(1899, 12, 30)])
def test_no_birth_date_is_ahead_or_a_placeholder(day: date) -> None:
    with pytest.raises(Unreadable):
        read_birth_date(day)


def test_who_is_born_today_is_born() -> None:
    assert read_birth_date(today()) == today()


@pytest.mark.parametrize("day", [date(1899, 12, 31), date(9999, 12, 31), date(1, 1, 1)])
def test_a_day_that_no_involvement_has_is_left_out(day: date) -> None:
    with pytest.raises(Unreadable):
        read_optional_day(day)


def test_a_machine_without_time_zones_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> ZoneInfo:
        raise ZoneInfoNotFoundError

    monkeypatch.setattr(days, "_london", missing)
    with pytest.raises(Unreadable, match="install tzdata"):
        read_day("2008-09-01T23:00:00Z")
    assert read_day("2008-09-01") == date(2008, 9, 1)


class TestEnds:
    @pytest.mark.parametrize(
        "value",
        [
            None, "", "  ", "\u00a0", "0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "9999-12-31", "9999",
            "31/12/9999", "99991231", 9999, 0, "0", "infinity", "-infinity", "10000-01-01", "1899-12-30", "1900-01-01",
            "1753-01-01", "0001-01-01", "1970-01-01", "NULL", "n/a", "Ongoing", False, date(9999, 12, 31), TOMORROW,
            TOMORROW.isoformat(), "2999-01-01T00:00:00", "Still open", "not ended", "No end date", "(none)", "<null>",
            "NaT", "\u2014", "..", "ongoing.", "to date", "Active",
        ],
    )  # fmt: skip
    def test_what_is_no_end_or_lies_ahead_ends_nothing(self, value: object) -> None:
        assert not has_ended(value)

    @pytest.mark.parametrize("value", ["2016-01-01", "2016-01-01 09:00", date(2016, 1, 1), today(), True, "1", "Yes"])
    def test_an_end_that_has_come_ends(self, value: object) -> None:
        assert has_ended(value)

    @pytest.mark.parametrize(
        "value", ["when he left", "31/02/2020", "2016-13-01", "?", "unknown", "TBC", "closed", "#####", "***"]
    )
    def test_what_may_be_an_end_is_unreadable(self, value: str) -> None:
        with pytest.raises(Unreadable):
            has_ended(value)


FORMS = st.sampled_from(
    [ISO_DATE, UK, MONTH_NAME, "%Y%m%d", "%d.%m.%Y", "%d %B %Y", "%m/%d/%Y", "%Y/%j", US_MOMENT, "%d/%m/%Y %H:%M:%S"]
)
CLOCKS = st.sampled_from(["", " 00:00", " 00:00:00", "T00:00:00", " 23:59:59.123", " 9:05 PM"])


@given(st.dates(date(1901, 1, 1), date(2100, 1, 1)), FORMS, st.sampled_from([str, str.upper, str.lower]), CLOCKS)
def test_every_text_that_is_read_as_a_day_is_found_by_that_day(day: date, form: str, case: type, clock: str) -> None:
    text = case(day.strftime(form)) + clock
    try:
        read = read_day(text, (form,))
    except Unreadable:
        return
    assert read == day
    assert any(text.startswith(spelling) for spelling in spellings(day, (form,)))


@given(st.datetimes(datetime(1972, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis takes bounds without zone
def test_a_moment_in_utc_is_found_by_its_day_in_london(moment: datetime) -> None:
    text = moment.isoformat() + "Z"
    day = read_day(text)
    assert day is not None
    assert any(text.startswith(spelling) for spelling in spellings(day))


def test_a_day_in_london_begins_an_hour_earlier_in_summer() -> None:
    assert moments(date(2025, 6, 1)) == ("2025-06-01T00:00:00+01:00", "2025-06-02T00:00:00+01:00")


@pytest.mark.parametrize("form", ["%Y", "%m/%Y", "%H:%M", "%H:%M %d/%m/%Y", "%d/%m", "%c", "%d/%m/%Y %Q", "dd/mm/yyyy"])
def test_a_form_that_says_no_day_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match=r"must say|directive"):
        check_form(form)


def test_forms_that_read_one_text_as_two_days_are_refused() -> None:
    check_forms((UK, MONTH_NAME, ISO_DATE))
    with pytest.raises(ValueError, match="different days"):
        check_forms((UK, "%m/%d/%Y"))


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 12, 31)))
def test_a_day_is_spelled_alike_in_the_iso_form_alone_and_beside_another(day: date) -> None:
    beside = spellings(day, (ISO_DATE, "%d/%m/%Y"))
    assert spellings(day) == tuple(text for text in beside if "/" not in text)
