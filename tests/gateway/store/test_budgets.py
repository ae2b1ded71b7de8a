"""Budgets and flags hold across restarts, workers and databases; an urgent question is answered, and flagged."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.accountability.rate_limits import OVER_BUDGET, BudgetExceeded, QueryBudgets, QueryCharge, RateLimits
from gateway.ports import Store
from gateway.store.factory import open_store
from gateway.store.tables import budgets as rows
from gateway.store.tables import flags
from trust.agreements.budget import Budget
from trust.identifiers import RoleCode

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ROOMY = Budget(per_hour=10_000, burst=10_000)
LIMITS = QueryBudgets(practitioner=Budget(per_hour=6, burst=5), agency=ROOMY, subject=ROOMY, roles={})
ASKED = QueryCharge(
    agency="https://council.example",
    practitioner="p-1",
    role=RoleCode("key-worker"),
    subject="s-1",
    persons=("s-1",),
)


def charged(store: Store, asked: QueryCharge, *, limits: QueryBudgets = LIMITS, now: datetime = NOW) -> bool:
    """Ask once, and say whether it was within the budgets."""
    try:
        store.write(lambda tx: RateLimits(limits=limits).charge(tx, asked, now=now))
    except BudgetExceeded:
        return False
    return True


def raised(store: Store) -> set[tuple[str, str]]:
    return {(flag.code, flag.asker) for flag in store.read(flags.list_open)}


@pytest.mark.holds("A43")
def test_a_practitioners_budget_survives_a_restart(store: Store, store_url: str, tmp_path: Path) -> None:
    assert [charged(store, ASKED) for _ in range(6)] == [True] * 5 + [False]
    again = open_store(store_url, base_dir=tmp_path)
    try:
        assert not charged(again, ASKED)
        assert again.read(lambda tx: RateLimits(limits=LIMITS).check(tx, ASKED, now=NOW)) is not None
        assert charged(again, ASKED, now=NOW + timedelta(minutes=10))
    finally:
        again.close()


@pytest.mark.holds("A43")
def test_workers_share_a_budget(store: Store, store_url: str, tmp_path: Path) -> None:
    workers = [store, open_store(store_url, base_dir=tmp_path)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda number: charged(workers[number % 2], ASKED), range(24)))
    workers[1].close()
    assert sum(outcomes) == 5


@pytest.mark.parametrize(
    ("limits", "other"),
    [
        (LIMITS, replace(ASKED, practitioner="p-2")),
        (replace(LIMITS, practitioner=ROOMY, agency=LIMITS.practitioner), replace(ASKED, agency="https://a.example")),
        (replace(LIMITS, practitioner=ROOMY, subject=LIMITS.practitioner), replace(ASKED, persons=("s-2",))),
    ],
)
def test_one_askers_budget_is_not_anothers(store: Store, limits: QueryBudgets, other: QueryCharge) -> None:
    assert not all(charged(store, ASKED, limits=limits) for _ in range(20))
    assert charged(store, other, limits=limits)


def test_a_role_may_have_a_budget_of_its_own(store: Store) -> None:
    limits = replace(LIMITS, roles={RoleCode("duty-officer"): Budget(per_hour=2, burst=1)})
    officer = replace(ASKED, role=RoleCode("duty-officer"))
    assert [charged(store, officer, limits=limits) for _ in range(2)] == [True, False]


@pytest.mark.holds("A43")
def test_an_urgent_question_is_answered_and_flagged_after_any_others(store: Store) -> None:
    assert not all(charged(store, ASKED) for _ in range(20))
    assert raised(store) == set()
    assert charged(store, replace(ASKED, urgent=True))
    assert raised(store) == {(OVER_BUDGET, ASKED.asker)}


def test_a_reviewed_flag_is_down_and_names_who_looked(store: Store) -> None:
    store.write(lambda tx: RateLimits(limits=LIMITS).flag_excess(tx, ASKED, now=NOW))
    store.write(lambda tx: RateLimits(limits=LIMITS).flag_excess(tx, ASKED, now=NOW + timedelta(minutes=1)))
    (flag,) = store.read(flags.list_open)
    assert (flag.count, flag.first_at, flag.last_at) == (2, NOW, NOW + timedelta(minutes=1))
    assert store.write(lambda tx: flags.review(tx, code=flag.code, asker=flag.asker, by="r.example", at=NOW)) == 1
    assert store.read(flags.list_open) == ()


def test_what_is_kept_is_forgotten_in_time(store: Store) -> None:
    charged(store, ASKED)
    tomorrow = NOW + timedelta(days=1)
    assert store.write(lambda tx: rows.erase_full(tx, now=tomorrow, batch=100)) == 3


def test_flags_of_one_agency_and_code_are_one_with_a_count(store: Store) -> None:
    for number in range(30):
        asked = replace(ASKED, practitioner=f"p-{number}")
        store.write(lambda tx, asked=asked: RateLimits(limits=LIMITS).flag_excess(tx, asked, now=NOW))  # type: ignore[misc]
    other = replace(ASKED, agency="https://police.example")
    store.write(lambda tx: RateLimits(limits=LIMITS).flag_excess(tx, other, now=NOW))
    folded = {each.agency: each for each in flags.fold(store.read(flags.list_open))}
    assert folded.keys() == {ASKED.agency, other.agency}
    assert (folded[ASKED.agency].count, len(folded[ASKED.agency].askers)) == (30, 30)
    assert store.read(flags.count_open) == 2
