"""Fuzz: ``python -m tests.fuzz [--target NAME] [--seconds N]``; one process a target."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
FINDINGS = ROOT / "build" / "fuzz"
_LONGEST = 8_192
_INSIDE = "--inside"


def main() -> int:
    """Fuzz one target or all of them, and return 1 when any found something."""
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - in the child it must be imported under instrumentation

    parser = argparse.ArgumentParser(prog="./run fuzz", description="Feed made-up bytes to everything that takes some.")
    parser.add_argument("--target", choices=sorted(TARGETS), help="only this one")
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="for each target [default: 60]")
    parser.add_argument("--runs", type=int, default=-1, metavar="N", help="stop a target after so many inputs")
    arguments = parser.parse_args()
    limits = [f"-max_total_time={arguments.seconds}", f"-runs={arguments.runs}"]
    names = [arguments.target] if arguments.target else list(TARGETS)
    failed = [name for name in names if not _passes(name, TARGETS[name].seeds, limits)]
    print(f"{len(names) - len(failed)} of {len(names)} targets found nothing", flush=True)
    return 1 if failed else 0


def _passes(name: str, seeds: Sequence[bytes], limits: list[str]) -> bool:
    """Run one target in a process of its own, beginning with what was found before."""
    found = FINDINGS / name
    found.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="hearthgate-fuzz-") as corpus:
        for number, seed in enumerate(seeds):
            (Path(corpus) / f"seed-{number}").write_bytes(seed)
        command = [sys.executable, "-m", "tests.fuzz", _INSIDE, name, *limits, f"-max_len={_LONGEST}"]
        command += ["-verbosity=0", f"-artifact_prefix={found}/", corpus, str(found)]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(f"{name}: {'nothing found' if ran.returncode == 0 else 'a finding'}", flush=True)
    if ran.returncode != 0:
        print(ran.stderr[-4_000:], flush=True)
    return ran.returncode == 0


def _fuzz(name: str, options: list[str]) -> None:
    """Be the process of one target; the fuzzer ends it."""
    import atheris  # noqa: PLC0415 - only this process needs it

    with atheris.instrument_imports(
        include=["trust", "gateway.health.clock_skew", "gateway.federation", "gateway.agreements.signature_exchange"]
    ):
        targets = import_module("tests.fuzz.targets").TARGETS
    atheris.Setup([sys.argv[0], *options], targets[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == [_INSIDE]:
        _fuzz(sys.argv[2], sys.argv[3:])
    sys.exit(main())
