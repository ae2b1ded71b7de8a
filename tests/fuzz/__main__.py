"""Fuzz: ``python -m tests.fuzz [--target NAME] [--seconds N]``; one process a target."""

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import atheris

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

ROOT = Path(__file__).resolve().parents[2]
FINDINGS = ROOT / "build" / "fuzz"
_LONGEST = 8_192


def main() -> int:
    """Fuzz one target or all of them, and return 1 when any found something."""
    targets = _instrumented_targets()
    parser = argparse.ArgumentParser(prog="./run fuzz", description="Feed made-up bytes to everything that takes some.")
    parser.add_argument("--target", choices=sorted(targets), help="only this one")
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="for each target [default: 60]")
    parser.add_argument("--runs", type=int, default=-1, metavar="N", help="stop a target after so many inputs")
    arguments = parser.parse_args()
    limits = [f"-max_total_time={arguments.seconds}", f"-runs={arguments.runs}"]
    names = [arguments.target] if arguments.target else list(targets)
    failed = [name for name in names if not _passes(name, targets[name], limits)]
    print(f"{len(names) - len(failed)} of {len(names)} targets found nothing", flush=True)
    return 1 if failed else 0


def _instrumented_targets() -> "Mapping[str, Target]":
    """Load everything that is fuzzed under instrumentation, once for all targets: it takes longer than a short run."""
    with (
        redirect_stderr(StringIO()),
        atheris.instrument_imports(
            include=[
                "trust",
                "gateway.health.clock_skew",
                "gateway.federation",
                "gateway.agreements.signature_exchange",
            ]
        ),
    ):
        targets: Mapping[str, Target] = import_module("tests.fuzz.targets").TARGETS
    return targets


def _passes(name: str, target: "Target", limits: list[str]) -> bool:
    """Run one target in a process of its own, beginning with what was found before."""
    found = FINDINGS / name
    found.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="hearthgate-fuzz-") as folder:
        corpus, log = Path(folder) / "corpus", Path(folder) / "log"
        corpus.mkdir()
        for number, seed in enumerate(target.seeds):
            (corpus / f"seed-{number}").write_bytes(seed)
        options = [
            *limits,
            f"-max_len={_LONGEST}",
            "-verbosity=0",
            f"-artifact_prefix={found}/",
            str(corpus),
            str(found),
        ]
        child = os.fork()
        if child == 0:
            _fuzz(target, options, log)
        _, status = os.waitpid(child, 0)
        print(f"{name}: {'nothing found' if status == 0 else 'a finding'}", flush=True)
        if status != 0:
            print(log.read_text(errors="replace")[-4_000:], flush=True)
    return status == 0


def _fuzz(target: "Target", options: list[str], log: Path) -> None:
    """Be the process of one target; the fuzzer ends it."""
    with log.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    try:
        atheris.Setup([sys.argv[0], *options], target.run)
        atheris.Fuzz()
    finally:
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
