"""Measure a node on this machine: ``python -m tests.bench``, whose options ``--help`` explains."""

import argparse
import os
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.bench import (
    before,
    case_systems,
    chains,
    components,
    deciding,
    delivery,
    draining,
    exchange,
    lookup,
    page,
    report,
    resting,
    suspending,
    thousand,
    timing_leak,
    tokens,
)
from tests.bench.asking import HOLDER
from tests.bench.delivery_town import DeliveryTown
from tests.bench.estate import Estate
from tests.bench.report import Figures
from tests.simulator.settings_files import Faces
from tests.simulator.town import ANCHOR, COUNCIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    exchanges: exchange.Counts = field(default_factory=exchange.Counts)
    lookups: lookup.Counts = field(default_factory=lookup.Counts)
    issued: tokens.Counts = field(default_factory=tokens.Counts)
    delivered: delivery.Counts = field(default_factory=delivery.Counts)
    drained: draining.Counts = field(default_factory=draining.Counts)
    federation: thousand.Counts = field(default_factory=thousand.Counts)
    decided: deciding.Counts = field(default_factory=deciding.Counts)
    starts: int = 3
    profiled: int = 500
    timing_leak: int = 500
    chains: int = 400
    refresh_after_s: float | None = None
    before: Path | None = None
    deliveries: bool = True
    all_else: bool = True


QUICK = Plan(
    exchanges=exchange.Counts(rounds=2, floor=16, warm=8, cold=4),
    lookups=lookup.Counts(slow=1, fast=1),
    issued=tokens.Counts(rounds=1, tokens=8, calls=8, known=5),
    delivered=delivery.Counts(rounds=1, messages=8),
    drained=draining.Counts(queued=24, probes=4, each_s=0.05, seen=4, few=4, many=200, settle_s=2.0),
    federation=thousand.Counts(intermediates=2, agencies=6),
    decided=deciding.Counts(agreements=3, parties=5, decisions=5, few=10, many=50),
    starts=1,
    profiled=5,
    timing_leak=2,
    chains=5,
    refresh_after_s=2.0,
    deliveries=False,
)
"""Enough to see that every part works, and far too little to say anything."""


def run(folder: Path, plan: Plan) -> tuple[Figures, components.Shares]:
    """Measure everything in a folder of its own; return the figures, and where the time of an exchange goes."""
    if not plan.all_else:
        return _deliveries(folder, plan), {}
    systems = case_systems.plan()
    estate = Estate(folder, alone=lookup.slowest(systems).service)
    try:
        estate.start(ANCHOR)
        estate.start(COUNCIL)
        _say("a node at rest")
        figures = resting.measure(estate, starts=plan.starts)
        _say("exchanges against the floor")
        figures |= exchange.measure(estate, folder, plan.exchanges)
        _say("where the time goes")
        shares = components.measure(estate, count=plan.profiled)
        figures |= components.figures(shares)
        _say("tokens, beside oidc-provider")
        figures |= tokens.measure(estate, folder / "provider", plan.issued)
        _say("what the time of an answer tells that the answer does not")
        figures |= timing_leak.measure(estate, folder / "timing-leak", plan.timing_leak)
        figures |= before.measure(plan.before)
        for entity in (HOLDER, COUNCIL):
            estate.stop(entity)
        _say("lookups over eight services")
        lookup.start_nodes(estate, folder, systems, refresh_after_s=plan.refresh_after_s)
        figures |= lookup.measure(estate, folder, systems, plan.lookups)
        _say("from a suspension to the first refusal (as long as trust is remembered)")
        figures |= suspending.measure(estate, folder, systems, plan.refresh_after_s)
    finally:
        estate.close()
    return figures | _without_town(folder, plan), shares


def _without_town(folder: Path, plan: Plan) -> Figures:
    figures = _deliveries(folder, plan) if plan.deliveries else {}
    _say("chains, and a federation in memory")
    figures |= chains.measure(plan.chains)
    figures |= thousand.measure(folder / "federation", plan.federation)
    _say("decisions, and a simulation over recorded ones")
    figures |= deciding.measure(folder / "decisions", plan.decided)
    return figures


def _deliveries(folder: Path, plan: Plan) -> Figures:
    _say("deliveries, beside as4 and mesh-sandbox")
    town = DeliveryTown(folder / "town", connections=plan.delivered.connections)
    with town.running():
        figures = delivery.measure(folder / "delivery", town, plan.delivered)
        _say("a long queue")
        return figures | draining.measure(town, plan.drained)


def main() -> None:
    """Measure, print the tables, and write the figures where asked."""
    arguments = _arguments()
    run_before = None if arguments.earlier is None else page.read(arguments.earlier)
    measured = run_before or _measured(arguments)
    print(report.table(measured.figures), end="\n\n")
    if measured.shares:
        print(components.table(measured.shares))
    if arguments.json is not None:
        arguments.json.write_text(measured.to_json())
    if arguments.page is not None:
        page.update(arguments.page, measured)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description="Measure a node on this machine.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument("--page", type=Path, metavar="FILE", help="also write the tables into docs/benchmarks.md")
    parser.add_argument(
        "--from", dest="earlier", type=Path, metavar="FILE", help="measure nothing; take what --json wrote earlier"
    )
    parser.add_argument(
        "--before",
        type=Path,
        metavar="FOLDER",
        help="also compare with that checkout",
    )
    parser.add_argument("--quick", action="store_true", help="only see that every part works")
    parser.add_argument("--deliveries", action="store_true", help="measure only alerts between nodes")
    most = Faces().threads // 2  # they are all one member's, who holds half of the threads at most
    parser.add_argument(
        "--connections", type=int, choices=range(1, most + 1), default=8, metavar="N", help="how many ask at once, to 8"
    )
    parser.add_argument(
        "--timing-leak",
        type=int,
        default=Plan().timing_leak,
        metavar="N",
        help="how many answers of either kind are timed that must not tell which it is [default: %(default)s]",
    )
    return parser.parse_args()


def _measured(arguments: argparse.Namespace) -> page.Measured:
    plan = QUICK if arguments.quick else replace(Plan(), timing_leak=arguments.timing_leak, before=arguments.before)
    if arguments.deliveries:
        plan = replace(plan, deliveries=True, all_else=False)
    plan = replace(plan, exchanges=replace(plan.exchanges, connections=arguments.connections))
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="hearthgate-bench-") as folder:
        figures, shares = run(Path(folder), plan)
    return page.measured(figures, shares, aside=components.WAITING, load=load)


def _say(what: str) -> None:
    print(f"measuring: {what}", flush=True)


if __name__ == "__main__":
    main()
