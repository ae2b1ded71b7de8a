"""A case system may ask some services only, and for some fields only."""

from pathlib import Path
from typing import Any

import pytest

from tests.simulator.network import Network
from tests.simulator.town import BY_ENTITY, COLLEGE, COUNCIL, HOUSING, JOBCENTRE
from trust import jose
from trust.exchange.message import TYP

TENANCIES = f"{HOUSING}#housing"
COACHES = f"{JOBCENTRE}#jobcentre"


@pytest.mark.holds("A48")
def test_only_the_services_that_are_named_are_asked(town: Network) -> None:
    view = town.case_client().look_up(holders=[TENANCIES])
    assert [line["service"] for line in view["answers"]] == [TENANCIES]
    assert view["asked"] == 1
    assert {request.url.partition("/exchange")[0] for request, _ in town.wire.messages()} == {HOUSING}


@pytest.mark.holds("A48")
def test_only_the_fields_that_are_named_are_asked_for_and_told(town: Network) -> None:
    line = town.case_client().lines(holders=[TENANCIES], fields=["worker", "phone"])[TENANCIES]
    assert set(line["involvements"][0]) == {"worker", "phone"}
    [(request, _)] = town.wire.messages(HOUSING)
    body = jose.peek(request.body, typ=TYP, max_bytes=65_536).claims["body"]
    assert body == {"fields": ["phone", "worker"]}


def test_a_service_that_may_give_none_of_the_fields_is_not_asked(town: Network) -> None:
    client = town.case_client()
    line = client.lines(holders=[TENANCIES], fields=["worker"], practitioner=client.as_role("duty-officer"))[TENANCIES]
    assert line["status"] == "refused"
    assert "worker" in line["reason"]
    assert not town.wire.messages(HOUSING)


@pytest.mark.parametrize("holder", [f"{HOUSING}#no-such-service", "https://stranger.example#team"])
def test_a_named_service_that_may_not_be_asked_is_named_before_any_is_asked(town: Network, holder: str) -> None:
    client = town.case_client()
    answer = client.post_lookup(client.body(holders=[TENANCIES, holder]))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "not-permitted")
    assert holder in answer.get_json()["detail"]
    assert TENANCIES not in answer.get_json()["detail"]
    assert not town.wire.messages()


def test_a_benefit_question_goes_to_the_services_that_are_named(town: Network) -> None:
    client = town.case_client()
    assert client.post_eligibility(holders=[COACHES]).get_json()["asked"] == 1
    refused = client.post_eligibility(holders=[TENANCIES])
    assert refused.get_json()["code"] == "not-permitted"


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"holders": []}, "holders"),
        ({"holders": ["housing"]}, "holders[0]"),
        ({"fields": ["shoe_size"]}, "fields[0]"),
        ({"fields": "worker"}, "fields"),
        ({"consent": {"roles": ["confidentiality"]}}, "consent"),
        (
            {"consent": {"roles": ["yes"], "given_on": "2026-01-01", "form": "written", "evidence": "x"}},
            "consent.roles[0]",
        ),
    ],
)
def test_what_is_wrong_with_it_is_named(tmp_path: Path, change: dict[str, Any], member: str) -> None:
    network = Network(tmp_path, [BY_ENTITY[COUNCIL]])
    client = network.case_client()
    answer = client.post_lookup(client.body(**change))
    assert answer.status_code == 422
    assert member in {fault["member"] for fault in answer.get_json()["faults"]}
    network.close()


def test_the_same_key_with_other_fields_or_services_is_another_request(town: Network) -> None:
    client = town.case_client()
    for change in ({"fields": ["worker"]}, {"holders": [f"{COLLEGE}#college"]}):
        body = client.body(holders=[TENANCIES])
        key = f"a-key-{'-'.join(change)}"
        assert client.post_lookup(body, key=key).status_code in {201, 202}
        assert client.post_lookup({**body, **change}, key=key).get_json()["code"] == "idempotency-key-reused"
