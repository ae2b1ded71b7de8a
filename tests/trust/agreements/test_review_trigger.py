"""A clause's own trigger of a review."""

import pytest

from trust.agreements.review_trigger import ReviewTrigger, read_review_trigger
from trust.exchange.reader import Reader

TRIGGER = ReviewTrigger(useful_below=25, of=20)


@pytest.mark.parametrize(
    ("useful", "closed", "met"), [(4, 20, True), (5, 20, False), (0, 19, False), (0, 20, True), (20, 80, False)]
)
def test_a_clause_is_due_when_too_few_of_enough_alerts_were_useful(*, useful: int, closed: int, met: bool) -> None:
    assert TRIGGER.is_met(useful=useful, closed=closed) is met


def test_it_is_read_as_it_is_written() -> None:
    assert read_review_trigger(Reader({"review_when": {"useful_below": 25, "of": 20}})) == TRIGGER
    assert read_review_trigger(Reader({})) is None


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"useful_below": 0, "of": 1},
        {"useful_below": 101, "of": 1},
        {"useful_below": 1, "of": 0},
        5,
        {"useful_below": 1, "of": 1, "more": 1},
        {"useful_below": True, "of": 1},
    ],
)
def test_what_is_no_trigger_is_a_fault(written: object) -> None:
    reader = Reader({"review_when": written})
    read_review_trigger(reader)
    assert reader.faults
