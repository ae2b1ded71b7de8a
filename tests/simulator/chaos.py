"""Worlds by their seeds: ``python -m tests.simulator.chaos [--seeds N] [--first N] [--steps N] [--without GUARD]``."""

import argparse
import logging
import sys
import time
from collections import Counter
from contextlib import nullcontext

from tests.simulator import real_chaos
from tests.simulator.delivery_world import DeliveryWorld
from tests.simulator.world_guards import GUARDS, without
from tests.simulator.world_network import prepared_network
from tests.simulator.world_promises import Violation


def main() -> int:
    """Run the worlds, and return 1 when one of them found something."""
    parser = argparse.ArgumentParser(prog="./run chaos", description="Run seeded worlds in which everything fails.")
    parser.add_argument("--seeds", type=int, default=100, metavar="N", help="how many worlds [default: 100]")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="the first seed [default: 1]")
    parser.add_argument("--steps", type=int, default=40, metavar="N", help="steps of each world [default: 40]")
    names = ", ".join(GUARDS)
    parser.add_argument("--without", choices=sorted(GUARDS), metavar="GUARD", help=f"take a guard out: {names}")
    parser.add_argument("--real", action="store_true", help="run real processes in place of seeded worlds")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N", help="of --real [default: 10]")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    return real_chaos.run(arguments.minutes, arguments.first) if arguments.real else run_worlds(arguments)


def run_worlds(arguments: argparse.Namespace) -> int:
    """Run seeded worlds in this process."""
    found, steps, began = 0, Counter[str](), time.monotonic()
    with prepared_network() as prepared, without(arguments.without) if arguments.without else nullcontext():
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            with prepared.copy(f"world-{seed}") as made:
                world = DeliveryWorld(made, prepared.disk, seed)
                try:
                    world.run(arguments.steps)
                except Violation as violation:
                    found += 1
                    sys.stdout.write(f"{violation}\n")
                steps += world.steps
    sys.stdout.write(
        f"{arguments.seeds - found} of {arguments.seeds} worlds held in {time.monotonic() - began:.0f} s, "
        f"{steps.total()} steps: {dict(steps)}\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
