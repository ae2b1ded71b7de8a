"""Each fuzz target still works."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
needs_atheris = pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this machine")


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_its_own_seeds(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)


@needs_atheris
@pytest.mark.e2e
@pytest.mark.timeout(600)  # fourteen targets of six seconds, and half a minute of loading on two free cores
def test_nothing_but_a_refusal_comes_out_of_any_target() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--seconds", "6", "--runs", "1500"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert f"{len(TARGETS)} of {len(TARGETS)} targets found nothing" in ran.stdout
