"""A case system learns what may be asked, and what is wrong with what may not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.network import Network
from tests.simulator.town import (
    BENEFIT_PURPOSE,
    BY_ENTITY,
    COUNCIL,
    HOLDERS,
    HOUSING,
    JOBCENTRE,
    PURPOSE,
    SUBJECT,
)
from trust.exchange.kinds import KINDS

COACHES, TENANCIES = f"{JOBCENTRE}#jobcentre", f"{HOUSING}#housing"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[JOBCENTRE], BY_ENTITY[HOUSING]])
    document = made.document()
    for clause in document["clauses"]:
        if clause["kind"] == "eligibility.query":
            clause["benefits"] = ["universal-credit"]
    made.agree(document)
    yield made
    made.close()


def options(network: Network, **limits: Any) -> dict[str, Any]:
    client = network.case_client(**limits)
    answer = client.http.get("/case/v1/options", base_url=client.base_url, headers=client.headers())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_the_options_are_what_the_agreements_let_the_client_ask(network: Network) -> None:
    found = options(network, services=("connecting-families",), roles=("key-worker",))
    assert found["purposes"] == [BENEFIT_PURPOSE, PURPOSE]
    assert found["roles"] == ["key-worker"]
    assert found["benefits"] == ["universal-credit"]
    there = {holder for holder in HOLDERS if holder.partition("#")[0] in {COUNCIL, JOBCENTRE, HOUSING}}
    assert set(found["services"]) == there
    assert {option["kind"] for option in found["options"]} == {name for name, kind in KINDS.items() if not kind.queued}
    [benefit] = [option for option in found["options"] if option["kind"] == "eligibility.query"]
    assert (benefit["holder"], benefit["questions"]) == (COACHES, ["entitled", "in_payment"])


@pytest.mark.parametrize("limits", [{"services": ("money-advice",)}, {"roles": ("volunteer",)}])
def test_a_client_is_told_of_nothing_that_its_positions_may_not_ask(network: Network, limits: dict[str, Any]) -> None:
    found = options(network, **{"services": ("connecting-families",), "roles": ("key-worker",), **limits})
    assert (found["options"], found["purposes"], found["benefits"]) == ([], [], [])


def test_everything_in_the_options_may_be_asked(network: Network) -> None:
    client = network.case_client()
    for option in options(network)["options"]:
        who = {**client.as_role(option["role"])}
        asked = {"purpose": option["purpose"], "holders": [option["holder"]], "practitioner": who}
        if option["kind"] == "involvement.query":
            assert client.post_lookup(client.body(**asked)).status_code in {201, 202}
        else:
            body = client.body(**asked, question=option["questions"][0], benefit=option["benefits"][0])
            answer = client.http.post(
                "/case/v1/eligibility", base_url=client.base_url, json=body, headers=client.headers()
            )
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"benefit": "child-benefit"}, "universal-credit"),
        ({"question": "known_to_service"}, "in_payment"),
        ({"purpose": "marketing"}, BENEFIT_PURPOSE),
        (
            {"practitioner": {"id": "u", "role": "duty-officer", "org_unit": "north-team", "second_factor": True}},
            "key-worker",
        ),
        (
            {"practitioner": {"id": "u", "role": "astronaut", "org_unit": "north-team", "second_factor": True}},
            "duty-officer, key-worker, volunteer",
        ),
    ],
)
def test_what_is_not_known_is_an_error_that_names_what_is(network: Network, change: dict[str, Any], said: str) -> None:
    client = network.case_client()
    body = {**client.body(purpose=BENEFIT_PURPOSE, question="in_payment"), **change}
    answer = client.http.post("/case/v1/eligibility", base_url=client.base_url, json=body, headers=client.headers())
    assert answer.status_code == 403
    assert said in answer.get_json()["detail"]
    assert not network.wire.messages()


DOUBTFUL = {**SUBJECT, "family_name": "Hartlay"}


@pytest.mark.parametrize(
    ("left_out", "settle"),
    [((), []), (("address",), ["postcode"]), (("address", "given_names"), None)],
)
def test_a_line_under_review_says_what_the_question_left_out(
    network: Network, left_out: tuple[str, ...], settle: list[str] | None
) -> None:
    described = {name: value for name, value in DOUBTFUL.items() if name not in left_out}
    line = network.case_client().lines(holders=[TENANCIES], subject=described)[TENANCIES]
    if settle is None:
        assert line["status"] == "refused"
        return
    assert (line["status"], line.get("settle", [])) == ("review", settle)
