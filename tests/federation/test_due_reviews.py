"""People are warned of restricted places to review, and of consents that end soon, before the day comes."""

import re
from datetime import date, timedelta
from typing import Any

from tests.simulator.alerts import get, post
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL, PURPOSE, SUBJECT

WORKER = {"id": "u-17", "role": "key-worker", "org_unit": "north-team", "second_factor": True, "name": "Nia Harding"}
NURSE = {name: text for name, text in WORKER.items() if name != "name"}
SERVICE = "connecting-families"
_REVIEWS = re.compile(r'^hearthgate_place_reviews\{stage="(\w+)"\} ([0-9.]+)$', re.MULTILINE)


def reviews_due(network: Network) -> dict[str, int]:
    """Return the reviews that the council's metric shows after a round."""
    node = network.nodes[COUNCIL]
    node.keeper.round()
    text = node.operations_app.test_client().get("/metrics").text
    shown = {stage: int(float(number)) for stage, number in _REVIEWS.findall(text)}
    assert set(shown) == {"30_days", "7_days", "passed"}
    return {stage: number for stage, number in shown.items() if number}


def waiting(client: CaseClient, kind: str) -> list[dict[str, Any]]:
    """Return the items of a kind on the work list."""
    return [each for each in get(client, "work-list").get_json()["items"] if each["kind"] == kind]


def declare(network: Network, client: CaseClient, review_on: date) -> str:
    """Declare a restriction, and return its id."""
    body = {
        "subject": SUBJECT,
        "reason": "He fears being found.",
        "case_ref": "C-1",
        "practitioner": NURSE,
        "from_service": SERVICE,
        "review_on": review_on.isoformat(),
    }
    answer = post(client, "restrictions", body)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def test_a_review_of_a_restricted_place_is_warned_of_until_a_person_reviews_it(pair: Network) -> None:
    client = pair.case_client()
    day = pair.clock.now().date() + timedelta(days=31)
    restriction = declare(pair, client, day)
    assert (reviews_due(pair), waiting(client, "place-review")) == ({}, [])
    for days, stage in ((1, "30_days"), (23, "7_days"), (8, "passed")):
        pair.clock.forward(days=days)
        assert reviews_due(pair) == {stage: 1}
        assert [each["id"] for each in waiting(client, "place-review")] == [restriction]
    assert waiting(client, "place-review")[0]["status"] == "overdue"
    later = pair.clock.now().date() + timedelta(days=180)
    body = {"reason": "He is still in danger.", "practitioner": NURSE, "from_service": SERVICE}
    path = f"restrictions/{restriction}/review"
    for wrong in (pair.clock.now().date(), later + timedelta(days=366)):
        assert post(client, path, {**body, "review_on": wrong.isoformat()}).status_code == 422
    answer = post(client, path, {**body, "review_on": later.isoformat()})
    assert (answer.status_code, answer.get_json()["review_at"][:10]) == (200, later.isoformat())
    assert (reviews_due(pair), waiting(client, "place-review")) == ({}, [])
    assert post(client, "restrictions/unknown-restriction-00/review", body).status_code == 404


def test_a_consent_that_ends_within_14_days_is_a_task_of_the_worker_who_recorded_it(pair: Network) -> None:
    client, today = pair.case_client(), pair.clock.now().date()
    body = {
        "subject": SUBJECT,
        "roles": ["confidentiality"],
        "purposes": [PURPOSE],
        "jurisdiction": "england-and-wales",
        "given_by": {"relation": "person"},
        "given_on": today.isoformat(),
        "form": "written",
        "evidence": "CF-2291/form",
        "notice": "early-help-notice/4",
        "case_ref": "CF-2291",
        "practitioner": {**WORKER, "call_back": "01632 960117"},
        "from_service": SERVICE,
        "expires_on": (today + timedelta(days=15)).isoformat(),
    }
    answer = post(client, "consents", body)
    assert answer.status_code == 201, answer.text
    consent = answer.get_json()["id"]
    notices = pair.nodes[COUNCIL].delivery.consents.notices
    notices.round(pair.clock.now())
    assert waiting(client, "consent") == []
    assert get(client, "consents?ends_within=14").get_json()["items"] == []
    pair.clock.forward(days=1)
    for _ in range(2):
        notices.round(pair.clock.now())
    (item,) = waiting(client, "consent")
    assert (item["id"], item["topic"]) == (consent, "consent-ends")
    (listed,) = get(client, "consents?ends_within=14").get_json()["items"]
    assert listed["id"] == consent
    (task,) = get(client, f"consents/{consent}").get_json()["tasks"]
    assert (task["kind"], task["worker"]) == ("consent-ends", "Nia Harding")
    for wrong in ("", "-1", "367", "1&ends_within=2"):
        assert get(client, f"consents?ends_within={wrong}").status_code == 422
    pair.clock.forward(days=15)
    notices.round(pair.clock.now())
    assert [each["topic"] for each in waiting(client, "consent")] == ["tell-person"]
