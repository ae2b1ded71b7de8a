"""Deliveries beside other people's: ``as4`` and ``mesh-sandbox``, each in an environment of its own, in one run.

All deliver as many messages with the same content. They promise different things, which docs/benchmarks.md lists.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.baselines import baseline
from tests.bench.baselines.baseline import BaselineMissing
from tests.bench.delivery_town import CONTENT, DeliveryTown
from tests.bench.report import Figures
from tests.postgres import find_server_programs, new_database, running_server
from tests.simulator.town import COUNCIL, HOUSING

ABSENT = 0.0
"""What the figures say of that which cannot be installed."""
SQLITE, POSTGRES, AS4, MESH = "delivery_rps", "delivery_postgres_rps", "as4_rps", "mesh_rps"

Rate = Callable[[int], float]
"""Deliver so many messages and return how many a second it were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much is measured: in each round so many messages of every sort."""

    rounds: int = 6
    messages: int = 300
    clients: int = 2
    connections: int = 8


def measure(folder: Path, town: DeliveryTown, counts: Counts) -> Figures:
    """Measure a town that runs, one on PostgreSQL, and every baseline, in turns."""
    folder.mkdir()
    with ExitStack() as closing:
        rates = closing.enter_context(_baselines(folder, counts))
        rates |= {SQLITE: town.rate, POSTGRES: closing.enter_context(_on_postgres(folder, counts))}
        rounds = [{name: rate(counts.messages) for name, rate in rates.items()} for _ in range(counts.rounds + 1)]
    measured = rounds[1:]  # the first round warms up
    figures = {name: median(each[name] for each in measured) for name in rates}
    return figures | _ratios(measured)


def _ratios(measured: list[dict[str, float]]) -> Figures:
    return {
        "delivery_over_as4": _ratio(measured, SQLITE, AS4),
        "delivery_over_mesh": _ratio(measured, SQLITE, MESH),
        "delivery_postgres_over_as4": _ratio(measured, POSTGRES, AS4),
        "delivery_postgres_over_mesh": _ratio(measured, POSTGRES, MESH),
    }


def _ratio(rounds: list[dict[str, float]], ours: str, theirs: str) -> float:
    ratios = [each[ours] / each[theirs] for each in rounds if each[theirs]]
    return median(ratios) if ratios else ABSENT


@contextmanager
def _on_postgres(folder: Path, counts: Counts) -> Iterator[Rate]:
    programs = find_server_programs()
    if programs is None:
        print("not measured: deliveries on PostgreSQL. On Debian: sudo apt-get install postgresql", flush=True)
        yield _no_rate
        return
    with running_server(programs) as url:
        stores = {entity: new_database(url) for entity in (COUNCIL, HOUSING)}
        town = DeliveryTown(folder / "postgres", connections=counts.connections, stores=stores)
        with town.running():
            yield town.rate


@contextmanager
def _baselines(folder: Path, counts: Counts) -> Iterator[dict[str, Rate]]:
    payload = folder / "payload"
    payload.write_text(CONTENT)
    drivers: Mapping[str, baseline.Driver] = {
        AS4: baseline.as4(payload),
        MESH: baseline.mesh(payload, folder / "mesh", clients=counts.clients),
    }
    with ExitStack() as closing:
        rates: dict[str, Rate] = {}
        for name, driver in drivers.items():
            try:
                rates[name] = closing.enter_context(driver).rate
            except BaselineMissing as missing:
                print(f"not measured: {name}. {missing}", flush=True)
                rates[name] = _no_rate
        yield rates


def _no_rate(_count: int) -> float:
    return ABSENT
