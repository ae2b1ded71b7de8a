"""What the time of an answer tells that the answer does not (assertion A42), of real processes.

Under a conditional clause the mental health trust says the same of somebody whom it never had a record of and of
somebody whose case it closed; the second costs it another question to its case system. A stranger on the network times
the answers over a few connections, of either kind as often and in an order that chance decides. The case system takes
30 ms for each question, as one on another machine may; two of them lie well within one step.

Two figures say how well that tells them apart. The AUC is how often an answer about a closed case took longer than one
about nobody: 0.5 is no better than a coin. The Kolmogorov-Smirnov distance is the best that any threshold does. Beside
each stands how far chance leads where there is no difference at all (19 times of 20, for as many samples), and both are
taken again of a node that holds nothing back, which says what could be seen.
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

from gateway.demo.case_systems.records import CaseService
from gateway.demo.people.inventing import invent
from gateway.demo.people.population import Group, Population, Spelling
from tests.bench import case_systems
from tests.bench.asking import RESIDENTS, Asked, Asker, described
from tests.bench.case_systems import CaseSystem
from tests.bench.estate import Estate
from tests.bench.lines import Line
from tests.bench.report import Figures
from tests.federation.town import BY_ENTITY, TRUST
from tests.support.case_systems import free_port
from trust.exchange.person import Subject

_SERVICE = BY_ENTITY[TRUST].services[0]
_ASKED = Asked(holder=TRUST, service=_SERVICE.slug, clause="who-else-sensitive", says="nothing_to_share")
_PAUSE_MS = 30
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
    """Ask ``count`` times about either kind of people, first as nodes answer, then without holding anything back."""
    folder.mkdir()
    population = invent(date.today(), size=RESIDENTS)  # noqa: DTZ011 - a day in the life of the town
    system = CaseSystem(service=f"{TRUST}#{_SERVICE.slug}", host="untold.example", port=free_port(), pause_ms=_PAUSE_MS)
    records = [each for each in population.records() if each.service is CaseService.POLICE]
    adapters = case_systems.adapters(folder, [system], records)
    estate.configure(TRUST, adapters=adapters, case_systems={system.host: system.port})
    absent, closed = (Asker(estate, _ASKED, subjects) for subjects in _people(population))
    running = case_systems.start(estate, folder, [system], paused=True)
    try:
        held = _timed(estate, absent, closed, count=count, held=True)
        at_once = _timed(estate, absent, closed, count=count, held=False)
    finally:
        running.stop()
    return {
        "untold_auc": held.auc,
        "untold_auc_chance": auc_by_chance(count),
        "untold_ks": held.distance,
        "untold_ks_chance": distance_by_chance(count),
        "untold_difference_us": held.difference_us,
        "untold_at_once_auc": at_once.auc,
        "untold_at_once_ks": at_once.distance,
        "untold_at_once_difference_us": at_once.difference_us,
    }


def _people(population: Population) -> tuple[list[Subject], list[Subject]]:
    """Return those of whom the case system never had a record, and those of whom it has a closed one and no other.

    It is the demo's police record system, whoever's service it stands behind here.
    """
    here = [each for each in population.involved if each.service is CaseService.POLICE]
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
