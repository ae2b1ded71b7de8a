"""The age of the last good refresh decides what a node may do."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.federation.freshness import Freshness, coming_changes, freshness_of
from trust.federation.freshness import PROFILE_BOUNDS, Bounds

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.holds("A29")
@pytest.mark.parametrize(
    ("age", "stage"),
    [
        (timedelta(0), Freshness.NORMAL),
        (timedelta(minutes=15) - timedelta(seconds=1), Freshness.NORMAL),
        (timedelta(minutes=15), Freshness.ALARM),
        (timedelta(hours=24) - timedelta(seconds=1), Freshness.ALARM),
        (timedelta(hours=24), Freshness.URGENT_ONLY),
        (timedelta(hours=120) - timedelta(seconds=1), Freshness.URGENT_ONLY),
        (timedelta(hours=120), Freshness.CLOSED),
        (timedelta(days=400), Freshness.CLOSED),
    ],
)
def test_each_age_has_its_stage(age: timedelta, stage: Freshness) -> None:
    assert freshness_of(NOW - age, bounds=PROFILE_BOUNDS, now=NOW) is stage


def test_stages_that_begin_together_are_announced_as_the_strictest() -> None:
    hour = timedelta(hours=1)
    bounds = Bounds(alarm_after=timedelta(minutes=15), urgent_only_after=hour, closed_after=hour)
    coming = coming_changes(NOW, bounds=bounds, now=NOW)
    assert coming == ((Freshness.ALARM, NOW + timedelta(minutes=15)), (Freshness.CLOSED, NOW + hour))
    assert freshness_of(NOW - hour, bounds=bounds, now=NOW) is Freshness.CLOSED
