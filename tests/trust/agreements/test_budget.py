"""A budget lets a burst through, then the hourly rate, and never more however the questions fall."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.agreements.budget import Budget, Exceeded, Spent, spend

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
BUDGET = Budget(per_hour=60, burst=10)


def allowed(budget: Budget, moments: list[datetime]) -> int:
    """Count how many of these questions are within the budget."""
    due, count = None, 0
    for moment in moments:
        outcome = spend(budget, due=due, now=moment)
        if isinstance(outcome, Spent):
            due, count = outcome.due, count + 1
    return count


def test_a_burst_comes_through_at_once_and_no_more() -> None:
    assert allowed(BUDGET, [NOW] * 30) == 10


def test_after_a_burst_the_rate_is_the_hourly_one() -> None:
    every_second = [NOW + timedelta(seconds=second) for second in range(3600)]
    assert allowed(BUDGET, every_second) == 10 + 59


def test_a_refusal_says_when_to_come_again_and_costs_nothing() -> None:
    due = None
    for _ in range(10):
        outcome = spend(BUDGET, due=due, now=NOW)
        assert isinstance(outcome, Spent)
        due = outcome.due
    refused = spend(BUDGET, due=due, now=NOW)
    assert refused == Exceeded(retry_after=timedelta(minutes=1))
    assert isinstance(spend(BUDGET, due=due, now=NOW + refused.retry_after), Spent)


def test_a_clock_that_was_put_back_locks_no_asker_out() -> None:
    outcome = spend(BUDGET, due=NOW + timedelta(days=300), now=NOW)
    assert outcome == Exceeded(retry_after=BUDGET.interval)


@given(
    st.integers(min_value=1, max_value=1000),
    st.integers(min_value=1, max_value=50),
    st.lists(st.integers(min_value=0, max_value=7200), max_size=200),
)
def test_no_hour_sees_more_than_its_rate_and_one_burst(per_hour: int, burst: int, seconds: list[int]) -> None:
    moments = [NOW + timedelta(seconds=second) for second in sorted(seconds)]
    for start in moments:
        within = [moment for moment in moments if start <= moment <= start + timedelta(hours=1)]
        assert allowed(Budget(per_hour=per_hour, burst=burst), within) <= per_hour + burst


@pytest.mark.parametrize("per_hour", [1, 7, 3600])
def test_an_asker_within_the_rate_is_never_refused(per_hour: int) -> None:
    budget = Budget(per_hour=per_hour, burst=1)
    moments = [NOW + budget.interval * number for number in range(50)]
    assert allowed(budget, moments) == 50
