"""The step of conditional answers is proposed from what calls take, and the check says where one is too short."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from adapters.contract import Adapter, Candidate, Deadline, SourceUnavailable
from adapters.timing import LONGEST_STEP_S, check_step, measure, propose
from config.settings import ANSWER_AFTER_S
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject


@dataclass(slots=True)
class Source:
    """A case system in simulated time, whose every tenth search takes five times as long as the others."""

    find_s: float = 0.02
    read_s: float = 0.03
    moment: float = 0.0
    searches: int = 0
    asked: list[Subject] = field(default_factory=list)
    away: bool = False

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        if self.away:
            raise SourceUnavailable("down")
        self.asked.append(subject)
        self.searches += 1
        self.moment += self.find_s * (5 if self.searches % 10 == 0 else 1)
        return ()

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        self.moment += self.read_s
        raise SourceUnavailable("no such key")


def adapter(source: Source) -> Adapter:
    return Adapter(name="simulated", involvement=source)


def test_the_slow_calls_are_what_counts() -> None:
    source = Source()
    times = measure(adapter(source), clock=lambda: source.moment)
    assert times is not None
    assert times.p99_s == pytest.approx(0.1)


def test_a_source_without_an_answer_proposes_nothing() -> None:
    assert measure(adapter(Source(away=True))) is None
    line = check_step(adapter(Source(away=True)), answer_after_s=1.0)
    assert (line.ok, line.warning) == (True, True)


@pytest.mark.parametrize("call_s", [0.0, 0.03, 0.1, 0.12, 0.15, 0.3, 1.0])
def test_a_proposed_step_has_room_for_two_calls_and_our_own_work(call_s: float) -> None:
    assert propose(call_s) >= 2 * call_s + 0.1
    assert propose(call_s) <= 2.5 * call_s + 0.3


def test_the_default_has_room_for_calls_of_300_ms_and_no_step_is_longer_than_may_be_set() -> None:
    assert propose(0.3) <= ANSWER_AFTER_S
    assert propose(60.0) == LONGEST_STEP_S


def test_a_step_that_is_too_short_is_a_warning_that_names_the_one_to_set() -> None:
    line = check_step(adapter(Source(find_s=0.0, read_s=0.0)), answer_after_s=0.1)
    assert line.warning
    assert "answer_after_s = 0.2" in line.remedy
    assert not check_step(adapter(Source(find_s=0.0, read_s=0.0)), answer_after_s=0.2).warning
