"""Settings of working time, school days and opening hours: ``[calendar]`` and what services add."""

from datetime import date, time
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from config.fields import Label, Phone
from config.tables import Frozen
from trust.errors import TrustError
from trust.federation.opening_hours import (
    MAX_CLOSED,
    Nation,
    OpeningHours,
    OutOfHours,
    Span,
    Weekday,
    order_spans,
    parse_span,
)
from trust.identifiers import parse_service_ref


def _spans(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        order_spans([parse_span(text) for text in texts])
    except TrustError as refused:
        raise ValueError(refused.detail) from refused
    return texts


def _service(text: str) -> str:
    try:
        return str(parse_service_ref(text))
    except TrustError as refused:
        raise ValueError(refused.detail) from refused


Spans = Annotated[tuple[str, ...], AfterValidator(_spans)]
OFFICE: Spans = ("09:00-17:00",)


class HoursSettings(Frozen):
    """``[calendar.hours]`` and ``[services.hours]``: spans of local time by day, such as ``["09:00-17:00"]``."""

    monday: Spans = ()
    tuesday: Spans = ()
    wednesday: Spans = ()
    thursday: Spans = ()
    friday: Spans = ()
    saturday: Spans = ()
    sunday: Spans = ()
    bank_holidays: Spans = ()

    @model_validator(mode="after")
    def _some_work(self) -> Self:
        if not any(getattr(self, day) for day in Weekday):
            raise ValueError('give at least one day its hours, such as monday = ["09:00-17:00"]')
        return self

    def opening_hours(self, closed: tuple["DateRange", ...] = ()) -> OpeningHours:
        """Return the hours, closed on these days."""
        weekly = {day: _parsed(getattr(self, day)) for day in Weekday}
        return OpeningHours(
            weekly={day: spans for day, spans in weekly.items() if spans},
            bank_holidays=_parsed(self.bank_holidays),
            closed=tuple((each.first, each.last) for each in closed),
        )


class DateRange(Frozen):
    """A first and a last day."""

    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("the last day must not lie before the first")
        return self


class OutOfHoursSettings(Frozen):
    """``[services.out_of_hours]``: the service to turn to while this one is closed."""

    name: Label
    phone: Phone | None = None
    service: Annotated[str, AfterValidator(_service)] | None = None

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if self.phone is None and self.service is None:
            raise ValueError("give its phone, its service, such as https://council.example#duty, or both")
        return self

    def out_of_hours(self) -> OutOfHours:
        """Return what the node publishes of it."""
        service = None if self.service is None else parse_service_ref(self.service)
        return OutOfHours(name=self.name, phone=self.phone, service=service)


class CalendarSettings(Frozen):
    """``[calendar]``: the nation whose bank holidays count, working hours, closed days and school terms."""

    nation: Nation = Nation.ENGLAND_AND_WALES
    hours: HoursSettings = HoursSettings(
        monday=OFFICE, tuesday=OFFICE, wednesday=OFFICE, thursday=OFFICE, friday=OFFICE
    )
    closed_days: tuple[DateRange, ...] = Field(default=(), max_length=MAX_CLOSED)
    school_start: time = time(8, 45)
    school_terms: tuple[DateRange, ...] = Field(default=(), max_length=64)


def _parsed(texts: tuple[str, ...]) -> tuple[Span, ...]:
    return tuple(parse_span(text) for text in texts)
