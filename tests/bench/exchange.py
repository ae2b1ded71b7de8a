"""One inbound exchange against the floor: rounds of both in turn, so that what disturbs one disturbs the other.

*Warm* is a message with a token that the node has seen before. *Cold* is a token request and then a message with that
new token; proofs for the messages are made between the two, while no clock runs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from tests.bench.asking import HOLDER, Asker
from tests.bench.estate import Estate
from tests.bench.floor import Floor
from tests.bench.lines import Answer, Line, drive
from tests.bench.machine import Cpu
from tests.bench.report import Figures
from tests.bench.serving import Running

_MS = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much is measured: in each round so many requests to the floor, exchanges warm, and exchanges cold."""

    rounds: int = 24
    floor: int = 320
    warm: int = 160
    cold: int = 48
    connections: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What ``count`` exchanges took: wall time, the CPU of all the server's processes, and each one's own time."""

    count: int
    elapsed_s: float
    cpu: Cpu
    each_s: Sequence[float]

    @property
    def rps(self) -> float:
        """Exchanges a second."""
        return self.count / self.elapsed_s

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds an exchange."""
        return self.cpu.all_s / self.count * _MS

    @property
    def system_ms(self) -> float:
        """Those of them that the kernel used."""
        return self.cpu.system_s / self.count * _MS


@dataclass(slots=True, kw_only=True)
class Rounds:
    """The rounds of each sort, in the order in which they were run."""

    floor: list[Round] = field(default_factory=list)
    warm: list[Round] = field(default_factory=list)
    cold: list[Round] = field(default_factory=list)


def measure(estate: Estate, folder: Path, counts: Counts) -> Figures:
    """Run the rounds against a node that is running and a floor of its own; return their figures."""
    asker = Asker(estate)
    floor = Floor(estate, folder / "floor", asker.signed())
    try:
        with _lines(estate, counts) as lines, _floor_lines(floor, counts) as floor_lines:
            rounds = _run(_Bench(asker=asker, node=estate.running(HOLDER), lines=lines), floor, floor_lines, counts)
    finally:
        floor.running.stop()
    return _figures(rounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    asker: Asker
    node: Running
    lines: Sequence[Line]

    def tokens(self, count: int) -> tuple[list[bytes], Round]:
        requests = self.asker.token_requests(count)
        measured, answers = _timed(self.node, self.lines, requests)
        return [answer.json()["access_token"].encode() for answer in answers], measured

    def messages(self, tokens: Sequence[bytes], count: int) -> Round:
        batch = self.asker.batch(tokens, count)
        measured, answers = _timed(self.node, self.lines, batch.requests)
        self.asker.check(batch, answers)
        return measured

    def cold(self, count: int) -> Round:
        tokens, asked = self.tokens(count)
        used = self.messages(tokens, count)
        return Round(
            count=count,
            elapsed_s=asked.elapsed_s + used.elapsed_s,
            cpu=asked.cpu.plus(used.cpu),
            each_s=[token_s + message_s for token_s, message_s in zip(asked.each_s, used.each_s, strict=True)],
        )


def _run(bench: _Bench, floor: Floor, floor_lines: Sequence[Line], counts: Counts) -> Rounds:
    rounds = Rounds()
    _timed(floor.running, floor_lines, [floor.request] * (counts.floor // 4))
    bench.cold(max(counts.connections, counts.cold // 4))
    for _ in range(counts.rounds):
        rounds.floor.append(_timed(floor.running, floor_lines, [floor.request] * counts.floor)[0])
        tokens, _ = bench.tokens(1)
        bench.messages(tokens, counts.connections)  # the node has seen the token
        rounds.warm.append(bench.messages(tokens, counts.warm))
        rounds.cold.append(bench.cold(counts.cold))
    return rounds


def _timed(server: Running, lines: Sequence[Line], requests: Sequence[bytes]) -> tuple[Round, list[Answer]]:
    before = server.cpu()
    driven = drive(requests, lines)
    used = server.cpu().since(before)
    measured = Round(count=len(requests), elapsed_s=driven.elapsed_s, cpu=used, each_s=tuple(driven.each_s))
    return measured, driven.answers


def _figures(rounds: Rounds) -> Figures:
    floors, warms, colds = rounds.floor, rounds.warm, rounds.cold
    pairs = list(zip(floors, warms, colds, strict=True))
    ratios = [warm.rps / floor.rps for floor, warm, _ in pairs]
    return {
        "floor_rps": median(each.rps for each in floors),
        "floor_cpu_ms": median(each.cpu_ms for each in floors),
        "floor_system_ms": median(each.system_ms for each in floors),
        "exchange_rps": median(each.rps for each in warms),
        "exchange_cpu_ms": median(each.cpu_ms for each in warms),
        "exchange_system_ms": median(each.system_ms for each in warms),
        "exchange_p50_ms": median(_all(warms)) * _MS,
        "exchange_p99_ms": quantiles(_all(warms), n=100)[98] * _MS,
        "exchange_over_floor": median(ratios),
        "exchange_over_floor_lowest": min(ratios),
        "exchange_over_floor_highest": max(ratios),
        "exchange_over_floor_cpu": median(floor.cpu_ms / warm.cpu_ms for floor, warm, _ in pairs),
        "exchange_cold_rps": median(each.rps for each in colds),
        "exchange_cold_cpu_ms": median(each.cpu_ms for each in colds),
        "exchange_cold_over_floor": median(cold.rps / floor.rps for floor, _, cold in pairs),
    }


def _all(rounds: Sequence[Round]) -> list[float]:
    return [each for measured in rounds for each in measured.each_s]


@contextmanager
def _lines(estate: Estate, counts: Counts) -> Iterator[list[Line]]:
    door = estate.peer_door(HOLDER)
    with _closing([door.connect() for _ in range(counts.connections)]) as lines:
        yield lines


@contextmanager
def _floor_lines(floor: Floor, counts: Counts) -> Iterator[list[Line]]:
    with _closing([floor.door.connect() for _ in range(counts.connections)]) as lines:
        yield lines


@contextmanager
def _closing(lines: list[Line]) -> Iterator[list[Line]]:
    try:
        yield lines
    finally:
        for line in lines:
            line.close()
