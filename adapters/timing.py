"""Measure the calls of a source, and propose the response time of its service."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import ceil
from time import monotonic
from typing import Final

from adapters.conformance import ABSENT_PERSON
from adapters.contract import Adapter, CheckLine, Deadline, Finder
from trust.exchange.eligibility import EligibilityQuery, Question

Call = Callable[[Deadline], object]

SHORTEST_STEP_S: Final = 0.2
LONGEST_STEP_S: Final = 4.0
_OWN_WORK_S: Final = 0.15
_MARGIN: Final = 1.25
_STEPS_A_SECOND: Final = 10
_FEWEST_CALLS, _MOST_CALLS, _LONG_ENOUGH_S = 10, 100, 2.0
_NO_REF: Final = "timing:no-such-record"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTimes:
    """The 99th percentile in seconds of the slowest kind of call, and the number of its calls."""

    p99_s: float
    calls: int


def measure(adapter: Adapter, *, timeout_s: float = 10.0, clock: Callable[[], float] = monotonic) -> CallTimes | None:
    """Measure each kind of call about an invented person; return ``None`` if a search fails.

    A failure of the second call counts as an answer: many systems refuse an unknown key. Not measured: a large record,
    and a case system under its usual load.
    """
    try:
        for search in _searches(adapter):
            search(Deadline.after(timeout_s))
    except Exception:  # noqa: BLE001 - adapters may be third-party code; the conformance kit reports the error
        return None
    calls = [*_searches(adapter), *_second_calls(adapter)]
    return max((_time_calls(call, timeout_s, clock) for call in calls), key=lambda times: times.p99_s, default=None)


def propose(p99_s: float) -> float:
    """Return the step for calls of ``p99_s``: two calls, a quarter more, and the node's own work."""
    step_s = ceil(_STEPS_A_SECOND * (2 * _MARGIN * p99_s + _OWN_WORK_S)) / _STEPS_A_SECOND
    return min(LONGEST_STEP_S, max(SHORTEST_STEP_S, step_s))


def check_step(adapter: Adapter, *, answer_after_s: float) -> CheckLine:
    """Compare a service's ``answer_after_s`` with the time of its case system's calls."""
    times = measure(adapter)
    if times is None:
        detail = "Not measured: the case system did not answer."
        return CheckLine(name="answer_after_s", ok=True, detail=detail, warning=True)
    proposed_s = propose(times.p99_s)
    detail = (
        f"A call takes {times.p99_s:.3f} s (99th percentile of {times.calls}); that asks for answer_after_s = "
        f"{proposed_s}, and {answer_after_s} is set."
    )
    if proposed_s <= answer_after_s:
        return CheckLine(name="answer_after_s", ok=True, detail=detail)
    remedy = (
        f"Set answer_after_s = {proposed_s} for this service: a shorter step discloses by its time who has a record."
    )
    return CheckLine(name="answer_after_s", ok=True, detail=detail, remedy=remedy, warning=True)


def _searches(adapter: Adapter) -> Iterator[Call]:
    for source in (adapter.involvement, adapter.eligibility):
        if source is not None:
            yield partial(_search, source)


def _search(source: Finder, deadline: Deadline) -> object:
    return source.find(ABSENT_PERSON, deadline=deadline)


def _second_calls(adapter: Adapter) -> Iterator[Call]:
    involvement, eligibility = adapter.involvement, adapter.eligibility
    if involvement is not None:
        yield lambda deadline: involvement.involvements(_NO_REF, deadline=deadline)
    if eligibility is not None:
        query = EligibilityQuery(question=Question.KNOWN_TO_SERVICE, as_of=datetime.now(UTC).date())
        yield lambda deadline: eligibility.answer(_NO_REF, query, deadline=deadline)


def _time_calls(call: Call, timeout_s: float, clock: Callable[[], float]) -> CallTimes:
    durations: list[float] = []
    began = clock()
    while len(durations) < _FEWEST_CALLS or (len(durations) < _MOST_CALLS and clock() - began < _LONG_ENOUGH_S):
        call_began = clock()
        with suppress(Exception):
            call(Deadline.after(timeout_s))
        durations.append(clock() - call_began)
    return CallTimes(p99_s=sorted(durations)[ceil(0.99 * len(durations)) - 1], calls=len(durations))
