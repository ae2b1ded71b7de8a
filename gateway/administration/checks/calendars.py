"""The calendar by which deadlines count: nation, hours, and school terms that run out."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from adapters.contract import CheckLine
from config.settings import NodeSettings
from gateway.delivery.calendars import ZONE, Calendars

TERMS_AHEAD = timedelta(days=60)
"""How long before the last known term ends the doctor asks for the next ones."""


def check_calendar(settings: NodeSettings, now: datetime) -> Iterator[CheckLine]:
    """Report whose bank holidays count, and school terms that end soon or are missing."""
    calendar = settings.calendar
    silent = [service.slug for service in settings.services if service.hours is None]
    detail = f"bank holidays of {calendar.nation}"
    if silent:
        detail += f"; without hours of their own, and so counted by [calendar]: {', '.join(silent)}"
    yield CheckLine(name="deadlines count by a calendar", ok=True, detail=detail)
    last = Calendars(settings=calendar).terms_end()
    if last is None:
        detail = "none are set, so each weekday that is no bank holiday counts as a school day"
        yield CheckLine(name="school terms are known", ok=True, detail=detail)
        return
    yield CheckLine(
        name="school terms are known",
        ok=True,
        warning=last - now.astimezone(ZONE).date() < TERMS_AHEAD,
        detail=f"until {last}",
        remedy="Add the next terms to school_terms in [calendar]: later weekdays count as school days.",
    )
