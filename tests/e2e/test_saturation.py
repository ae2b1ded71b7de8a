"""Two nodes whose case pools are full of lookups at each other still answer each other."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.simulator.processes import Served, served
from tests.simulator.town import ANCHOR, COUNCIL, TRUST

pytestmark = pytest.mark.e2e
THREADS = 2
AT_ONCE = 6
EACH = 12


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, [COUNCIL, TRUST], workers=1, threads=THREADS) as made:
        yield made


def test_two_nodes_that_flood_each_other_both_get_their_answers(federation: Served) -> None:
    document = federation.network.document()
    there, here = f"{TRUST}#mental-health", f"{COUNCIL}#connecting-families"
    for clause in document["clauses"]:
        clause["askers"].append(there)
        clause["holders"].append(here)
    federation.network.agree(document)
    askers = {
        "connecting-families": federation.network.case_client(COUNCIL),
        "mental-health": federation.network.case_client(TRUST),
    }
    federation.start(ANCHOR, COUNCIL, TRUST)
    tokens = {service: federation.case_token(client) for service, client in askers.items()}

    def ask(service: str) -> str:
        view = federation.look_up(askers[service], token=tokens[service], from_service=service)
        return f"{service}: {view['summary']}"

    with ThreadPoolExecutor(2 * AT_ONCE) as pool:
        summaries = list(pool.map(ask, [service for _ in range(EACH) for service in askers]))
    assert set(summaries) == {
        "connecting-families: 4 of 4 services answered",
        "mental-health: 4 of 4 services answered",
    }
