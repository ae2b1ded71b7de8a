"""Deliveries beside other people's: ``as4`` and ``mesh-sandbox``, each in an environment of its own, in one run.

All deliver as many messages with the same content. They promise different things, which docs/benchmarks.md lists.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.baselines import baseline
from tests.bench.baselines.baseline import BaselineMissing
from tests.bench.report import Figures

ABSENT = 0.0
"""What the figures of a baseline say where it cannot be installed."""
CONTENT = (
    "Police attended 14 Elm Close at 21:40 after a call from a neighbour. Two adults and two children were there. "
    "The younger child said that she had been upstairs and had heard shouting. The mother was taken to her sister's. "
) * 4
"""About as much as an officer writes in an alert."""

Rate = Callable[[int], float]
"""Deliver so many messages and return how many a second it were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much is measured: in each round so many messages of every sort."""

    rounds: int = 6
    messages: int = 300
    clients: int = 2


def measure(folder: Path, counts: Counts) -> Figures:
    """Measure every baseline in turns."""
    folder.mkdir()
    with _baselines(folder, counts) as rates:
        rounds = [{name: rate(counts.messages) for name, rate in rates.items()} for _ in range(counts.rounds + 1)]
    return {name: median(each[name] for each in rounds[1:]) for name in rounds[0]}  # the first round warms up


@contextmanager
def _baselines(folder: Path, counts: Counts) -> Iterator[dict[str, Rate]]:
    payload = folder / "payload"
    payload.write_text(CONTENT)
    drivers = {
        "as4_rps": baseline.as4(payload),
        "mesh_rps": baseline.mesh(payload, folder / "mesh", clients=counts.clients),
    }
    with ExitStack() as closing:
        rates: dict[str, Rate] = {}
        for name, driver in drivers.items():
            try:
                rates[name] = closing.enter_context(driver).rate
            except BaselineMissing as missing:
                print(f"not measured: {name}. {missing}", flush=True)
                rates[name] = lambda _count: ABSENT
        yield rates
