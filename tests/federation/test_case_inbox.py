"""A message travels from one case system to another, and what people there do comes back on the sender's page."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.store.tables import inbox_polls
from tests.simulator.alerts import TEAM, agree_on_alerts, alert, get, post, referral
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.sign_in import sign_in
from tests.simulator.town import COUNCIL, TRUST

SLUG = TEAM.partition("#")[2]
NURSE = {"id": "n-7", "role": "key-worker", "org_unit": "north-team", "second_factor": True}


@pytest.fixture
def town(pair: Network) -> Network:
    agree_on_alerts(pair)
    return pair


def deliver(town: Network) -> None:
    """Have both relays send what is due: messages, and then the receipts."""
    for entity in (COUNCIL, TRUST):
        town.nodes[entity].delivery.relay.drain()


def arrived(town: Network, system: CaseClient) -> dict[str, Any]:
    deliver(town)
    (item,) = get(system, "inbox").get_json()["items"]
    return dict(item)


def act(
    town: Network, system: CaseClient, path: str, body: dict[str, Any] | None = None, *, person: str = ""
) -> TestResponse:
    """Do something to a message: as the case system, or as a person who signed in."""
    headers = (
        sign_in(town, system, person, entity=TRUST, service=SLUG, jti=f"{person}-{path[-8:]}")
        if person
        else system.headers()
    )
    return system.http.post(f"/case/v1/{path}", base_url=system.base_url, json=body or {}, headers=headers)


def test_an_alert_is_polled_acknowledged_read_and_closed_and_its_sender_sees_each(town: Network) -> None:
    sender, recipient = town.case_client(), town.case_client(TRUST)
    submission = post(sender, "alerts", alert()).get_json()["id"]

    def state() -> tuple[str, str | None, bool]:
        deliver(town)
        town.nodes[TRUST].delivery.relay.drain()
        (delivery,) = get(sender, f"alerts/{submission}").get_json()["deliveries"]
        return delivery["state"], delivery.get("outcome"), "advice" in delivery

    item = arrived(town, recipient)
    assert state() == ("stored", None, True)
    whole = get(recipient, f"inbox/{item['id']}").get_json()
    assert whole["document"]["persons"][0]["part"] == "victim"
    assert "child_present" not in whole["document"]["details"]
    assert act(town, recipient, f"inbox/{item['id']}/acknowledge").status_code == 200
    assert state() == ("in_case_system", None, True)
    assert act(town, recipient, f"inbox/{item['id']}/read").get_json()["code"] == "outside-registration"
    assert act(town, recipient, f"inbox/{item['id']}/read", person="n-7").get_json()["is_read"] is True
    assert state() == ("read", None, False)
    closed = act(town, recipient, f"inbox/{item['id']}/close", {"closed": "useful", "practitioner": NURSE})
    assert closed.get_json()["decision"] == "useful"
    assert state() == ("read", "useful", False)
    assert get(recipient, "inbox").get_json()["items"] == []
    assert get(sender, "usefulness").get_json()["clauses"][0]["useful_share"] == 1.0


@pytest.mark.holds("S11")
def test_a_referral_is_declined_with_a_reason_and_an_alternative(town: Network) -> None:
    sender, recipient = town.case_client(), town.case_client(TRUST)
    submission = post(sender, "referrals", referral()).get_json()["id"]
    item = arrived(town, recipient)
    path = f"referrals/{item['id']}/status"
    bare = act(town, recipient, path, {"status": "declined", "practitioner": NURSE})
    assert {fault["member"] for fault in bare.get_json()["faults"]} == {"reason", "declined_by"}
    whole = {
        "status": "declined",
        "reason": "No room this month.",
        "declined_by": "duty-officer",
        "alternative": {"service_type": "advocacy"},
        "practitioner": NURSE,
    }
    assert act(town, recipient, path, whole).status_code == 200
    again = act(town, recipient, path, {"status": "in_progress", "practitioner": NURSE})
    assert (again.status_code, "declined" in again.get_json()["detail"]) == (422, True)
    deliver(town)
    deliver(town)
    (delivery,) = get(sender, f"referrals/{submission}").get_json()["deliveries"]
    (outcome,) = delivery["outcomes"]
    assert (outcome["outcome"], outcome["reason"], outcome["declined_by"]) == (
        "declined",
        "No room this month.",
        "duty-officer",
    )
    assert outcome["alternative"] == {"service_type": "advocacy"}


@pytest.mark.holds("A49")
def test_a_message_of_another_service_or_kind_is_not_found(town: Network) -> None:
    recipient, stranger = town.case_client(TRUST), town.case_client()
    post(town.case_client(), "alerts", alert())
    item = arrived(town, recipient)
    body = {"status": "accepted", "practitioner": NURSE}
    assert get(stranger, f"inbox/{item['id']}").status_code == 404
    assert act(town, stranger, f"inbox/{item['id']}/acknowledge").status_code == 404
    assert act(town, recipient, f"referrals/{item['id']}/status", body).status_code == 404
    assert get(stranger, "inbox").get_json()["items"] == []


def test_a_poll_is_recorded_and_a_persons_look_is_none(town: Network) -> None:
    recipient = town.case_client(TRUST)
    get(recipient, "inbox")
    polls = town.nodes[TRUST].store.read(inbox_polls.list_all)
    assert [(poll.service, poll.client_id) for poll in polls] == [(SLUG, recipient.client_id)]


def test_what_came_is_in_the_work_list_of_its_recipient(town: Network) -> None:
    recipient = town.case_client(TRUST)
    post(town.case_client(), "alerts", alert())
    item = arrived(town, recipient)
    (line,) = get(recipient, "work-list").get_json()["items"]
    assert (line["side"], line["id"], line["urgency"]) == ("received", item["id"], "red")


@pytest.mark.holds("A49")
@pytest.mark.parametrize(("service", "is_shown"), [(SLUG, True), ("money-advice", False)])
def test_a_person_sees_the_work_of_their_own_service_alone(town: Network, service: str, *, is_shown: bool) -> None:
    recipient = town.case_client(TRUST)
    post(town.case_client(), "alerts", alert())
    deliver(town)
    headers = sign_in(town, recipient, "n-8", entity=TRUST, jti="work", service=service)
    page = recipient.http.get("/case/v1/work-list", base_url=recipient.base_url, headers=headers).get_json()
    assert bool(page["items"]) is is_shown
