"""Calendars of services: bank holidays of their nation, their hours, and school days.

1. A service's own published hours and nation count; where it publishes none, those of this node's ``[calendar]``.
2. Closed days of ``[calendar]`` delay no school day, and school terms delay no work.
3. A weekday outside the span of all terms counts as a school day: an unknown term delays no message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from holidays import country_holidays

from config.calendar import CalendarSettings, DateRange
from trust.agreements.time_terms import is_open, opens_at
from trust.federation.node_metadata import ServiceEntry
from trust.federation.opening_hours import Days, Fallback, Nation, OpeningHours, OutOfHours, Span

ZONE = ZoneInfo("Europe/London")
"""The one zone of all nations of the United Kingdom."""
_SUBDIVISION = {Nation.ENGLAND_AND_WALES: "ENG", Nation.SCOTLAND: "SCT", Nation.NORTHERN_IRELAND: "NIR"}
_SATURDAY = 5


@lru_cache(maxsize=64)
def bank_holidays(nation: Nation, year: int) -> frozenset[date]:
    """Return the bank holidays of a nation in one year, substitute days included."""
    return frozenset(country_holidays("GB", subdiv=_SUBDIVISION[nation], years=year))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCalendar:
    """When one service works, and when schools are open (:class:`trust.agreements.time_terms.Calendar`)."""

    nation: Nation
    hours: OpeningHours
    school_opens: time
    terms: tuple[Days, ...] = ()

    @property
    def zone(self) -> tzinfo:
        """The zone of the local times."""
        return ZONE

    def is_bank_holiday(self, day: date) -> bool:
        """Say whether the day is a bank holiday of the nation."""
        return day in bank_holidays(self.nation, day.year)

    def working_spans(self, day: date) -> Sequence[Span]:
        """Return the hours of a day."""
        return self.hours.spans(day, bank_holiday=self.is_bank_holiday(day))

    def school_start(self, day: date) -> time | None:
        """Return when schools begin on a day; ``None`` at weekends, on bank holidays and between terms."""
        if day.weekday() >= _SATURDAY or self.is_bank_holiday(day):
            return None
        return None if self._between_terms(day) else self.school_opens

    def _between_terms(self, day: date) -> bool:
        if any(first <= day <= last for first, last in self.terms):
            return False
        return any(last < day for _, last in self.terms) and any(first > day for first, _ in self.terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendars:
    """The calendars of services, made from ``[calendar]`` and from what each service publishes."""

    settings: CalendarSettings

    def of_own(self, entry: ServiceEntry | None) -> ServiceCalendar:
        """Return the calendar of a service of this node, or of the node itself."""
        return self._calendar(entry, self.settings.closed_days)

    def of_peer(self, entry: ServiceEntry | None) -> ServiceCalendar:
        """Return the calendar of another node's service; this node's closed days do not count for it."""
        return self._calendar(entry, ())

    def terms_end(self) -> date | None:
        """Return the last day of the last term that is known."""
        return max((term.last for term in self.settings.school_terms), default=None)

    def _calendar(self, entry: ServiceEntry | None, closed: tuple[DateRange, ...]) -> ServiceCalendar:
        settings = self.settings
        return ServiceCalendar(
            nation=entry.area.nation if entry and entry.area else settings.nation,
            hours=entry.hours if entry and entry.hours else settings.hours.opening_hours(closed),
            school_opens=settings.school_start,
            terms=tuple((term.first, term.last) for term in settings.school_terms),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedService:
    """A service that is closed now, as the sender of a red alert is told before sending."""

    sentence: str
    opens_at: datetime | None
    out_of_hours: OutOfHours | None


def closed_service(entry: ServiceEntry, calendars: Calendars, *, at: datetime) -> ClosedService | None:
    """Return what to say of a service that is closed; ``None`` where it is open or publishes no hours."""
    calendar = calendars.of_peer(entry)
    if entry.hours is None or is_open(at, calendar):
        return None
    opening = opens_at(at, calendar)
    local = None if opening is None else opening.astimezone(calendar.zone)
    opens = "" if local is None else f" and opens on {local:%A} {local.day} {local:%B} at {local:%H:%M}"
    return ClosedService(
        sentence=f"{entry.name} is closed now{opens}. {_instead(entry)}",
        opens_at=opening,
        out_of_hours=entry.out_of_hours,
    )


def _instead(entry: ServiceEntry) -> str:
    instead = entry.out_of_hours
    if instead is None:
        duty = f" on {entry.duty_phone}" if entry.duty_phone else ""
        return f"It names no out-of-hours service: for a red alert, ring its duty line{duty} too."
    ways = [
        *([f"ring {instead.name} on {instead.phone}"] if instead.phone else []),
        *([f"send the alert to {instead.name} ({instead.service})"] if instead.service else []),
    ]
    return f"For a red alert, {' or '.join(ways)}."


def fallback_of(entry: ServiceEntry, closed: ClosedService | None) -> Fallback | None:
    """Return who is to be telephoned when no one reacts.

    While the service is closed that is its out-of-hours service, else the fallback that it names, or its duty line.
    """
    instead = None if closed is None else closed.out_of_hours
    if instead is not None and instead.phone is not None:
        return Fallback(name=instead.name, phone=instead.phone)
    if entry.fallback is not None:
        return entry.fallback
    return Fallback(name=entry.name, phone=entry.duty_phone) if entry.duty_phone else None
