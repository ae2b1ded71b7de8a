"""Suggestions from DASH scores, DARA grades and professional judgement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.strategies import objects
from trust.exchange.alert import MOST_TICKS, parse_body
from trust.exchange.risk import RiskAdvice, SuggestedStep, advise

STATEMENT = {
    "field": "circumstances",
    "text": "He threatened her.",
    "about": ["p1"],
    "standing": "allegation",
    "source": "key worker",
    "on": "2026-12-04",
}
BOTH = (SuggestedStep.MARAC, SuggestedStep.ADVOCACY)


@pytest.mark.holds("S4")
@pytest.mark.parametrize(
    ("details", "reasons"),
    [
        ({"dash_score": 14}, 1),
        ({"dash_score": 27}, 1),
        ({"dara_grade": "high"}, 1),
        ({"dash_score": 9, "risk_level": "high"}, 1),  # professional judgement
        ({"dash_score": 0, "dara_grade": "high"}, 1),
        ({"dash_score": 20, "dara_grade": "high", "risk_level": "high"}, 3),
    ],
)
def test_a_high_assessment_suggests_marac_and_advocacy(details: dict[str, object], reasons: int) -> None:
    advice = advise(details)
    assert advice.steps == BOTH
    assert len(advice.reasons) == reasons


@pytest.mark.holds("S4")
@pytest.mark.parametrize(
    "details",
    [
        {},
        {"dash_score": 13},
        {"dash_score": 0, "dara_grade": "standard", "risk_level": "standard"},
        {"dara_grade": "medium", "risk_level": "medium"},
    ],
)
def test_a_low_or_missing_score_suggests_nothing_and_blocks_nothing(details: dict[str, object]) -> None:
    assert advise(details) == RiskAdvice()
    body = {"topic": "safeguarding", "details": details, "statements": [STATEMENT]}
    assert dict(parse_body(body).details) == details


@given(objects("dash_score", "dara_grade", "risk_level"))
def test_any_details_give_advice(details: dict[str, object]) -> None:
    assert advise(details).steps in {(), BOTH}


@given(st.integers(0, MOST_TICKS), st.integers(0, MOST_TICKS))
def test_a_higher_score_never_suggests_less(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert set(advise({"dash_score": low}).steps) <= set(advise({"dash_score": high}).steps)
