"""A member that floods a node with slow questions holds half of its threads, and another member is answered at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.faults import locked
from tests.simulator.processes import Served, served
from tests.simulator.town import ANCHOR, COUNCIL, POLICE, TRUST

pytestmark = pytest.mark.e2e
FLOODING, SLOW = f"{TRUST}#mental-health", f"{COUNCIL}#money-advice"
OTHER, QUICK = f"{POLICE}#police", f"{COUNCIL}#youth-justice"
THREADS = 4
FLOOD = 16
LOOKUPS = 10


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, [COUNCIL, TRUST, POLICE], workers=1, threads=THREADS) as made:
        yield made


def test_a_flood_of_slow_questions_leaves_threads_for_another_member(federation: Served) -> None:
    document = federation.network.document()
    document["clauses"] = [
        between(document, "flood", asker=FLOODING, holder=SLOW),
        between(document, "other", asker=OTHER, holder=QUICK),
    ]
    federation.network.agree(document)
    flooding, other = federation.network.case_client(TRUST), federation.network.case_client(POLICE)
    federation.start(ANCHOR, COUNCIL, TRUST, POLICE)
    flooding_token, other_token = federation.case_token(flooding), federation.case_token(other)

    def ask_slow(_: int) -> str:
        view = federation.look_up(flooding, token=flooding_token, from_service="mental-health", wait_s=0.0)
        return str(view["answers"][0]["status"])

    def ask_quick() -> str:
        view = federation.look_up(other, token=other_token, from_service="police")
        return str(view["answers"][0]["status"])

    assert ask_slow(0) == ask_quick() == "known"
    with ThreadPoolExecutor(FLOOD) as pool, locked(federation.network.folder_of(COUNCIL) / "money-advice-cases.db"):
        flood = [pool.submit(ask_slow, number) for number in range(FLOOD)]
        answers = [ask_quick() for _ in range(LOOKUPS)]
        assert not all(each.done() for each in flood)
        # the flood's own lines are silence, which says nothing of any record
        assert {each.result() for each in flood} == {"no_reply"}
    assert answers == ["known"] * LOOKUPS
    assert ask_slow(0) == "known"


def between(document: dict[str, Any], name: str, *, asker: str, holder: str) -> dict[str, Any]:
    """Return a clause like the first of the document, between two services."""
    return {**deepcopy(document["clauses"][0]), "id": name, "askers": [asker], "holders": [holder]}
