"""The doctor names the calendar by which deadlines count, and asks for school terms before the last one ends."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.loading import load
from config.settings import NodeSettings
from gateway.administration.checks.calendars import TERMS_AHEAD, check_calendar
from tests.gateway.cli.conftest import Partnership

LAST_DAY = datetime(2027, 2, 12, 12, tzinfo=UTC)
CALENDAR = """
[calendar]
nation = "scotland"
school_terms = [{ first = 2027-01-05, last = 2027-02-12 }, { first = 2026-11-02, last = 2026-12-18 }]
"""


def settings_of(config: Path, more: str) -> NodeSettings:
    config.write_text(config.read_text() + more)
    settings = load(config, {})
    assert isinstance(settings, NodeSettings)
    return settings


def test_terms_that_end_soon_are_a_warning(partnership: Partnership) -> None:
    settings = settings_of(partnership.config("council"), CALENDAR)
    nation, terms = check_calendar(settings, LAST_DAY - TERMS_AHEAD)
    assert "bank holidays of scotland" in nation.detail
    assert not terms.warning
    assert "2027-02-12" in terms.detail
    _, terms = check_calendar(settings, LAST_DAY - TERMS_AHEAD + timedelta(days=1))
    assert terms.warning


def test_terms_that_are_not_set_are_told(partnership: Partnership) -> None:
    _, terms = check_calendar(settings_of(partnership.config("council"), ""), LAST_DAY)
    assert terms.ok
    assert "each weekday" in terms.detail
