"""The earliest deadline comes first in the work list, and a client counts what became of its own alerts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.delivery.usefulness import count_due
from gateway.store.tables import outbox
from tests.simulator.alerts import agree_on_alerts, alert, get, post, referral
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL


@pytest.fixture
def town(pair: Network) -> Network:
    agree_on_alerts(pair)
    return pair


def send(client: CaseClient, urgency: str, number: int) -> str:
    answer = post(client, "alerts", alert(urgency=urgency), key=f"key-number-{number}")
    return str(answer.get_json()["id"])


def decide(town: Network, client: CaseClient, alert_id: str, decision: str) -> None:
    """Record what a recipient's signed receipt tells."""
    [delivery] = get(client, f"alerts/{alert_id}").get_json()["deliveries"]
    store = town.nodes[COUNCIL].store
    [row] = store.read(lambda tx: outbox.by_reference(tx, reference=delivery["reference"]))
    decided = replace(row, decision=decision, decided_at=town.clock.now(), answer_seq=1, receipt_seq=1)
    assert store.write(lambda tx: outbox.note_receipt(tx, row, decided, tried=False))


def test_the_earliest_deadline_comes_first_and_its_status_follows_the_clock(town: Network) -> None:
    client = town.case_client()
    green, red = send(client, "green", 1), send(client, "red", 2)
    post(client, "referrals", referral(deadline=(town.clock.now() + timedelta(hours=2)).isoformat()))
    items = get(client, "work-list").get_json()["items"]
    assert items[0]["kind"] == "referral"
    assert {each["id"] for each in items[1:]} == {green, red}
    assert [each["decide_by"] for each in items] == sorted(each["decide_by"] for each in items)
    assert items[0]["status"] == "due"
    town.clock.forward(hours=2)
    assert get(client, "work-list").get_json()["items"][0]["status"] == "overdue"


def test_what_was_decided_waits_no_more(town: Network) -> None:
    client = town.case_client()
    first, second = send(client, "red", 1), send(client, "red", 2)
    decide(town, client, first, "useful")
    assert [each["id"] for each in get(client, "work-list").get_json()["items"]] == [second]


def test_the_list_is_read_page_by_page(town: Network) -> None:
    client = town.case_client()
    alerts = {send(client, "amber", number) for number in range(5)}
    listed: list[str] = []
    after = ""
    while True:
        page = get(client, f"work-list?limit=2{after}").get_json()
        listed.extend(each["id"] for each in page["items"])
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert (len(listed), set(listed)) == (5, alerts)


@pytest.mark.holds("A49")
def test_another_client_sees_nothing_of_it(town: Network) -> None:
    client, other = town.case_client(), town.case_client()
    decide(town, client, send(client, "red", 1), "useful")
    send(client, "red", 2)
    assert get(other, "work-list").get_json()["items"] == []
    assert get(other, "usefulness").get_json()["clauses"] == []


def test_a_client_sees_the_rates_of_its_alerts_by_clause(town: Network) -> None:
    client = town.case_client()
    for number, decision in enumerate(("useful", "useful", "already-known", "wrong-service")):
        assert not any(each["review_due"] for each in get(client, "usefulness").get_json()["clauses"])
        decide(town, client, send(client, "red", number), decision)
    send(client, "red", 9)
    (clause,) = get(client, "usefulness").get_json()["clauses"]
    assert (clause["clause"], clause["alerts"], clause["closed"], clause["useful_share"]) == (
        "town-safeguarding/1 alerts",
        5,
        4,
        0.5,
    )
    assert clause["review_due"] is True
    assert clause["review_when"].startswith("fewer than 60 of 100 alerts were useful, of 4 or more")
    node, now = town.nodes[COUNCIL], town.clock.now()
    standings = node.agreements.standings(now=now)
    assert node.store.read(lambda tx: count_due(tx, standings, now=now)) == 1
    assert clause["outcomes"] == {
        "already-known": 1,
        "useful": 2,
        "no-action": 0,
        "wrong-person": 0,
        "wrong-service": 1,
    }
