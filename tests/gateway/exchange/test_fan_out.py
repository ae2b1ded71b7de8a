"""The fan-out: several questions at once, always an outcome for each, and a fault costs only its own line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Barrier, Event
from typing import Any, cast

import pytest

from gateway.callers import CaseRefusal, CaseRefused
from gateway.exchange.fan_out import (
    FAILED,
    MAX_PARALLEL,
    MAX_PARALLEL_FOR_ONE,
    MAX_WAITING,
    TOO_LATE,
    UNRECORDED,
    FanOut,
    PlannedQuery,
    select_targets,
    summary,
)
from gateway.exchange.outbound import PeerQuery, QueryOutcome, QueryStatus
from gateway.ports import NodeBusy, StoreBusy, StoreFull
from tests.gateway.exchange.query_spec import spec
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL, TRUST
from trust.exchange.eligibility import ELIGIBILITY_QUERY
from trust.identifiers import EntityId, PurposeCode, RoleCode, ServiceRef, ServiceSlug

WELL = QueryOutcome(status=QueryStatus.ANSWERED)
Ask = Callable[[float], QueryOutcome]


class Scripted:
    """An outbound line whose question is what it does; it notes how long each was allowed."""

    def __init__(self) -> None:
        self.allowed: list[float] = []

    def ask(self, query: Ask, *, effect: object, timeout_s: float) -> QueryOutcome:
        self.allowed.append(timeout_s)
        return query(timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedScript(PlannedQuery):
    """A query to an agency that is what it does."""

    to: EntityId

    @property
    def agency(self) -> EntityId:
        return self.to


def plan(*queries: Ask, agency: EntityId = COUNCIL) -> list[PlannedQuery]:
    return [
        PlannedScript(query=cast("PeerQuery", query), to=agency, effect=lambda _tx, _outcome: None) for query in queries
    ]


def well(_timeout_s: float) -> QueryOutcome:
    return WELL


def failing(error: Exception) -> Ask:
    def fail(_timeout_s: float) -> QueryOutcome:
        raise error

    return fail


@pytest.fixture
def crashes() -> list[BaseException]:
    return []


@pytest.fixture
def outbound() -> Scripted:
    return Scripted()


@pytest.fixture
def fan_out(outbound: Scripted, crashes: list[BaseException]) -> Iterator[FanOut]:
    made = FanOut(outbound, peer_s=2.0, crashed=crashes.append)  # type: ignore[arg-type]
    yield made
    if made._pool is not None:
        made._pool.shutdown()


def test_outcomes_come_in_the_order_of_the_plan(fan_out: FanOut) -> None:
    first = Event()

    def slow(_timeout_s: float) -> QueryOutcome:
        first.wait(10)
        return TOO_LATE

    def quick(_timeout_s: float) -> QueryOutcome:
        first.set()
        return WELL

    running = fan_out.start(plan(slow, quick), limit_s=10, done=lambda: None)
    assert running.wait(10) == (TOO_LATE, WELL)


def test_questions_are_asked_at_the_same_time(fan_out: FanOut) -> None:
    together = Barrier(8)

    def meet(_timeout_s: float) -> QueryOutcome:
        together.wait(20)
        return WELL

    assert fan_out.start(plan(*[meet] * 8), limit_s=30, done=lambda: None).wait(30) == (WELL,) * 8


def test_what_is_still_out_has_no_outcome_yet(fan_out: FanOut) -> None:
    go = Event()

    def held(_timeout_s: float) -> QueryOutcome:
        go.wait(10)
        return WELL

    running = fan_out.start(plan(held, well), limit_s=10, done=lambda: None)
    while running.wait(0.05)[1] is None:
        pass
    assert running.wait(0) == (None, WELL)
    go.set()
    assert running.wait(10) == (WELL, WELL)


def test_the_last_one_out_says_so_once(fan_out: FanOut) -> None:
    done: list[bool] = []
    fan_out.start(plan(*[well] * 20), limit_s=10, done=lambda: done.append(True)).wait(10)
    assert done == [True]


def test_no_question_may_take_longer_than_a_peer_may(fan_out: FanOut, outbound: Scripted) -> None:
    fan_out.start(plan(well, well), limit_s=60, done=lambda: None).wait(10)
    assert max(outbound.allowed) <= 2.0


def test_a_question_whose_turn_comes_too_late_is_not_asked(fan_out: FanOut, outbound: Scripted) -> None:
    assert fan_out.start(plan(well), limit_s=0, done=lambda: None).wait(10) == (TOO_LATE,)
    assert not outbound.allowed


@pytest.mark.parametrize("error", [StoreFull("full"), StoreBusy("busy")], ids=["full", "busy"])
def test_a_question_that_cannot_be_recorded_is_a_line_without_a_reply(
    fan_out: FanOut, crashes: list[BaseException], error: Exception
) -> None:
    assert fan_out.start(plan(failing(error), well), limit_s=10, done=lambda: None).wait(10) == (UNRECORDED, WELL)
    assert not crashes


def test_a_fault_of_our_own_costs_one_line_and_is_told(fan_out: FanOut, crashes: list[BaseException]) -> None:
    fault = RuntimeError("a bug")
    assert fan_out.start(plan(failing(fault), well), limit_s=10, done=lambda: None).wait(10) == (FAILED, WELL)
    assert crashes == [fault]


def test_an_agency_that_stalls_costs_no_other_its_line(fan_out: FanOut) -> None:
    """As many lookups as there are threads hang on one agency, and the next one to another is answered."""
    go = Event()

    def stalled(_allowed_s: float) -> QueryOutcome:
        go.wait(30)
        return WELL

    stuck = [fan_out.start(plan(stalled), limit_s=60, done=lambda: None) for _ in range(MAX_PARALLEL + 5)]
    other = fan_out.start(plan(well, agency=TRUST), limit_s=60, done=lambda: None)
    assert other.wait(20) == (WELL,)
    assert all(each.wait(0) == (None,) for each in stuck)
    go.set()
    assert all(each.wait(30) == (WELL,) for each in stuck)
    assert not fan_out._under_way
    assert not fan_out._waiting


def test_a_failure_to_say_that_all_have_ended_keeps_no_thread(fan_out: FanOut, crashes: list[BaseException]) -> None:
    fault = RuntimeError("a bug")

    def fail() -> None:
        raise fault

    for _ in range(MAX_PARALLEL_FOR_ONE + 1):
        assert fan_out.start(plan(well), limit_s=10, done=fail).wait(10) == (WELL,)
    assert set(crashes) == {fault}


def test_more_than_can_be_ended_in_time_is_refused_before_it_begins(fan_out: FanOut) -> None:
    go = Event()

    def held(_allowed_s: float) -> QueryOutcome:
        go.wait(30)
        return WELL

    running = fan_out.start(plan(*[held] * MAX_WAITING), limit_s=60, done=lambda: None)
    with pytest.raises(NodeBusy):
        fan_out.check_room()
    go.set()
    running.wait(30)
    fan_out.check_room()


def test_nothing_starts_before_the_first_question(fan_out: FanOut) -> None:
    assert fan_out._pool is None


def test_targets_come_with_the_name_that_the_agreement_gives_their_agency(standing: Network) -> None:
    found = select_targets(standing.nodes[COUNCIL].agreements, spec(), now=standing.clock.now())
    assert {each.organisation for each in found} == {"Thornmere Council", "Thornmere Mental Health Trust"}
    assert [str(each.selected.holder) for each in found][-1] == f"{TRUST}#mental-health"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"purpose": PurposeCode("marketing")}, "purpose"),
        ({"role": RoleCode("volunteer")}, "role"),
        ({"kind": ELIGIBILITY_QUERY}, "kind of exchange"),
        ({"asker": ServiceRef(entity=COUNCIL, service=ServiceSlug("money-advice"))}, "No data-sharing agreement"),
    ],
    ids=["purpose", "role", "kind", "service"],
)
def test_without_a_permitted_target_the_first_reason_is_told(
    standing: Network, changes: dict[str, Any], word: str
) -> None:
    with pytest.raises(CaseRefused) as refused:
        select_targets(standing.nodes[COUNCIL].agreements, spec(**changes), now=standing.clock.now())
    assert refused.value.refusal is CaseRefusal.NOT_PERMITTED
    assert word in refused.value.detail
    assert refused.value.remedy


def test_a_summary_counts_who_said_something() -> None:
    assert summary(7, 8) == "7 of 8 services answered"
