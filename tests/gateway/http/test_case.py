"""The case API: one token, one POST, an answer with a line for each service."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gateway.benefits.case_api import EXAMPLE_ELIGIBILITY
from gateway.callers import CaseRefusal, CaseRefused
from gateway.lookups.service_result import LookupState
from tests.gateway.http.case_session import KEY, Session, lookup_body
from tests.simulator.faces import CASE, Node
from tests.support.positions import positions
from trust.exchange.eligibility import EligibilityQuery, Question


@pytest.fixture
def session(node: Node) -> Session:
    return Session(node)


def test_a_lookup_is_created_and_can_be_read_again(node: Node, session: Session) -> None:
    answer = session.post("/case/v1/lookups", lookup_body())
    assert answer.status_code == 201
    assert answer.content_type == "application/json"
    body = answer.get_json()
    assert answer.headers["Location"] == f"{CASE}/case/v1/lookups/{body['id']}"
    assert body["state"] == "complete"
    assert body["summary"] == "1 of 1 services answered"
    assert body["emergency"] == "In immediate danger, ring 999."
    [line] = body["answers"]
    assert line["service"] == "https://housing.example#tenancies"
    assert line["status"] == "known"
    assert line["as_of"] == "2026-01-05"
    assert line["involvements"] == [{"role": "housing-officer", "worker": "Ada Fell", "since": "2024-02-01"}]
    assert "reason" not in line
    again = session.get(f"/case/v1/lookups/{body['id']}")
    assert again.status_code == 200
    assert again.get_json() == body
    [request] = node.lookups.requests
    assert request.from_service == "connecting-families"
    assert request.subject.nhs_number == "9691292211"
    assert node.lookups.waits == [5]


def test_a_lookup_still_running_is_202_and_says_when_to_come_back(node: Node, session: Session) -> None:
    node.lookups.state = LookupState.RUNNING
    answer = session.post("/case/v1/lookups", lookup_body())
    assert answer.status_code == 202
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Location"].startswith(f"{CASE}/case/v1/lookups/")


@pytest.mark.parametrize("key", ["", "short", "with space in it", "k" * 129, '"unbalanced-quote'])
def test_an_idempotency_key_is_required(node: Node, session: Session, key: str) -> None:
    answer = session.post("/case/v1/lookups", lookup_body(), **{"Idempotency-Key": key})
    assert answer.status_code == 400
    assert answer.get_json()["code"] == "idempotency-key-required"
    assert node.lookups.requests == []


def test_a_quoted_idempotency_key_is_the_same_key(session: Session) -> None:
    plain = session.post("/case/v1/lookups", lookup_body())
    quoted = session.post("/case/v1/lookups", lookup_body(), **{"Idempotency-Key": f'"{KEY}"'})
    assert plain.get_json()["id"] == quoted.get_json()["id"]


def test_another_clients_lookup_is_the_same_404_as_none_at_all(node: Node, session: Session) -> None:
    theirs = session.post("/case/v1/lookups", lookup_body()).get_json()["id"]
    other = Session(node, "another-system")
    answers = [other.get(f"/case/v1/lookups/{lookup_id}") for lookup_id in (theirs, "lookup-never-made", "x")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({len(answer.data) for answer in answers}) == 1
    said = [answer.get_json() | {"instance": ""} for answer in answers]  # which names the request
    assert said[0] == said[1] == said[2]
    plain = [{k: v for k, v in answer.headers.items() if k != "X-Request-Id"} for answer in answers]
    assert plain[0] == plain[1] == plain[2]


def test_a_client_of_several_services_names_the_one_that_asks(node: Node, session: Session) -> None:
    node.register("case-system", session.system.oauth, services=("connecting-families", "money-advice"))
    refused = session.post("/case/v1/lookups", lookup_body())
    assert refused.status_code == 403
    assert "from_service" in refused.get_json()["detail"]
    assert session.post("/case/v1/lookups", lookup_body(from_service="money-advice")).status_code == 201
    assert node.lookups.requests[-1].from_service == "money-advice"


STATED = {"id": "u-17", "role": "key-worker", "org_unit": "north-team", "second_factor": True}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in STATED.items() if name not in names}


@pytest.mark.parametrize("stated", [None, without("second_factor"), without("id", "role"), {}])
def test_a_client_that_vouches_states_all_of_the_practitioner(
    node: Node, session: Session, stated: dict[str, Any] | None
) -> None:
    answer = session.post("/case/v1/lookups", lookup_body(practitioner=stated))
    assert answer.status_code == 422
    missing = {f"practitioner.{name}" for name in STATED if name not in (stated or {})}
    assert {fault["member"] for fault in answer.get_json()["faults"]} == missing
    assert node.lookups.requests == []


def test_no_user_asks_who_signed_in_without_a_second_factor(node: Node, session: Session) -> None:
    answer = session.post("/case/v1/lookups", lookup_body(practitioner={**STATED, "second_factor": False}))
    assert answer.status_code == 403
    assert answer.get_json()["code"] == "second-factor-required"
    assert node.lookups.requests == []


@pytest.mark.parametrize("name", ["https://login.council.example/tenant#u-17", " HTTPS://login.elsewhere.example#u "])
def test_a_client_vouches_for_no_user_under_the_name_of_one_who_signed_in(
    node: Node, session: Session, name: str
) -> None:
    answer = session.post("/case/v1/lookups", lookup_body(practitioner={**STATED, "id": name}))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "outside-registration")
    assert "Exchange the practitioner's own sign-in" in answer.get_json()["remedy"]
    assert node.lookups.requests == []


def test_a_client_that_is_not_registered_to_vouch_asks_nothing_by_itself(node: Node, session: Session) -> None:
    node.clients["case-system"] = replace(node.clients["case-system"], vouches=False)
    answer = session.post("/case/v1/lookups", lookup_body(practitioner=STATED))
    assert answer.status_code == 403
    assert answer.get_json()["code"] == "outside-registration"
    assert node.lookups.requests == []


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"from_service": "youth-justice"}, "from_service"),
        (
            {"practitioner": {"id": "u", "role": "director", "org_unit": "north-team", "second_factor": True}},
            "practitioner.role",
        ),
        (
            {"practitioner": {"id": "u", "role": "key-worker", "org_unit": "south", "second_factor": True}},
            "practitioner.org_unit",
        ),
    ],
)
def test_a_client_vouches_only_within_its_registration(
    node: Node, session: Session, change: dict[str, Any], member: str
) -> None:
    answer = session.post("/case/v1/lookups", lookup_body(**change))
    assert answer.status_code == 403
    assert answer.get_json()["code"] == "outside-registration"
    assert member in answer.get_json()["detail"]
    assert node.lookups.requests == []


WALLED = (
    *positions(["connecting-families"], ["key-worker"], ["north-team"]),
    *positions(["youth-justice"], ["justice-worker"], ["court-team"]),
    *positions(["youth-justice"], ["key-worker"], ["court-team"]),
)


@pytest.mark.parametrize(
    ("service", "role", "unit"),
    [
        ("youth-justice", "key-worker", "north-team"),
        ("connecting-families", "justice-worker", "court-team"),
        ("connecting-families", "key-worker", "court-team"),
        ("connecting-families", "justice-worker", "north-team"),
    ],
)
def test_what_is_registered_for_one_service_is_not_for_another(
    node: Node, session: Session, service: str, role: str, unit: str
) -> None:
    node.clients["case-system"] = replace(node.clients["case-system"], positions=WALLED)
    who = {"id": "u", "role": role, "org_unit": unit, "second_factor": True}
    answer = session.post("/case/v1/lookups", lookup_body(from_service=service, practitioner=who))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "outside-registration")
    assert node.lookups.requests == []


def test_the_position_decides_the_service_where_it_is_the_only_one(node: Node, session: Session) -> None:
    node.clients["case-system"] = replace(node.clients["case-system"], positions=WALLED)
    for role, unit, service in (
        ("key-worker", "north-team", "connecting-families"),
        ("justice-worker", "court-team", "youth-justice"),
    ):
        who = {"id": "u", "role": role, "org_unit": unit, "second_factor": True}
        assert session.post("/case/v1/lookups", lookup_body(practitioner=who)).status_code == 201
        assert node.lookups.requests[-1].from_service == service


def test_a_capabilitys_refusal_is_told_with_its_reason_and_remedy(node: Node, session: Session) -> None:
    node.lookups.raises = CaseRefused(
        CaseRefusal.NOT_PERMITTED,
        detail="No agreement in force lets Connecting Families ask for this purpose.",
        remedy="Ask the information-governance officer which purposes are agreed.",
    )
    answer = session.post("/case/v1/lookups", lookup_body())
    assert answer.status_code == 403
    assert answer.get_json()["detail"].startswith("No agreement in force")
    assert answer.get_json()["remedy"].startswith("Ask the information-governance officer")
    node.lookups.raises = CaseRefused(CaseRefusal.KEY_REUSED, detail="Another request.", remedy="Use a fresh key.")
    assert session.post("/case/v1/lookups", lookup_body()).get_json()["code"] == "idempotency-key-reused"


def test_too_little_to_go_on_is_refused_before_anything_is_asked(node: Node, session: Session) -> None:
    answer = session.post("/case/v1/lookups", lookup_body(subject={"family_name": "Reed"}))
    assert answer.status_code == 422
    assert answer.get_json()["code"] == "subject-too-vague"
    assert node.lookups.requests == []


def test_an_eligibility_question_is_answered_with_a_word_and_a_date(node: Node, session: Session) -> None:
    answer = session.post("/case/v1/eligibility", EXAMPLE_ELIGIBILITY)
    assert answer.status_code == 200
    [line] = answer.get_json()["answers"]
    assert line["answer"] == "yes"
    assert date.fromisoformat(line["as_of"]) == node.clock.now().date()
    [request] = node.eligibility.requests
    assert isinstance(request.query, EligibilityQuery)
    assert request.query.question is Question.IN_PAYMENT


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("application/json; charset=utf-16", 415),
        ("application/merge-patch+json", 415),
        ("text/plain", 415),
        ("", 415),
    ],
)
def test_only_json_in_utf_8_is_taken(session: Session, content_type: str, status: int) -> None:
    answer = session.http.post(
        "/case/v1/lookups",
        data=json.dumps(lookup_body()),
        content_type=content_type,
        headers={**session.authorization, "Idempotency-Key": KEY},
    )
    assert answer.status_code == status
