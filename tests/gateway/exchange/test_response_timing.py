"""The time of an answer tells nothing of whether a record was there (assertion A42)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from random import Random
from threading import Event, Thread
from typing import TypeVar

import pytest

from adapters.contract import Adapter, Candidate, Deadline, SourceUnavailable
from adapters.timing import propose
from gateway.accountability.rate_limits import QueryCharge, RateLimits
from gateway.callers import PeerCaller
from gateway.exchange.answer import RestrictionsOf
from gateway.exchange.inbound import Inbound
from gateway.exchange.response_timing import COMMIT_MARGIN_S, ResponseTimer
from gateway.ports import Store, Transaction
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import IN_DOUBT, KNOWN, NOBODY, TRUST
from trust.agreements.budget import Budget, Exceeded
from trust.agreements.decision import PersonRestrictions
from trust.exchange.envelope import MAX_BYTES
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject
from trust.exchange.reply import TYP
from trust.jose import peek

SAMPLES = 10_000
CALLS_S = (0.0, 0.03, 0.1, 0.12, 0.15, 0.3)
"""What a call to the case system takes."""
T = TypeVar("T")


@dataclass(slots=True)
class SimulatedTime:
    """A monotonic clock that passes only while a thread works or sleeps."""

    moment: float = 100.0

    def now(self) -> float:
        return self.moment

    def pass_(self, seconds: float) -> None:
        self.moment += seconds

    @property
    def timer(self) -> ResponseTimer:
        return ResponseTimer(now=self.now, sleep=self.pass_)


@dataclass(frozen=True, slots=True)
class Slow:
    """A case system that takes a while for each of its two questions."""

    source: Adapter
    time: SimulatedTime
    find_s: Callable[[], float]
    read_s: Callable[[], float]

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        self.time.pass_(self.find_s())
        assert self.source.involvement is not None
        return self.source.involvement.find(subject, deadline=deadline)

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        self.time.pass_(self.read_s())
        assert self.source.involvement is not None
        return self.source.involvement.involvements(ref, deadline=deadline)


def paced(inbound: Inbound, time: SimulatedTime, step_s: float) -> Inbound:
    """Return the node in simulated time, each of its services with this step."""
    services = {slug: replace(each, answer_after_s=step_s) for slug, each in inbound.services.items()}
    return replace(inbound, services=services, timer=time.timer)


@pytest.mark.holds("A42")
@pytest.mark.parametrize("call_s", CALLS_S)
def test_ten_thousand_answers_of_either_kind_leave_at_the_step_that_is_proposed(call_s: float) -> None:
    chance = Random(42)  # noqa: S311 - samples, no secrets
    step_s = propose(call_s)

    def left_after(calls: int) -> float:
        time = SimulatedTime()
        began = time.now()
        for _ in range(calls):
            time.pass_(chance.uniform(0.7, 1.0) * call_s + chance.uniform(0.001, 0.01))
        time.timer.wait_for_step(since=began, step_s=step_s, margin_s=COMMIT_MARGIN_S)
        time.pass_(chance.uniform(0.001, COMMIT_MARGIN_S))
        time.timer.wait_for_step(since=began, step_s=step_s)
        return round(time.now() - began, 9)

    absent = {left_after(calls=1) for _ in range(SAMPLES)}
    closed = {left_after(calls=2) for _ in range(SAMPLES)}
    assert absent == closed == {step_s}


def test_slower_work_and_a_slower_commit_wait_for_a_later_step() -> None:
    time = SimulatedTime()
    time.pass_(0.96)
    time.timer.wait_for_step(since=100.0, step_s=1.0, margin_s=COMMIT_MARGIN_S)
    assert time.now() == pytest.approx(102.0 - COMMIT_MARGIN_S)
    time.pass_(2 * COMMIT_MARGIN_S)
    time.timer.wait_for_step(since=100.0, step_s=1.0)
    assert time.now() == pytest.approx(103.0)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A case system that fails once it was asked about a person that it holds, and for no other."""

    source: Slow
    known: Subject

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        found = self.source.find(subject, deadline=deadline)
        if subject.nhs_number == self.known.nhs_number:
            raise SourceUnavailable("The record is sealed.")
        return found

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        return self.source.involvements(ref, deadline=deadline)


@pytest.mark.holds("A42")
def test_a_node_says_nothing_to_share_at_one_moment_for_any_cause(
    pair: Network, inbound: Inbound, hand: PeerHand, caller: PeerCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    time, chance = SimulatedTime(), Random(7)  # noqa: S311 - samples, no secrets
    adapter = pair.adapter(TRUST, "mental-health")

    def took(subject: Subject, source: Slow | Sealed, step_s: float) -> float:
        pair.use_adapter(TRUST, "mental-health", replace(adapter, involvement=source))
        node, began = paced(inbound, time, step_s), time.now()
        node.handle(hand.signed(hand.message(subject=subject)), caller, pair.clock.now())
        return round(time.now() - began, 9)

    def call(call_s: float) -> float:
        return chance.uniform(0.8, 1.0) * call_s + chance.uniform(0.001, 0.01)

    for call_s in CALLS_S:
        slow, step_s = Slow(adapter, time, partial(call, call_s), partial(call, call_s)), propose(call_s)
        known = took(KNOWN, slow, step_s)
        absent, in_doubt = took(NOBODY, slow, step_s), took(IN_DOUBT, slow, step_s)
        sealed = took(KNOWN, Sealed(slow, KNOWN), step_s)
        with monkeypatch.context() as restricted:
            restricted.setattr(RestrictionsOf, "__call__", lambda *_: PersonRestrictions(withheld=True))
            withheld = {took(KNOWN, slow, step_s) for _ in range(5)}
        assert {absent, in_doubt, sealed, *withheld} == {step_s}
        assert known < step_s  # what is told is told at once


class Late(RateLimits):
    """RateLimits that are used up by another question between the check and the charge."""

    def check(self, tx: Transaction, asked: QueryCharge, *, now: datetime) -> Exceeded | None:
        return None


@pytest.mark.holds("A42")
@pytest.mark.parametrize("subject", [KNOWN, NOBODY], ids=["known", "nobody"])
def test_a_budget_that_another_question_used_up_meanwhile_is_told_at_the_same_moment(
    pair: Network, inbound: Inbound, hand: PeerHand, caller: PeerCaller, subject: Subject
) -> None:
    time, one = SimulatedTime(), Budget(per_hour=1, burst=1)
    limits = replace(inbound.budgets.limits, subject=one)
    node = replace(paced(inbound, time, step_s=1.0), budgets=Late(limits=limits))
    for status in ("known" if subject is KNOWN else "nothing_to_share", "refused"):
        began = time.now()
        answered = node.handle(hand.signed(hand.message(subject=subject)), caller, pair.clock.now())
        assert peek(answered, typ=TYP, max_bytes=MAX_BYTES).claims["body"]["status"] == status
    assert round(time.now() - began, 9) == 1.0


@dataclass(frozen=True, slots=True)
class Dated:
    """A store that notes when something is written."""

    store: Store
    time: SimulatedTime
    written: list[float]

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self.store.read(work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        self.written.append(self.time.now())
        return self.store.write(work)

    erase = write

    def is_nearly_full(self) -> bool:
        return self.store.is_nearly_full()

    def close(self) -> None:
        """Leave the store to its node."""


@pytest.mark.holds("A42")
def test_what_is_not_told_is_written_down_at_one_moment_too(
    pair: Network, inbound: Inbound, hand: PeerHand, caller: PeerCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    time, written = SimulatedTime(), list[float]()
    adapter = pair.adapter(TRUST, "mental-health")
    slow = Slow(adapter, time, lambda: 0.03, lambda: 0.09)
    pair.use_adapter(TRUST, "mental-health", replace(adapter, involvement=slow))
    node = replace(paced(inbound, time, step_s=1.0), store=Dated(inbound.store, time, written))

    def wrote(subject: Subject) -> list[float]:
        began = time.now()
        written.clear()
        node.handle(hand.signed(hand.message(subject=subject)), caller, pair.clock.now())
        return [round(each - began, 9) for each in written]

    absent = wrote(NOBODY)
    with monkeypatch.context() as restricted:
        restricted.setattr(RestrictionsOf, "__call__", lambda *_: PersonRestrictions(withheld=True))
        withheld = wrote(KNOWN)
    assert absent == withheld == [1.0 - COMMIT_MARGIN_S]


@pytest.mark.holds("A42")
def test_a_repeated_message_does_not_show_how_long_the_search_took(
    pair: Network, inbound: Inbound, hand: PeerHand, caller: PeerCaller
) -> None:
    raw, held, go_on = hand.signed(hand.message(subject=NOBODY)), Event(), Event()

    def wait(_seconds: float) -> None:
        held.set()
        assert go_on.wait(20)

    waiting = replace(inbound, timer=ResponseTimer(sleep=wait))
    first = Thread(target=waiting.handle, args=(raw, caller, pair.clock.now()), daemon=True)
    first.start()
    assert held.wait(20)  # the search is over, and the answer waits
    steps: list[float] = []
    replace(inbound, timer=ResponseTimer(sleep=steps.append)).handle(raw, caller, pair.clock.now())
    assert steps  # the repeat was held like a first message: nothing was there to be repeated yet
    go_on.set()
    first.join(20)
