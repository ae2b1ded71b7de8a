"""What the age of the last good refresh allows."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.directory.stages import Stage, stage_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.holds("A29")
@pytest.mark.parametrize(
    ("age", "stage"),
    [
        (timedelta(0), Stage.NORMAL),
        (timedelta(minutes=15) - timedelta(seconds=1), Stage.NORMAL),
        (timedelta(minutes=15), Stage.ALARM),
        (timedelta(hours=24) - timedelta(seconds=1), Stage.ALARM),
        (timedelta(hours=24), Stage.URGENT_ONLY),
        (timedelta(hours=120) - timedelta(seconds=1), Stage.URGENT_ONLY),
        (timedelta(hours=120), Stage.CLOSED),
        (timedelta(days=400), Stage.CLOSED),
    ],
)
def test_each_age_has_its_stage(age: timedelta, stage: Stage) -> None:
    assert stage_of(NOW - age, now=NOW) is stage
