"""Run the tests of each module of trust/agreements against its mutants: ``python -m tests.mutation``."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.mutation.mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "trust" / "agreements"
TESTS = ROOT / "tests" / "trust" / "agreements"
BESIDE = {
    "agreement": ["test_decision.py"],
    "clause": ["test_decision.py", "test_agreement.py"],
    "consent": ["test_decision.py"],
    "decision": ["test_queued.py", "test_consent.py"],
    "decision_facts": ["test_decision.py", "test_decision_record.py"],
    "barriers": ["test_simulation.py"],
    "denial": ["test_decision.py"],
    "expected_parties": ["test_agreement.py"],
    "required_marks": ["test_decision.py"],
    "legal_register": ["test_lawful_basis.py"],
}
"""Tests of a module beside the one of its own name."""
TIMEOUT_S = 120
_HOOK = """
import sys, importlib.abc, importlib.util, pathlib, pytest

class Mutated(importlib.abc.SourceLoader):
    def get_filename(self, name): return sys.argv[2]
    def get_data(self, path): return pathlib.Path(sys.argv[2]).read_bytes()

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            return importlib.util.spec_from_loader(name, Mutated())
        return None

sys.meta_path.insert(0, Finder())
sys.dont_write_bytecode = True
sys.exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--no-header", *sys.argv[3:]]))
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each survivor and the share of them; return 1 where it is 5 % or more."""
    parser = argparse.ArgumentParser(prog="./run mutate", description="Mutation testing of trust/agreements.")
    parser.add_argument("--module", action="append", metavar="NAME", help="only this module; may be repeated")
    parser.add_argument("--sample", type=int, metavar="N", help="only so many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of the draw [default: %(default)s]")
    chosen = parser.parse_args(arguments)
    work = [(name, each) for name in chosen.module or _modules() for each in mutants(_source(name))]
    if chosen.sample is not None and chosen.sample < len(work):
        work = Random(chosen.seed).sample(work, chosen.sample)  # noqa: S311 - a sample, no secret
    for name in dict.fromkeys(name for name, _ in work):
        if not _survives(name, Mutant(line=0, change="none", source=_source(name))):
            print(f"the tests of {name} fail without any change")
            return 1
    survivors = 0
    for count, (name, mutant) in enumerate(work, start=1):
        if _survives(name, mutant):
            survivors += 1
            print(f"survived: trust/agreements/{name}.py:{mutant.line}: {mutant.change}", flush=True)
        if count % 25 == 0:
            print(f"{count} of {len(work)} mutants, {survivors} survived", flush=True)
    share = survivors / max(1, len(work))
    print(f"{survivors} of {len(work)} mutants survived: {share:.1%}")
    return int(share >= 0.05)


def _modules() -> list[str]:
    return sorted(each.stem for each in RULES.glob("*.py") if _tests_of(each.stem))


def _source(name: str) -> str:
    return (RULES / f"{name}.py").read_text(encoding="utf-8")


def _tests_of(name: str) -> list[str]:
    own = [f"test_{name}.py"] if (TESTS / f"test_{name}.py").exists() else []
    return [str(TESTS / each) for each in dict.fromkeys((*own, *BESIDE.get(name, [])))]


def _survives(name: str, mutant: Mutant) -> bool:
    with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as file:
        file.write(mutant.source)
        file.flush()
        command = [sys.executable, "-c", _HOOK, f"trust.agreements.{name}", file.name, *_tests_of(name)]
        try:
            ran = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:  # a loop that does not end is noticed
            return False
        return ran.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
