"""One incident is previewed, confirmed step by step, fanned out, and shown on one page with every outcome."""

from typing import Any

import pytest

from gateway.web.case_openapi import EXAMPLE_REPORT
from tests.simulator.alerts import SAFEGUARDING, TEAM, agree_on_alerts, get, message, post, referral
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL

ALTERNATE = f"{COUNCIL}#youth-justice"
PLAY = f"""
id = "danger-at-home"
title = "Danger at home"
summary = "An alert, and help that may be declined."
from_service = "connecting-families"
roles = ["key-worker"]

[[steps]]
id = "team"
title = "Alert the team"
kind = "alert"
topic = "safeguarding"
to = "{TEAM}"
purpose = "{SAFEGUARDING}"
urgency = "red"
persons = ["victim"]
if_victim_says_no = "send"
because = "A person is in danger."
[steps.details]
incident_reference = "incident_reference"
dash_score = "dash_ticks"
[steps.statements]
circumstances = "circumstances"

[[steps]]
id = "fridge"
title = "Ask for a fridge"
kind = "referral"
topic = "essentials"
to = "{TEAM}"
purpose = "{SAFEGUARDING}"
urgency = "green"
persons = ["victim"]
if_victim_says_no = "drop"
because = "It is help that may be declined."
[steps.values]
item = "fridge"
delivery_restricted = true
[steps.statements]
reason = "why_fridge"

[[steps]]
id = "stranger"
title = "Tell a service without an agreement"
kind = "alert"
topic = "safeguarding"
to = "{ALTERNATE}"
purpose = "{SAFEGUARDING}"
urgency = "amber"
persons = ["victim"]
if_victim_says_no = "send"
because = "It was meant to be told."
[steps.statements]
circumstances = "circumstances"
"""
DECISIONS = {"team": "send", "fridge": "send", "stranger": "drop"}


def statement(field: str) -> dict[str, Any]:
    return {
        "field": field,
        "text": f"Text for {field}.",
        "about": ["p1"],
        "standing": "fact",
        "source": "home visit",
        "on": "2026-11-27",
    }


def incident(**changes: Any) -> dict[str, Any]:
    whole = message(EXAMPLE_REPORT) | {
        "details": {"incident_reference": "CF-7"},
        "statements": [statement("circumstances"), statement("why_fridge")],
        "victim_agrees": "yes",
    }
    return {name: value for name, value in whole.items() if name not in {"recipients", "purpose"}} | changes


@pytest.fixture
def town(pair: Network) -> Network:
    agree_on_alerts(pair)
    folder = pair.folder_of(COUNCIL) / "plays"
    folder.mkdir()
    (folder / "danger-at-home.toml").write_text(PLAY)
    pair.start(COUNCIL)
    return pair


@pytest.fixture
def client(town: Network) -> CaseClient:
    return town.case_client()


def preview(client: CaseClient, **changes: Any) -> dict[str, dict[str, Any]]:
    answer = post(client, "plays/danger-at-home/preview", incident(**changes))
    assert answer.status_code == 200, answer.text
    return {step["step"]: step for step in answer.get_json()["steps"]}


def test_a_play_lists_what_the_worker_fills_in_and_what_no_clause_permits(client: CaseClient) -> None:
    (play,) = get(client, "plays").get_json()["items"]
    assert [step["id"] for step in play["steps"]] == ["team", "fridge", "stranger"]
    assert play["steps"][0]["details"] == ["incident_reference", "dash_ticks"]
    assert [fault["step"] for fault in play["faults"]] == ["team", "stranger"]
    assert get(client, "plays/danger-at-home").get_json() == play
    assert get(client, "plays/another").status_code == 404


def test_a_play_is_shown_only_in_the_positions_that_may_run_it(town: Network) -> None:
    volunteer = town.case_client(roles=("volunteer",))
    assert get(volunteer, "plays").get_json()["items"] == []
    assert post(volunteer, "plays/danger-at-home/preview", incident()).status_code == 404


def test_a_preview_shows_each_recipient_with_fields_and_law_and_stores_nothing(client: CaseClient) -> None:
    steps = preview(client)
    team, fridge, stranger = (steps[name] for name in DECISIONS)
    assert (team["state"], team["clause"], team["service"]) == ("ready", "alerts", TEAM)
    assert "6(1)(e)" in team["law"]
    assert set(team["fields"]) == {
        "circumstances",
        "incident_reference",
        "persons.victim",
        "persons.told",
        "persons.safe_contact",
    }
    assert team["left_out"] == ["persons.views"]
    assert (fridge["state"], fridge["if_victim_says_no"]) == ("ready", "drop")
    assert stranger["state"] == "refused"
    assert stranger["remedy"]
    assert get(client, "alerts").get_json()["items"] == []


@pytest.mark.holds("S4")
def test_a_preview_suggests_what_the_assessment_calls_for_and_a_low_score_blocks_nothing(client: CaseClient) -> None:
    for ticks, suggested in ((14, ["marac", "advocacy"]), (9, None)):
        details = {**incident()["details"], "dash_ticks": ticks}
        view = post(client, "plays/danger-at-home/preview", incident(details=details)).get_json()
        assert (view.get("suggested") and view["suggested"]["steps"]) == suggested
        assert view["steps"][0]["state"] == "ready"


def test_a_preview_says_what_happens_when_the_victim_says_no_and_what_is_missing(client: CaseClient) -> None:
    steps = preview(client, victim_agrees="no", statements=[statement("why_fridge")])
    assert (steps["fridge"]["state"], steps["team"]["state"]) == ("dropped", "incomplete")
    assert [each["member"] for each in steps["team"]["missing"]] == ["statements"]


def test_a_run_sends_what_was_confirmed_and_its_page_shows_every_outcome(client: CaseClient) -> None:
    answer = post(client, "plays/danger-at-home/runs", incident(steps=DECISIONS))
    assert answer.status_code == 201, answer.text
    view = answer.get_json()
    assert [(each["kind"], each["play"]["step"]) for each in view["submissions"]] == [
        ("alert", "team"),
        ("referral", "fridge"),
    ]
    assert view["dropped"] == ["stranger"]
    assert view["summary"] == "0 of 2 services have said what came of it"
    assert answer.headers["Location"].endswith(f"/case/v1/incidents/{view['id']}")
    assert get(client, f"incidents/{view['id']}").get_json() == view
    assert {each["incident"] for each in view["submissions"]} == {view["id"]}


@pytest.mark.holds("S11")
def test_a_referral_that_follows_a_decline_is_on_the_incidents_page(town: Network, client: CaseClient) -> None:
    run = post(client, "plays/danger-at-home/runs", incident(steps=DECISIONS)).get_json()
    follow_up = post(client, "referrals", referral(incident=run["id"]), key="another-way")
    assert follow_up.status_code == 201, follow_up.text
    page = get(client, f"incidents/{run['id']}").get_json()
    assert [each["id"] for each in page["submissions"]][-1] == follow_up.get_json()["id"]
    assert page["summary"] == "0 of 3 services have said what came of it"
    assert post(client, "plays/danger-at-home/runs", incident(steps=DECISIONS)).get_json() == page
    stranger = post(town.case_client(), "referrals", referral(incident=run["id"]), key="of-a-stranger")
    absent = post(client, "referrals", referral(incident="0vZxJtEJQm3V8r6lq0yA7g"), key="an-absent-one")
    assert absent.status_code == 403, absent.text
    assert (stranger.status_code, stranger.get_json()["detail"]) == (absent.status_code, absent.get_json()["detail"])
    assert stranger.status_code == 403


def test_a_repeated_run_sends_nothing_twice_and_another_body_is_refused(client: CaseClient) -> None:
    first = post(client, "plays/danger-at-home/runs", incident(steps=DECISIONS)).get_json()
    assert post(client, "plays/danger-at-home/runs", incident(steps=DECISIONS)).get_json() == first
    other = post(client, "plays/danger-at-home/runs", incident(steps={**DECISIONS, "fridge": "drop"}))
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency-key-reused")
    assert len(get(client, "alerts").get_json()["items"]) == 1


@pytest.mark.parametrize(
    ("changes", "members"),
    [
        ({"steps": {**DECISIONS, "stranger": "send"}}, {"steps.stranger"}),
        ({"steps": DECISIONS, "victim_agrees": "not_asked"}, {"steps.fridge"}),
        ({"steps": DECISIONS, "statements": []}, {"steps.team: statements", "steps.fridge: statements"}),
    ],
)
def test_one_step_that_cannot_be_sent_refuses_the_run(
    client: CaseClient, changes: dict[str, Any], members: set[str]
) -> None:
    answer = post(client, "plays/danger-at-home/runs", incident(**changes))
    assert answer.status_code == 422
    assert {fault["member"] for fault in answer.get_json()["faults"]} == members
    assert get(client, "alerts").get_json()["items"] == []


@pytest.mark.holds("A49")
def test_another_clients_incident_is_not_found(town: Network, client: CaseClient) -> None:
    view = post(client, "plays/danger-at-home/runs", incident(steps=DECISIONS)).get_json()
    assert get(town.case_client(), f"incidents/{view['id']}").status_code == 404
