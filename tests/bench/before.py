"""Compare the CPU of an exchange with that of another checkout, each with its own code and environment, in turns."""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from tests.bench.report import Figures
from tests.bench.serving import ROOT

_TURNS = 4
_MEASURE = """
import json, sys, tempfile
from pathlib import Path
from tests.bench import exchange
from tests.bench.asking import HOLDER
from tests.bench.estate import Estate
from tests.bench.__main__ import ANCHOR, COUNCIL
with tempfile.TemporaryDirectory(prefix="hearthgate-bench-") as folder:
    estate = Estate(Path(folder))
    try:
        estate.start(ANCHOR)
        estate.start(COUNCIL)
        estate.start(HOLDER)
        figures = exchange.measure(estate, Path(folder), exchange.Counts(rounds=6, floor=32))
    finally:
        estate.close()
print(json.dumps(figures["exchange_cpu_ms"]))
"""


def measure(before: Path | None) -> Figures:
    """Measure this checkout and the one ``before`` in turns; 0 where there is none."""
    if before is None:
        return {"exchange_over_before_cpu": 0.0}
    ratios = [_cpu_ms(ROOT) / _cpu_ms(before) for _ in range(_TURNS)]
    return {"exchange_over_before_cpu": median(ratios)}


def _cpu_ms(checkout: Path) -> float:
    ran = subprocess.run(
        [_python(checkout), "-c", _MEASURE],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(json.loads(ran.stdout.splitlines()[-1]))


def _python(checkout: Path) -> str:
    own = checkout / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable
