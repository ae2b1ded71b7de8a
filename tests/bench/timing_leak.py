"""Time answers that must not tell whether there is a record (assertion A42), of real processes.

Under a conditional clause the mental health trust says the same of a person without any record and of one
whose case it closed; the second costs another call to its case system. A stranger on the network times the answers over
a few connections, of either kind as often and in an order that chance decides. This is done with case systems of
several speeds, each time with the ``answer_after_s`` that ``adapter check`` proposes for it.

Two figures say how well the times tell them apart. The AUC is how often an answer about a closed case took longer than
one about no record: 0.5 is no better than a coin. The Kolmogorov-Smirnov distance is the best that any threshold does.
Beside each stands how far chance leads where there is no difference at all (19 times of 20, for as many samples). Both
are taken again of a node that holds nothing back, which says what could be seen.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from math import sqrt
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

from adapters.timing import measure as measure_calls
from adapters.timing import propose
from gateway.administration.adapters import built_adapter
from gateway.app.commands import adapter_builder
from gateway.demo.case_systems.records import CaseService
from gateway.demo.people.generator import generate_population
from gateway.demo.people.population import Group, Population, Spelling
from tests.bench import case_systems
from tests.bench.asking import RESIDENTS, Asked, Asker, described
from tests.bench.case_systems import CaseSystem
from tests.bench.estate import Estate
from tests.bench.lines import Line
from tests.bench.report import Figures
from tests.simulator.settings_files import read_node
from tests.simulator.town import BY_ENTITY, TRUST
from tests.support.case_systems import free_port
from trust.exchange.person import Subject

_SERVICE = BY_ENTITY[TRUST].services[0]
_ASKED = Asked(holder=TRUST, service=_SERVICE.service, clause="who-else-sensitive", says="nothing_to_share")
PAUSES_MS = (0, 30, 100, 120, 150, 300)
"""What a call to the case system takes; a closed case costs two."""
_MODEL_MS = 30
_ENOUGH_TO_TELL = 100
"""Samples from which on the step is measured; a quick run takes what the pause alone asks for."""
_WARM_UP = 10
_LINES = 8
_ROUND = 400
"""How often each kind is asked about under one token, which lives for five minutes."""
_NORMAL_95, _KOLMOGOROV_95 = 1.96, 1.358
"""Bounds of 95 % where there is no difference: of a normal deviation, and of Kolmogorov's distribution."""
_US = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long answers took, in seconds: about people without a record, and about closed cases."""

    absent: list[float]
    closed: list[float]

    @property
    def auc(self) -> float:
        """How often a closed case took longer than an absence, a tie counting half (Mann-Whitney)."""
        absent = sorted(self.absent)
        wins = sum(bisect_left(absent, each) + bisect_right(absent, each) for each in self.closed)
        return wins / (2 * len(absent) * len(self.closed))

    @property
    def distance(self) -> float:
        """The largest difference of the two empirical distributions (Kolmogorov-Smirnov)."""
        absent, closed = sorted(self.absent), sorted(self.closed)
        return max(
            abs(bisect_right(absent, each) / len(absent) - bisect_right(closed, each) / len(closed))
            for each in (*absent, *closed)
        )

    @property
    def difference_us(self) -> float:
        """How far apart the medians are, in microseconds."""
        return abs(median(self.closed) - median(self.absent)) * _US


def auc_by_chance(count: int) -> float:
    """Return how far from 0.5 the AUC of ``count`` samples of each kind lies by chance, 19 times of 20 at most."""
    return _NORMAL_95 * sqrt((2 * count + 1) / (12 * count * count))


def distance_by_chance(count: int) -> float:
    """Return how large the distance of ``count`` samples of each kind is by chance, 19 times of 20 at most."""
    return min(1.0, _KOLMOGOROV_95 * sqrt(2 / count))


def measure(estate: Estate, folder: Path, count: int) -> Figures:
    """Ask ``count`` times about either kind of people at each speed, then without holding anything back."""
    folder.mkdir()
    population = generate_population(date.today(), size=RESIDENTS)  # noqa: DTZ011 - a day in the life of the town
    systems = {pause_ms: _case_system(pause_ms) for pause_ms in PAUSES_MS}
    records = [each for each in population.records() if each.service is CaseService.POLICE]
    adapters = {pause_ms: case_systems.adapters(folder, [system], records) for pause_ms, system in systems.items()}
    absent, closed = (Asker(estate, _ASKED, subjects) for subjects in _people(population))
    running = case_systems.start(estate, folder, list(systems.values()), paused=True)
    held = {}
    try:
        for pause_ms, system in systems.items():
            _configure(estate, system, adapters[pause_ms], count)
            held[pause_ms] = _timed(estate, absent, closed, count=count, held=True)
        _configure(estate, systems[_MODEL_MS], adapters[_MODEL_MS], count)
        at_once = _timed(estate, absent, closed, count=count, held=False)
    finally:
        running.stop()
    return {
        **{f"timing_leak_auc_{pause_ms}": times.auc for pause_ms, times in held.items()},
        **_compared(held, at_once),
    }


def _compared(held: Mapping[int, Times], at_once: Times) -> Figures:
    model = held[_MODEL_MS]
    count = len(model.absent)
    return {
        "timing_leak_auc": model.auc,
        "timing_leak_auc_chance": auc_by_chance(count),
        "timing_leak_ks": model.distance,
        "timing_leak_ks_chance": distance_by_chance(count),
        "timing_leak_difference_us": model.difference_us,
        "timing_leak_at_once_auc": at_once.auc,
        "timing_leak_at_once_ks": at_once.distance,
        "timing_leak_at_once_difference_us": at_once.difference_us,
    }


def _case_system(pause_ms: int) -> CaseSystem:
    service = f"{TRUST}#{_SERVICE.service}"
    return CaseSystem(service=service, host=f"timing-leak-{pause_ms}.example", port=free_port(), pause_ms=pause_ms)


def _configure(estate: Estate, system: CaseSystem, adapters: Mapping[str, Mapping[str, Any]], count: int) -> None:
    """Set the trust's service up behind one case system, with the step that its calls ask for."""
    hosts = {system.host: system.port}
    estate.configure(TRUST, adapters=adapters, case_systems=hosts)
    step_s = propose(system.pause_ms / 1000)
    if count >= _ENOUGH_TO_TELL:
        settings = read_node(estate.configuration(TRUST))
        _, adapter = built_adapter(settings, adapter_builder(settings), _SERVICE.service)
        times = measure_calls(adapter)
        if times is None:
            raise RuntimeError("the case system does not answer")
        step_s = propose(times.p99_s)
    estate.configure(TRUST, adapters=adapters, case_systems=hosts, answer_after_s=step_s)


def _people(population: Population) -> tuple[list[Subject], list[Subject]]:
    """Return the people without any record, and those with a closed record only.

    It is the demo's police record system, behind another service here.
    """
    here = [each for each in population.assignments if each.service is CaseService.POLICE]
    closed = {each.resident for each in here if each.record.ended is not None and each.spelling is Spelling.SAME} - {
        each.resident for each in here if each.record.ended is None
    }
    plain = [each for each in population.residents if each.group not in {Group.TWIN, Group.NAMESAKE}]
    known = {each.resident for each in here}
    return (
        [described(each.person, _SERVICE.kind) for each in plain if each.number not in known],
        [described(each.person, _SERVICE.kind) for each in plain if each.number in closed],
    )


def _timed(estate: Estate, absent: Asker, closed: Asker, *, count: int, held: bool) -> Times:
    estate.start(TRUST, held=held)
    with ExitStack() as closing:
        closing.callback(estate.stop, TRUST)
        lines = [closing.enter_context(_line(estate)) for _ in range(_LINES)]
        times = Times(absent=[], closed=[])
        _interleave(lines, {absent: [], closed: []}, _WARM_UP if count > _WARM_UP else 1)
        took = {absent: times.absent, closed: times.closed}
        for begun in range(0, count, _ROUND):
            _interleave(lines, took, min(_ROUND, count - begun))
        return times


@contextmanager
def _line(estate: Estate) -> Iterator[Line]:
    line = estate.peer_door(TRUST).connect()
    try:
        yield line
    finally:
        line.close()


def _interleave(lines: Sequence[Line], took: Mapping[Asker, list[float]], count: int) -> None:
    """Ask ``count`` times about either kind, under one token."""
    token = lines[0].ask(next(iter(took)).token_requests(1)[0]).json()["access_token"].encode()
    order = [asker for asker in took for _ in range(count)]
    Random(42).shuffle(order)  # noqa: S311 - an order, no secret
    waiting = deque(order)

    def ask(line: Line) -> None:
        with suppress(IndexError):
            while True:
                asker = waiting.popleft()
                took[asker].append(_took(line, asker, token))

    with ThreadPoolExecutor(len(lines)) as pool:
        list(pool.map(ask, lines))


def _took(line: Line, asker: Asker, token: bytes) -> float:
    batch = asker.batch([token], 1)
    began = perf_counter()
    answer = line.ask(batch.requests[0])
    elapsed_s = perf_counter() - began
    asker.check(batch, [answer])
    return elapsed_s
