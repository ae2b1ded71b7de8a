"""A federation of a thousand agencies under twenty intermediates: what one node's directory spends on knowing them all.

The federation is simulated in memory (``tests/simulator/tree.py``) and signs each of its answers when it is asked.
What it spends on that is left out of the time; the directory, its store and every check are a node's own. A node takes
up 30 strangers a minute in each worker and no more, so the clock is put on a minute after each 30: the whole of it is
what a node would do within the half hour in which it came to know everybody, refreshes of intermediates included.
"""

import gc
import os
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

from gateway.federation.chain_cache import STRANGERS_A_MINUTE
from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.resolver import FederationResolver
from gateway.ports import PeerRequest, PeerResponse
from gateway.store.factory import open_store
from gateway.store.migration import migrate
from tests.bench import machine
from tests.bench.report import Figures
from tests.simulator.town import ANCHOR, COUNTY
from tests.simulator.tree import Tree
from trust.identifiers import EntityId

_STORE = "sqlite:///node.db"
_MS = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How large the federation is."""

    intermediates: int = 20
    agencies: int = 1_000


@dataclass(slots=True)
class _Spent:
    """CPU seconds and fetches since the last reading, without what the federation itself spends on its answers."""

    tree: Tree
    began_s: float = field(default_factory=process_time)
    answering_s: float = 0.0

    def send(self, request: PeerRequest) -> PeerResponse:
        began_s = process_time()
        try:
            return self.tree.send(request)
        finally:
            self.answering_s += process_time() - began_s

    def read(self) -> tuple[float, int]:
        spent = process_time() - self.began_s - self.answering_s, len(self.tree.fetched)
        self.tree.fetched.clear()
        self.answering_s, self.began_s = 0.0, process_time()
        return spent


def measure(folder: Path, counts: Counts) -> Figures:
    """Make a directory know every agency, refresh them all, and let one more join."""
    folder.mkdir()
    migrate(_STORE, base_dir=folder)
    store = open_store(_STORE, base_dir=folder)
    try:
        return _measure(Tree(store, own=EntityId("https://agency0.example")), counts)
    finally:
        store.close()


def _measure(tree: Tree, counts: Counts) -> Figures:
    tree.add(COUNTY, ANCHOR)
    intermediates = [COUNTY, *(EntityId(f"https://county{n}.example") for n in range(1, counts.intermediates))]
    for each in intermediates[1:]:
        tree.add(each, ANCHOR)
    agencies = [EntityId(f"https://agency{number}.example") for number in range(counts.agencies)]
    for number, agency in enumerate(agencies):
        tree.add(agency, intermediates[number % len(intermediates)])
    spent = _Spent(tree)
    directory = tree.directory(transport=spent)
    gc.collect()
    before_mb = machine.memory([os.getpid()]).pss_mb
    spent.read()
    _know(directory, tree, agencies)
    resolving_s, resolving = spent.read()
    gc.collect()
    memory_mb = machine.memory([os.getpid()]).pss_mb - before_mb
    tree.clock.moment += REFRESH_AFTER
    for agency in agencies:
        directory.resolve(agency, now=tree.clock.now())
    refreshing_s, refreshing = spent.read()
    one_more = EntityId("https://newcomer.example")
    tree.add(one_more, COUNTY)
    directory.resolve(one_more, now=tree.clock.now())
    _, joining = spent.read()
    return {
        "federation_agencies": counts.agencies,
        "federation_resolve_s": resolving_s,
        "federation_resolve_ms": resolving_s / counts.agencies * _MS,
        "federation_memory_mb": max(0.0, memory_mb),
        "federation_fetches_all": resolving / counts.agencies,
        "federation_fetches_join": joining,
        "federation_fetches_refresh": refreshing / counts.agencies,
        "federation_refresh_ms": refreshing_s / counts.agencies * _MS,
    }


def _know(directory: FederationResolver, tree: Tree, agencies: list[EntityId]) -> None:
    for first in range(0, len(agencies), STRANGERS_A_MINUTE):
        for agency in agencies[first : first + STRANGERS_A_MINUTE]:
            directory.resolve(agency, now=tree.clock.now())
        tree.clock.forward(minutes=1)
