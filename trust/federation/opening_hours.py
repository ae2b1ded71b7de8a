"""Opening hours, area, out-of-hours service and fallback of a service, as its node publishes them.

1. Hours are local times, by the day of the week: `{"monday": ["09:00-12:30", "13:15-17:00"]}`. An end may be "24:00".
2. A day that is not listed is closed. `bank_holidays` has the hours of bank holidays on any day of the week.
3. `closed` lists days on which the service is closed all day, as pairs of a first and a last day.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from itertools import pairwise

from trust import claims
from trust.errors import MalformedClaims
from trust.identifiers import TELEPHONE, ServiceRef, parse_service_ref
from trust.strict_json import JsonObject

MAX_SPANS = 4
MAX_CLOSED = 32
MAX_PLACE = 120
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Span = tuple[time, time]
"""An opening and a closing time; a closing at 00:00 is the midnight after the day."""
Days = tuple[date, date]
"""A first and a last day."""


class Weekday(StrEnum):
    """A day of the week, in the order of :meth:`datetime.date.weekday`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_WEEK = tuple(Weekday)


class Nation(StrEnum):
    """A part of the United Kingdom with bank holidays of its own."""

    ENGLAND_AND_WALES = "england-and-wales"
    SCOTLAND = "scotland"
    NORTHERN_IRELAND = "northern-ireland"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningHours:
    """The hours of a service. ``weekly`` has the days on which it opens."""

    weekly: Mapping[Weekday, tuple[Span, ...]]
    bank_holidays: tuple[Span, ...] = ()
    closed: tuple[Days, ...] = ()

    def spans(self, day: date, *, bank_holiday: bool) -> tuple[Span, ...]:
        """Return the hours of one day, in order; none where it is closed."""
        if any(first <= day <= last for first, last in self.closed):
            return ()
        return self.bank_holidays if bank_holiday else self.weekly.get(_WEEK[day.weekday()], ())


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceArea:
    """The place that a service is for, in its own words, and the nation whose bank holidays it keeps."""

    name: str
    nation: Nation


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfHours:
    """The service to turn to while another is closed: by telephone, by messages to ``service``, or both."""

    name: str
    phone: str | None = None
    service: ServiceRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """The person to telephone when no one reacts to an urgent item: a post or a team, and its number."""

    name: str
    phone: str


def parse_span(text: str) -> Span:
    """Read "09:00-17:00"; raise MalformedClaims."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise MalformedClaims('Hours must be written like "09:00-17:00", with an end of "24:00" at most.')
    opening = time(int(match[1]), int(match[2]))
    closing = time(int(match[3]), int(match[4])) if match[3] else time()
    if match[3] and closing <= opening:
        raise MalformedClaims("Hours must end after they begin: write those past midnight with the next day.")
    return opening, closing


def order_spans(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return the spans of one day; raise MalformedClaims where they are too many, out of order or overlap."""
    if len(spans) > MAX_SPANS:
        raise MalformedClaims(f"A day must not have more than {MAX_SPANS} spans of hours.")
    if any(before[1] == time() or before[1] > after[0] for before, after in pairwise(spans)):
        raise MalformedClaims("The hours of a day must be in order and must not overlap.")
    return tuple(spans)


def parse_opening_hours(hours: JsonObject) -> OpeningHours:
    """Read published hours; unknown members are ignored. Raise MalformedClaims."""
    weekly = {day: _parse_day(hours, day) for day in Weekday if day in hours}
    return OpeningHours(
        weekly={day: spans for day, spans in weekly.items() if spans},
        bank_holidays=_parse_day(hours, "bank_holidays") if "bank_holidays" in hours else (),
        closed=_parse_closed(hours) if "closed" in hours else (),
    )


def opening_hours_to_json(hours: OpeningHours) -> JsonObject:
    """Write hours as they are published."""
    listed: JsonObject = {str(day): [span_text(span) for span in spans] for day, spans in hours.weekly.items()}
    if hours.bank_holidays:
        listed["bank_holidays"] = [span_text(span) for span in hours.bank_holidays]
    if hours.closed:
        listed["closed"] = [[first.isoformat(), last.isoformat()] for first, last in hours.closed]
    return listed


def span_text(span: Span) -> str:
    """Write hours as :func:`parse_span` reads them."""
    opening, closing = span
    return f"{opening:%H:%M}-{'24:00' if closing == time() else f'{closing:%H:%M}'}"


def parse_area(area: JsonObject) -> ServiceArea:
    """Read a published area; raise MalformedClaims."""
    nation = claims.require_str(area, "nation")
    if nation not in tuple(Nation):
        raise MalformedClaims("'nation' of a service's area must be one of " + ", ".join(Nation) + ".")
    return ServiceArea(name=claims.require_str(area, "name", max_len=MAX_PLACE), nation=Nation(nation))


def area_to_json(area: ServiceArea) -> JsonObject:
    """Write an area as it is published."""
    return {"name": area.name, "nation": str(area.nation)}


def parse_out_of_hours(published: JsonObject) -> OutOfHours:
    """Read a published out-of-hours service, which has a telephone number, a service or both; raise MalformedClaims."""
    phone = claims.optional_str(published, "phone", max_len=MAX_PLACE)
    service = claims.optional_str(published, "service")
    if phone is None and service is None:
        raise MalformedClaims("'out_of_hours' must have a 'phone' or a 'service'.")
    if phone is not None and not TELEPHONE.fullmatch(phone):
        raise MalformedClaims("'phone' of 'out_of_hours' must be a telephone number.")
    return OutOfHours(
        name=claims.require_str(published, "name", max_len=MAX_PLACE),
        phone=phone,
        service=None if service is None else parse_service_ref(service),
    )


def out_of_hours_to_json(out_of_hours: OutOfHours) -> JsonObject:
    """Write an out-of-hours service as it is published."""
    published: JsonObject = {"name": out_of_hours.name}
    if out_of_hours.phone is not None:
        published["phone"] = out_of_hours.phone
    if out_of_hours.service is not None:
        published["service"] = str(out_of_hours.service)
    return published


def parse_fallback(published: JsonObject) -> Fallback:
    """Read a published fallback; raise MalformedClaims."""
    phone = claims.require_str(published, "phone", max_len=MAX_PLACE)
    if not TELEPHONE.fullmatch(phone):
        raise MalformedClaims("'phone' of 'fallback' must be a telephone number.")
    return Fallback(name=claims.require_str(published, "name", max_len=MAX_PLACE), phone=phone)


def _parse_day(hours: JsonObject, name: str) -> tuple[Span, ...]:
    texts = claims.require_str_list(hours, name, max_items=MAX_SPANS)
    return order_spans([parse_span(text) for text in texts])


def _parse_closed(hours: JsonObject) -> tuple[Days, ...]:
    return tuple(_parse_days(pair) for pair in claims.require_list(hours, "closed", max_items=MAX_CLOSED))


def _parse_days(pair: object) -> Days:
    if type(pair) is list and all(type(day) is str for day in pair):
        try:
            first, last = (date.fromisoformat(day) for day in pair if _DAY.fullmatch(day))
        except ValueError:
            pass
        else:
            if first <= last:
                return first, last
    raise MalformedClaims("Each of 'closed' must be a first and a last day, published YYYY-MM-DD.")
