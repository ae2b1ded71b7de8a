"""An alert is taken in whole or not at all, and its client sees what each recipient gets and does."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.alerts.request import EXAMPLE_ALERT
from tests.simulator.alerts import ALERT_FIELDS, TEAM, agree_on_alerts, alert, get, post, referral
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL, SUBJECT


@pytest.fixture
def town(pair: Network) -> Network:
    agree_on_alerts(pair)
    return pair


def test_an_alert_says_what_goes_where_and_by_when_to_ring(town: Network) -> None:
    client = town.case_client()
    answer = post(client, "alerts", alert())
    assert answer.status_code == 201, answer.text
    view = answer.get_json()
    assert answer.headers["Location"] == f"{client.base_url}/case/v1/alerts/{view['id']}"
    (delivery,) = view["deliveries"]
    assert (delivery["service"], delivery["state"], delivery["overdue"]) == (TEAM, "queued", False)
    assert delivery["reference"].startswith("HG-")
    assert set(delivery["fields"]) == set(ALERT_FIELDS)
    assert set(delivery["left_out"]) == {"child_present", "location_kind", "persons.views", "risk_level"}
    assert delivery["persons"] == ["p1"]
    assert delivery["clause"] == "alerts"
    assert "6(1)(e)" in delivery["law"]
    phone = delivery["fallback"]["phone"]
    assert delivery["advice"].startswith("If no one has rung you by ")
    assert f"ring {phone}" in delivery["advice"]
    assert view["emergency"] in delivery["advice"]
    assert get(client, f"alerts/{view['id']}").get_json() == view


def test_nothing_about_the_person_is_in_the_answer(town: Network) -> None:
    text = post(town.case_client(), "alerts", alert()).text
    assert not [value for value in (SUBJECT["nhs_number"], SUBJECT["family_name"]) if value in text]


def test_a_repeated_request_is_the_same_alert(town: Network) -> None:
    client = town.case_client()
    first, again = (post(client, "alerts", alert()).get_json()["id"] for _ in range(2))
    assert first == again
    other = post(client, "alerts", alert(reason="Another reason."))
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency-key-reused")


def test_one_recipient_without_an_agreement_refuses_the_alert_for_all(town: Network) -> None:
    client, stranger = town.case_client(), f"{COUNCIL}#youth-justice"
    answer = post(client, "alerts", alert(recipients=[TEAM, stranger, "https://strangers.example#desk"]))
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (403, "not-permitted")
    assert [fault["member"] for fault in problem["faults"]] == [
        f"recipients ({stranger})",
        "recipients (https://strangers.example#desk)",
    ]
    assert get(client, "alerts").get_json()["items"] == []


@pytest.mark.holds("A49")
def test_another_clients_alert_is_the_same_404_as_an_absent_one(town: Network) -> None:
    client, other = town.case_client(), town.case_client()
    alert_id = post(client, "alerts", alert()).get_json()["id"]
    answers = [
        get(other, f"alerts/{alert_id}"),
        get(client, "alerts/0vZxJtEJQm3V8r6lq0yA7g"),
        get(client, f"referrals/{alert_id}"),
    ]

    def status_and_problem(answer: TestResponse) -> tuple[int, dict[str, Any]]:
        return answer.status_code, {**answer.get_json(), "instance": ""}

    assert status_and_problem(answers[0]) == status_and_problem(answers[1]) == status_and_problem(answers[2])
    assert answers[0].status_code == 404
    assert get(other, "alerts").get_json()["items"] == []


def test_a_list_is_read_page_by_page_newest_first(town: Network) -> None:
    client = town.case_client()
    alerts = []
    for number in range(5):
        town.clock.forward(seconds=1)
        alerts.append(post(client, "alerts", alert(), key=f"key-number-{number}").get_json()["id"])
    post(client, "referrals", referral(), key="of-another-kind")
    listed: list[str] = []
    after = ""
    while True:
        page = get(client, f"alerts?limit=2{after}").get_json()
        listed.extend(each["id"] for each in page["items"])
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert listed == alerts[::-1]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=x", "colour=red", "limit=1&limit=2"])
def test_a_page_that_was_asked_for_wrongly_is_refused(town: Network, query: str) -> None:
    answer = get(town.case_client(), f"alerts?{query}")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid-fields")


def test_a_referral_is_taken_in_the_same_way(town: Network) -> None:
    client = town.case_client()
    view = post(client, "referrals", referral()).get_json()
    assert (view["kind"], view["topic"]) == ("referral", "essentials")
    assert set(view["deliveries"][0]["fields"]) == {
        "delivery_restricted",
        "item",
        "need_by",
        "persons.victim",
        "reason",
    }


def test_the_stored_submission_names_no_person_in_the_clear(town: Network) -> None:
    post(town.case_client(), "alerts", alert(), key=SUBJECT["nhs_number"].replace(" ", ""))
    files = list((town.folder_of(COUNCIL) / "data").iterdir())
    for value in (SUBJECT["nhs_number"].replace(" ", ""), SUBJECT["family_name"], "Saw bruises"):
        assert not [path.name for path in files if value.encode() in path.read_bytes()]


BOTH_STEPS = ["marac", "advocacy"]


@pytest.mark.holds("S4")
@pytest.mark.parametrize(
    ("assessment", "suggested"),
    [
        ({"dash_score": 14, "risk_level": "medium"}, BOTH_STEPS),
        ({"dara_grade": "high", "risk_level": "medium"}, BOTH_STEPS),
        ({"dash_score": 9, "risk_level": "high"}, BOTH_STEPS),
        ({"dash_score": 9, "risk_level": "medium"}, None),
        ({}, None),
    ],
)
def test_an_assessment_suggests_marac_and_advocacy_and_a_low_or_missing_score_blocks_nothing(
    town: Network, assessment: dict[str, Any], suggested: list[str] | None
) -> None:
    client = town.case_client()
    kept = {name: EXAMPLE_ALERT["details"][name] for name in ("incident_reference", "occurred_at")}
    body = alert(details={**kept, **assessment})
    preview = post(client, "alerts/preview", body)
    assert preview.status_code == 200, preview.text
    assert get(client, "alerts").get_json()["items"] == []
    sent = post(client, "alerts", body)
    assert (sent.status_code, sent.get_json()["deliveries"][0]["state"]) == (201, "queued")
    page = get(client, f"alerts/{sent.get_json()['id']}")
    for answer in (preview, sent, page):
        advice = answer.get_json().get("suggested")
        assert (advice and advice["steps"]) == suggested
        assert advice is None or advice["reasons"]


def test_a_preview_shows_each_recipient_and_sends_nothing(town: Network) -> None:
    client, stranger = town.case_client(), f"{COUNCIL}#youth-justice"
    team, other = post(client, "alerts/preview", alert(recipients=[TEAM, stranger])).get_json()["recipients"]
    assert (team["service"], team["clause"], set(team["fields"])) == (TEAM, "alerts", set(ALERT_FIELDS))
    assert team["fallback"]["phone"]
    assert other["refusal"]
    assert get(client, "alerts").get_json()["items"] == []
