"""A correction reaches every service that was told, and those that do not answer are listed (scenario S14)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.notices.case_api import EXAMPLE_NOTICE, EXAMPLE_NOTIFICATION
from tests.simulator.alerts import TEAM, get, message, post
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.town import ASKER, BY_ENTITY, COUNCIL, HOUSING, PURPOSE, STRANGER, SUBJECT, TRUST
from trust.base64url import decode

HOMES = f"{HOUSING}#housing"
NURSE = {
    "id": "n-7",
    "role": "key-worker",
    "org_unit": "north-team",
    "second_factor": True,
    "name": "Nia Harding",
    "call_back": "01632 960117",
}
WORKER = {name: NURSE[name] for name in ("role", "org_unit", "second_factor")} | {"id": "u-17"}
NAMED = {name: SUBJECT[name] for name in ("family_name", "given_names", "birth_date")}
FIELDS = ["persons.other", "original", "item", "action", "basis", "correction"]


def terms(network: Network) -> dict[str, Any]:
    """Return an agreement under which two agencies ask the trust, and the trust corrects what it told one of them."""
    document = network.document()
    who_else = next(each for each in document["clauses"] if TEAM in each["holders"])
    who_else |= {"holders": [TEAM], "askers": [ASKER, HOMES]}
    corrections = {
        "id": "corrections",
        "kind": "notice",
        "version": 1,
        "purpose": PURPOSE,
        "askers": [TEAM],
        "holders": [ASKER],
        "fields_by_role": {"key-worker": FIELDS},
        "basis": ["6-1-e", "ca2004-s10"],
        "existence": "conditional",
        "keep_days": 90,
        "onward": "none",
        "notice_types": ["correction", "erasure"],
    }
    document["clauses"] = [*document["clauses"], corrections]
    return document


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST], BY_ENTITY[HOUSING]])
    made.agree(terms(made))
    yield made
    made.close()


def correction(**changes: Any) -> dict[str, Any]:
    """Return the request of the trust's nurse, whose record of the young man had a wrong birth date."""
    body = message(EXAMPLE_NOTIFICATION, practitioner=NURSE, from_service="mental-health", purpose=PURPOSE)
    del body["recipients"]
    person = {"ref": "p1", "part": "other", "subject": SUBJECT}
    return {**body, "persons": [person], **changes}


def look_up(client: CaseClient, **changes: Any) -> None:
    answer = post(client, "lookups", client.body(**changes), key=token_urlsafe(16))
    assert answer.status_code in {200, 201, 202}, answer.text


def drain(town: Network) -> None:
    for _ in range(2):
        for node in town.nodes.values():
            node.delivery.relay.drain()


def notify(client: CaseClient, **changes: Any) -> TestResponse:
    return post(client, "notifications", correction(**changes), key="birth-date")


@pytest.mark.holds("S14")
def test_every_past_recipient_is_told_and_acknowledges_and_the_overdue_are_listed(town: Network) -> None:
    asker, homes, trust = town.case_client(), town.case_client(HOUSING), town.case_client(TRUST)
    look_up(asker)
    look_up(homes, from_service="housing")
    sent = notify(trust)
    assert sent.status_code == 201, sent.text
    view = sent.get_json()
    assert view["not_reached"] == [HOMES]
    assert view["summary"] == "0 of 1 past recipients have answered; a person has to tell 1 more"
    drain(town)
    (item,) = get(asker, "inbox").get_json()["items"]
    document = get(asker, f"inbox/{item['id']}").get_json()["document"]
    assert document["details"]["item"] == "subject.birth_date"
    assert (view["overdue"], overdue(town, trust, view["id"], after=timedelta(days=30))) == ([], [ASKER])
    answer = post(asker, f"inbox/{item['id']}/answer", {"answer": "done", "practitioner": WORKER})
    assert answer.status_code == 200, answer.text
    drain(town)
    after = get(trust, f"notifications/{view['id']}").get_json()
    assert (after["overdue"], after["summary"][:26]) == ([], "1 of 1 past recipients hav")
    assert post(trust, "notifications", correction(), key="birth-date").get_json()["id"] == view["id"]


def overdue(town: Network, client: CaseClient, notification: str, *, after: timedelta) -> list[str]:
    """Return which recipients are overdue some time later."""
    town.clock.forward(days=after.days)
    listed: list[str] = get(client, f"notifications/{notification}").get_json()["overdue"]
    return listed


def test_a_preview_names_who_was_told_which_fields_and_why_one_cannot_be_sent_a_notice(town: Network) -> None:
    asker, homes, trust = town.case_client(), town.case_client(HOUSING), town.case_client(TRUST)
    look_up(asker)
    town.clock.forward(seconds=1)  # two of one instant are in no order
    look_up(homes, from_service="housing")
    recipients = post(trust, "notifications/preview", correction()).get_json()["recipients"]
    assert [each["service"] for each in recipients] == [HOMES, ASKER]
    assert {"worker", "phone"} <= set(recipients[1]["fields"])
    assert ("refusal" in recipients[0]["notice"], "refusal" in recipients[1]["notice"]) == (True, False)
    assert get(asker, "inbox").get_json()["items"] == []


def test_a_notice_names_the_recipients_own_question(town: Network) -> None:
    asker, trust = town.case_client(), town.case_client(TRUST)
    look_up(asker)
    (request,) = [request for request, _ in town.wire.messages(TRUST)]
    question = json.loads(decode(request.body.split(b".")[1], "the claims"))["jti"]
    assert notify(trust).status_code == 201
    drain(town)
    (item,) = get(asker, "inbox").get_json()["items"]
    assert get(asker, f"inbox/{item['id']}").get_json()["document"]["details"]["original"] == question


def test_no_service_is_told_that_was_told_nothing_or_by_another_service_or_by_a_notice(town: Network) -> None:
    asker, trust = town.case_client(), town.case_client(TRUST)
    look_up(asker, subject=STRANGER)
    refused = notify(trust)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "invalid-fields")
    look_up(asker)
    first = notify(trust).get_json()
    assert first["summary"].startswith("0 of 1")
    again = post(trust, "notifications", correction(), key=token_urlsafe(16)).get_json()
    names = {each["service"]: each["reference"] for view in again["submissions"] for each in view["deliveries"]}
    assert list(names) == [ASKER]


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"type": "case.closure", "details": EXAMPLE_NOTICE["details"], "statements": []}, "type"),
        ({"details": {**EXAMPLE_NOTIFICATION["details"], "original": "m-1"}}, "details.original"),
        ({"recipients": [ASKER]}, "recipients"),
        ({"persons": [{"ref": "p1", "part": "other", "subject": NAMED}]}, "persons[0].subject"),
        ({"incident": "i" * 22}, "supersedes"),
    ],
)
def test_a_request_that_could_tell_the_wrong_service_is_refused(
    town: Network, changes: dict[str, Any], member: str
) -> None:
    look_up(town.case_client())
    refused = notify(town.case_client(TRUST), **changes)
    assert (refused.status_code, member in {each["member"] for each in refused.get_json()["faults"]}) == (422, True)


@pytest.mark.holds("A49")
def test_a_notification_of_another_client_is_not_found(town: Network) -> None:
    trust, other = town.case_client(TRUST), town.case_client(TRUST)
    look_up(town.case_client())
    view = notify(trust).get_json()
    assert get(trust, f"notifications/{view['id']}").status_code == 200
    assert get(other, f"notifications/{view['id']}").status_code == 404
