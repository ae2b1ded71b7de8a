"""``hearthgate serve`` and ``demo``.

Processes share metrics only where ``PROMETHEUS_MULTIPROC_DIR`` is set before the metrics library is first imported. So
this module imports nothing of the gateway that has metrics before the command runs.
"""

import os
import shutil
import signal
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import click

from gateway.cli.context import config_option

_METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@click.command()
@config_option
def serve(*, config: Path | None) -> None:
    """Run the node or the trust anchor.

    One process for each API listens and forks its workers. SIGTERM stops it after requests in progress are answered.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the pools take it: nothing is left behind
    metrics = Path(tempfile.mkdtemp(prefix="hearthgate-metrics-"))
    os.environ[_METRICS_VARIABLE] = str(metrics)
    try:
        from gateway.cli.pools import run_pools

        run_pools(config=config)
    finally:
        del os.environ[_METRICS_VARIABLE]
        shutil.rmtree(metrics, ignore_errors=True)


@click.command()
@click.option("--once", is_flag=True, help="Stop at the end; exit code 0 where every expectation was met.")
@click.option("--seed", type=int, default=1, show_default=True, help="The seed that selects the invented residents.")
def demo(*, once: bool, seed: int) -> None:
    """Run a whole federation on this machine.

    A trust anchor and six invented agencies tell the story of one young man.
    """
    # The demonstration stands above the command line, whose commands it runs; so it is found by name.
    sys.exit(import_module("gateway.demo.main").run(once=once, seed=seed))
