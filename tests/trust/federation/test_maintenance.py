"""Announced maintenance in a node's metadata."""

from datetime import UTC, datetime, timedelta

import pytest

from trust.claims import to_seconds
from trust.errors import MalformedClaims
from trust.federation.maintenance import LONGEST, Maintenance, maintenance_to_json, parse_maintenance

BEGINS = datetime(2026, 12, 1, 13, tzinfo=UTC)


def test_an_announcement_is_read_as_it_was_written() -> None:
    announced = Maintenance(begins=BEGINS, ends=BEGINS + LONGEST)
    assert parse_maintenance(maintenance_to_json(announced)) == announced
    assert announced.is_on(BEGINS)
    assert not announced.is_on(BEGINS + LONGEST)
    assert not announced.is_on(BEGINS - timedelta(seconds=1))


@pytest.mark.parametrize("length", [timedelta(), -timedelta(hours=1), LONGEST + timedelta(seconds=1)])
def test_one_that_has_no_sound_length_is_refused(length: timedelta) -> None:
    with pytest.raises(MalformedClaims):
        parse_maintenance({"from": to_seconds(BEGINS), "until": to_seconds(BEGINS + length)})


@pytest.mark.parametrize("value", [True, -1, 1.5, "1", 10**15, None])
def test_a_moment_that_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(MalformedClaims):
        parse_maintenance({"from": value, "until": to_seconds(BEGINS)})
