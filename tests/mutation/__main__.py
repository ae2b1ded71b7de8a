"""Run the tests of each module of trust/agreements against its mutants: ``python -m tests.mutation``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.mutation.mutants import mutants
from tests.mutation.running import Trial, passes_unchanged, preload, survives

RULES = Path(__file__).resolve().parents[2] / "trust" / "agreements"
TABLES = {"legal_register_data_protection", "legal_register_devolved", "legal_register_england"}
"""Tables of law: their numbers are dates and their sources are in the table, so that a test would copy them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each survivor and the share of them; return 1 where it is 5 % or more."""
    parser = argparse.ArgumentParser(prog="./run mutate", description="Mutation testing of trust/agreements.")
    parser.add_argument("--module", action="append", metavar="NAME", help="only this module; may be repeated")
    parser.add_argument("--sample", type=int, metavar="N", help="only so many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of the draw [default: %(default)s]")
    chosen = parser.parse_args(arguments)
    preload()
    work = [(name, each) for name in chosen.module or modules() for each in mutants(_source(name))]
    if chosen.sample is not None and chosen.sample < len(work):
        work = Random(chosen.seed).sample(work, chosen.sample)  # noqa: S311 - a sample, no secret
    survivors = 0
    for name in dict.fromkeys(name for name, _ in work):
        trial = Trial.of(name)
        if not passes_unchanged(name, trial, _source(name)):
            print(f"the tests of {name} fail without any change")
            return 1
        of_module = [mutant for other, mutant in work if other == name]
        survived = 0
        for each in of_module:
            if survives(name, trial, each):
                survived += 1
                print(f"survived: trust/agreements/{name}.py:{each.line}: {each.change}", flush=True)
        print(f"{name}: {survived} of {len(of_module)} mutants survived", flush=True)
        survivors += survived
    share = survivors / max(1, len(work))
    print(f"{survivors} of {len(work)} mutants survived: {share:.1%}")
    return int(share >= 0.05)


def modules() -> list[str]:
    """Return the names of the modules that hold rules."""
    return sorted(each.stem for each in RULES.glob("*.py") if each.stem not in {"__init__", *TABLES})


def _source(name: str) -> str:
    return (RULES / f"{name}.py").read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
