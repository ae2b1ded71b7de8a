"""How long it took to find nothing tells nothing (assertion A42)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from threading import Event, Thread
from typing import TypeVar

import pytest

from adapters.contract import Adapter, Candidate, Deadline
from gateway import answering
from gateway.inbound import Inbound, Sender
from gateway.pacing import SETTLED_S, STEP_S, Pace
from gateway.ports import Store, Transaction
from tests.federation.network import Network
from tests.federation.peer_hand import PeerHand
from tests.federation.test_conditional import IN_DOUBT, KNOWN, NOBODY
from tests.federation.town import TRUST
from tests.gateway.test_inbound import hand, inbound, seen, sender
from trust.agreements.decision import PersonRestrictions
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject

__all__ = ["hand", "inbound", "seen", "sender"]
SAMPLES = 10_000
T = TypeVar("T")


@dataclass(slots=True)
class SimulatedTime:
    """A monotonic clock that passes only while somebody works or sleeps."""

    moment: float = 100.0

    def now(self) -> float:
        return self.moment

    def pass_(self, seconds: float) -> None:
        self.moment += seconds

    @property
    def pace(self) -> Pace:
        return Pace(now=self.now, sleep=self.pass_)


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


@pytest.mark.holds("A42")
def test_ten_thousand_answers_of_either_kind_leave_at_the_same_moment() -> None:
    chance = Random(42)  # noqa: S311 - samples, no secrets

    def left_after(*works: float) -> float:
        time = SimulatedTime()
        began = time.now()
        for work in works:
            time.pass_(work)
        time.pace.hold(since=began)
        return round(time.now() - began, 9)

    absent = {left_after(chance.uniform(0.002, 0.06)) for _ in range(SAMPLES)}
    restricted = {left_after(chance.uniform(0.002, 0.06), chance.uniform(0.002, 0.12)) for _ in range(SAMPLES)}
    assert absent == restricted == {STEP_S}


def test_slower_work_waits_for_a_later_step() -> None:
    time = SimulatedTime()
    time.pass_(2.5 * STEP_S)
    time.pace.hold(since=100.0)
    assert time.now() == pytest.approx(100.0 + 3 * STEP_S)


@pytest.mark.holds("A42")
def test_a_node_says_nothing_to_share_at_one_moment_whatever_was_behind_it(
    pair: Network, inbound: Inbound, hand: PeerHand, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    time, chance = SimulatedTime(), Random(7)  # noqa: S311 - samples, no secrets
    adapter = pair.adapter(TRUST, "community-team")
    slow = Slow(adapter, time, lambda: chance.uniform(0.001, 0.04), lambda: chance.uniform(0.02, 0.09))
    pair.use_adapter(TRUST, "community-team", replace(adapter, involvement=slow))
    paced = replace(inbound, pace=time.pace)

    def took(subject: Subject) -> float:
        began = time.now()
        paced.handle(hand.signed(hand.message(subject=subject)), sender, pair.clock.now())
        return round(time.now() - began, 9)

    absent, in_doubt, known = {took(NOBODY)}, {took(IN_DOUBT)}, took(KNOWN)
    with monkeypatch.context() as restricted:
        restricted.setattr(answering, "NO_RESTRICTIONS", PersonRestrictions(withheld=True))
        withheld = {took(KNOWN) for _ in range(20)}
    assert absent == in_doubt == withheld == {STEP_S + SETTLED_S}
    assert known < STEP_S  # what is told is told at once


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

    def close(self) -> None:
        """Leave the store to its node."""


@pytest.mark.holds("A42")
def test_what_is_not_told_is_written_down_at_one_moment_too(
    pair: Network, inbound: Inbound, hand: PeerHand, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    time, written = SimulatedTime(), list[float]()
    adapter = pair.adapter(TRUST, "community-team")
    slow = Slow(adapter, time, lambda: 0.03, lambda: 0.09)
    pair.use_adapter(TRUST, "community-team", replace(adapter, involvement=slow))
    paced = replace(inbound, pace=time.pace, store=Dated(inbound.store, time, written))

    def wrote(subject: Subject) -> list[float]:
        began = time.now()
        written.clear()
        paced.handle(hand.signed(hand.message(subject=subject)), sender, pair.clock.now())
        return [round(each - began, 9) for each in written]

    absent = wrote(NOBODY)
    with monkeypatch.context() as restricted:
        restricted.setattr(answering, "NO_RESTRICTIONS", PersonRestrictions(withheld=True))
        withheld = wrote(KNOWN)
    assert absent == withheld == [STEP_S]


@pytest.mark.holds("A42")
def test_whoever_repeats_a_message_meanwhile_does_not_see_how_long_the_search_took(
    pair: Network, inbound: Inbound, hand: PeerHand, sender: Sender
) -> None:
    raw, held, go_on = hand.signed(hand.message(subject=NOBODY)), Event(), Event()

    def wait(_seconds: float) -> None:
        held.set()
        assert go_on.wait(20)

    first = Thread(
        target=replace(inbound, pace=Pace(sleep=wait)).handle, args=(raw, sender, pair.clock.now()), daemon=True
    )
    first.start()
    assert held.wait(20)  # the search is over, and the answer waits
    steps: list[float] = []
    replace(inbound, pace=Pace(sleep=steps.append)).handle(raw, sender, pair.clock.now())
    assert steps  # the repeat was held like a first message: nothing was there to be repeated yet
    go_on.set()
    first.join(20)
