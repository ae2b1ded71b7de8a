"""A case that its holder closed is gone from lookups, as each clause has it, and past askers hear of it (S21)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pysqlite3 import dbapi2

from gateway.notices.case_api import EXAMPLE_NOTICE
from tests.simulator.alerts import TEAM, get, message, post
from tests.simulator.network import Network
from tests.simulator.town import ASKER, BY_ENTITY, COUNCIL, PURPOSE, SUBJECT, TRUST

NURSE = {
    "id": "n-7",
    "role": "key-worker",
    "org_unit": "north-team",
    "second_factor": True,
    "name": "Nia Harding",
    "call_back": "01632 960117",
}


def terms(network: Network, existence: str) -> dict[str, Any]:
    """Return an agreement under which the trust tells of its cases, and says when one is closed."""
    document = network.document()
    who_else = next(each for each in document["clauses"] if TEAM in each["holders"])
    closures = {
        "id": "closures",
        "kind": "notice",
        "version": 1,
        "purpose": PURPOSE,
        "askers": [TEAM],
        "holders": [ASKER],
        "fields_by_role": {"key-worker": ["persons.other", "involvement", "ended_on", "closure_reason"]},
        "basis": ["6-1-e", "ca2004-s10"],
        "existence": "conditional",
        "keep_days": 90,
        "onward": "none",
        "notice_types": ["case.closure"],
    }
    document["clauses"] = [{**who_else, "holders": [TEAM], "existence": existence}, closures]
    return document


@pytest.fixture(params=["unconditional", "conditional"])
def town(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Network]:
    made = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    made.agree(terms(made, request.param))
    yield made
    made.close()


def close_case(town: Network) -> None:
    """Have a worker of the trust close the young man's case in its case system."""
    (path,) = town.folder.rglob("mental-health-cases.db")
    with dbapi2.connect(path) as database:
        database.execute("UPDATE SERVICE_REFERRAL SET DISCHARGE_DATE = ?", (f"{town.clock.now():%Y%m%d}",))


@pytest.mark.holds("S21")
def test_a_closed_case_is_gone_from_lookups_and_its_past_asker_is_told(
    town: Network, request: pytest.FixtureRequest
) -> None:
    asker, trust = town.case_client(), town.case_client(TRUST)
    before = asker.lines(holders=[TEAM])[TEAM]
    assert (before["status"], len(before["involvements"])) == ("known", 1)
    close_case(town)
    closure = message(EXAMPLE_NOTICE, practitioner=NURSE, from_service="mental-health", purpose=PURPOSE)
    person = {"ref": "p1", "part": "other", "subject": SUBJECT}
    sent = post(trust, "notices", {**closure, "recipients": [ASKER], "persons": [person]})
    assert sent.status_code == 201, sent.text
    town.nodes[TRUST].delivery.relay.drain()
    (item,) = get(asker, "inbox").get_json()["items"]
    assert get(asker, f"inbox/{item['id']}").get_json()["document"]["details"]["closure_reason"] == "completed"
    after = asker.lines(holders=[TEAM])[TEAM]
    assert "involvements" not in after or after["involvements"] == []
    conditional = "conditional]" in request.node.name and "unconditional]" not in request.node.name
    assert after["status"] == ("nothing_to_share" if conditional else "no_current_involvement")
