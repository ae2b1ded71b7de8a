"""Reviews and ends of agreements are due 90, 30 and 7 days before, and once they have passed."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.trust.agreements.examples import parsed
from trust.agreements.agreement import Agreement, Closure, InForce, NotInForce
from trust.agreements.due_dates import DateKind, DueStage, due_dates
from trust.exchange.envelope import AgreementRef

AGREEMENT = parsed()
FAR = date(2036, 1, 1)


def at(day: date, *, days: int = 0) -> datetime:
    return datetime.combine(day - timedelta(days=days), time(23, 59), UTC)


def stages(now: datetime, *standings: InForce | NotInForce) -> dict[tuple[int, DateKind], DueStage]:
    return {(each.agreement.version, each.kind): each.stage for each in due_dates(standings, now)}


def later(agreement: Agreement, **changes: object) -> Agreement:
    ref = AgreementRef(id=agreement.id, version=agreement.version + 1, digest="x" * 43)
    return replace(agreement, ref=ref, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("days", "stage"),
    [
        (91, None),
        (90, DueStage.IN_90_DAYS),
        (31, DueStage.IN_90_DAYS),
        (30, DueStage.IN_30_DAYS),
        (8, DueStage.IN_30_DAYS),
        (7, DueStage.IN_7_DAYS),
        (0, DueStage.IN_7_DAYS),
        (-1, DueStage.PASSED),
        (-300, DueStage.PASSED),
    ],
)
def test_each_day_has_the_stage_that_is_due(days: int, stage: DueStage | None) -> None:
    review = replace(AGREEMENT, valid_until=FAR)
    now = at(review.review_date, days=days)
    assert stages(now, InForce(agreement=review)).get((3, DateKind.REVIEW)) == stage
    ending = replace(AGREEMENT, review_date=FAR)
    now = at(ending.valid_until, days=days)
    standing = NotInForce(agreement=ending, missing=(), reason="It ended.") if days < 0 else InForce(agreement=ending)
    assert stages(now, standing) == ({} if stage is None else {(3, DateKind.END): stage})


@pytest.mark.parametrize(
    ("gap", "missing", "closure", "follows"),
    [
        (0, (), None, True),
        (1, (), None, True),
        (2, (), None, False),
        (1, (AGREEMENT.parties[0].entity,), None, False),
        (1, (), Closure.WITHDRAWN, False),
    ],
    ids=["same day", "next day", "a day too late", "unsigned", "withdrawn"],
)
def test_an_end_is_due_unless_a_signed_version_follows(
    gap: int, missing: tuple[str, ...], closure: Closure | None, follows: bool
) -> None:
    held = replace(AGREEMENT, review_date=FAR)
    begins = held.valid_until + timedelta(days=gap)
    waiting = later(held, valid_from=begins, valid_until=FAR)
    next_one = NotInForce(agreement=waiting, missing=missing, reason="", closure=closure)  # type: ignore[arg-type]
    assert stages(at(held.valid_until), InForce(agreement=held), next_one) == (
        {} if follows else {(3, DateKind.END): DueStage.IN_7_DAYS}
    )


def test_another_agreement_or_a_lower_version_does_not_follow() -> None:
    held = later(replace(AGREEMENT, review_date=FAR))
    lower = NotInForce(agreement=replace(AGREEMENT, valid_until=FAR, review_date=FAR), missing=(), reason="")
    ref = replace(held.ref, version=9, id="another")  # type: ignore[arg-type]
    other = InForce(agreement=replace(held, ref=ref, valid_until=FAR))
    assert stages(at(held.valid_until), InForce(agreement=held), lower, other) == {
        (4, DateKind.END): DueStage.IN_7_DAYS
    }


def test_what_does_not_bind_yet_or_never_again_is_not_due() -> None:
    now = at(AGREEMENT.review_date)
    unsigned = NotInForce(agreement=AGREEMENT, missing=(AGREEMENT.parties[0].entity,), reason="")
    closed = NotInForce(agreement=AGREEMENT, missing=(), reason="", closure=Closure.ENDED)
    future = NotInForce(agreement=replace(AGREEMENT, valid_from=now.date() + timedelta(days=1)), missing=(), reason="")
    assert stages(now, unsigned, closed, future) == {}
    halted = NotInForce(agreement=AGREEMENT, missing=(), reason="A party has suspended it.")
    assert stages(now, halted) == {(3, DateKind.REVIEW): DueStage.IN_7_DAYS}
