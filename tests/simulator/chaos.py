"""Worlds of alerts by their seeds: ``python -m tests.simulator.chaos [--seeds N] [--first N] [--steps N]``."""

import argparse
import logging
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulator.delivery_world import DeliveryWorld, Violation
from tests.simulator.queued import sending


def main() -> int:
    """Run the worlds, and return 1 when one of them found something."""
    parser = argparse.ArgumentParser(prog="./run chaos", description="Run seeded worlds in which everything fails.")
    parser.add_argument("--seeds", type=int, default=100, metavar="N", help="how many worlds [default: 100]")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="the first seed [default: 1]")
    parser.add_argument("--steps", type=int, default=40, metavar="N", help="steps of each world [default: 40]")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    found, steps = 0, Counter[str]()
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        with TemporaryDirectory(prefix="hearthgate-chaos-") as folder, sending(Path(folder), played=()) as made:
            world = DeliveryWorld(made, seed)
            try:
                world.run(arguments.steps)
            except Violation as violation:
                found += 1
                sys.stdout.write(f"{violation}\n")
            steps += world.steps
    sys.stdout.write(
        f"{arguments.seeds - found} of {arguments.seeds} worlds held, {steps.total()} steps: {dict(steps)}\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
