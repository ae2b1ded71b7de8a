"""`maintenance announce`, `show` and `end` change what the node says of itself."""

from datetime import UTC, datetime

import pytest

from gateway.administration.errors import OperationRefused
from gateway.administration.maintenance import read_moment
from tests.gateway.cli.conftest import Partnership, hearthgate

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_a_maintenance_is_announced_shown_and_ended(whole: Partnership) -> None:
    at = ("--config", whole.config("council"))
    assert "No maintenance" in hearthgate("maintenance", "show", *at).out
    announced = hearthgate("maintenance", "announce", "--until", "14:00", "--yes", *at)
    assert announced.code == 0, announced.err
    assert "Peers know by" in announced.out
    assert ": on." in hearthgate("maintenance", "show", *at).out
    assert hearthgate("maintenance", "end", "--yes", *at).code == 0
    again = hearthgate("maintenance", "end", "--yes", *at)
    assert (again.code, "No maintenance is announced" in again.err) == (1, True)


@pytest.mark.parametrize("until", ["2020-01-01T14:00", "noon", "2099-01-01T00:00"])
def test_one_that_is_over_or_too_long_or_no_time_is_refused(whole: Partnership, until: str) -> None:
    answer = hearthgate("maintenance", "announce", "--until", until, "--yes", "--config", whole.config("council"))
    assert answer.code == 1


def test_a_time_of_day_is_the_next_one_in_local_time() -> None:
    assert read_moment("14:00", after=NOON).astimezone(UTC) == datetime(2026, 7, 1, 13, tzinfo=UTC)
    assert read_moment("12:30", after=NOON).astimezone(UTC) == datetime(2026, 7, 2, 11, 30, tzinfo=UTC)
    assert read_moment("2026-07-01T14:00", after=NOON).astimezone(UTC) == datetime(2026, 7, 1, 13, tzinfo=UTC)
    assert read_moment("2026-07-01T14:00+00:00", after=NOON) == datetime(2026, 7, 1, 14, tzinfo=UTC)
    with pytest.raises(OperationRefused):
        read_moment("25:00", after=NOON)
