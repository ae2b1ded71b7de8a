"""A node at rest: how long it takes to start, and what it then holds."""

from statistics import median

from tests.bench.asking import HOLDER
from tests.bench.estate import Estate
from tests.bench.report import Figures


def measure(estate: Estate, *, starts: int) -> Figures:
    """Start the node several times, each time from nothing; leave the last one running."""
    seconds = []
    for number in range(starts):
        if number:
            estate.stop(HOLDER)
        seconds.append(estate.start(HOLDER))
    return {"ready_s": median(seconds), **memory(estate)}


def memory(estate: Estate) -> Figures:
    """Return what the node's parent, arbiters and workers hold together now."""
    held = estate.running(HOLDER).memory()
    return {"node_pss_mb": held.pss_mb, "node_alone_mb": held.alone_mb, "node_processes": held.processes}
