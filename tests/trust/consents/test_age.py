"""Age in law, by day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.consents.age import Jurisdiction, age_in_law

EVERY = list(Jurisdiction)
DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 12, 31))


@pytest.mark.parametrize("jurisdiction", EVERY)
@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2024, 2, 28), 15),
        (date(2008, 2, 29), date(2024, 2, 29), 16),
        (date(2088, 2, 29), date(2100, 2, 28), 11),  # 2100 is no leap year
        (date(2088, 2, 29), date(2100, 3, 1), 12),
        (date(1984, 2, 29), date(2000, 2, 29), 16),  # 2000 is one
        (date(2008, 2, 28), date(2026, 2, 28), 18),
        (date(2008, 3, 1), date(2026, 2, 28), 17),
        (date(2008, 12, 31), date(2026, 12, 30), 17),
        (date(2008, 12, 31), date(2026, 12, 31), 18),
        (date(2026, 11, 30), date(2026, 11, 30), 0),
    ],
)
def test_an_age_is_attained_with_the_day(born: date, on: date, age: int, jurisdiction: Jurisdiction) -> None:
    assert age_in_law(born, on, jurisdiction) == age


@given(born=DAYS, later=st.integers(min_value=0, max_value=40_000), jurisdiction=st.sampled_from(EVERY))
def test_an_age_grows_by_one_a_year_and_never_falls(born: date, later: int, jurisdiction: Jurisdiction) -> None:
    on = born + timedelta(days=later)
    today, tomorrow = (age_in_law(born, each, jurisdiction) for each in (on, on + timedelta(days=1)))
    assert tomorrow - today in {0, 1}
    assert abs(today - later / 365.2425) < 1.01


def test_there_is_no_age_before_the_birth() -> None:
    with pytest.raises(ValueError, match="before the birth"):
        age_in_law(date(2020, 1, 2), date(2020, 1, 1), Jurisdiction.SCOTLAND)
