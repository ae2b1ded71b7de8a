"""Decisions not to share: a person on duty records one on a ground that is in force, and it is reviewed (S20)."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.administration import sharing
from gateway.administration.checks.accountability import check_accountability
from gateway.sharing.reviews import REVIEW_OVERDUE
from gateway.store.tables import flags
from tests.simulator.case_client import CaseClient
from tests.simulator.duty_desk import SLUG, call
from tests.simulator.network import Network
from tests.simulator.sign_in import sign_in
from tests.simulator.town import KNOWN, SUBJECT, TRUST

REASON = "He fears that his former landlord reads what is sent there."
OTHER: dict[str, Any] = {"family_name": "Quill", "given_names": "Ines", "birth_date": "1991-04-02"}


@pytest.fixture
def system(pair: Network) -> CaseClient:
    return pair.case_client(TRUST)


def body(network: Network, **changes: Any) -> dict[str, Any]:
    return {
        "subject": SUBJECT,
        "ground": "dpa2018-sch1-18",
        "reason": REASON,
        "review_on": (network.clock.now().date() + timedelta(days=14)).isoformat(),
        "case_ref": "CF-2291",
        "recipient": "https://homes.example#tenancies",
        "request": "call of Monday",
        **changes,
    }


def recorded(network: Network, system: CaseClient, **changes: Any) -> dict[str, Any]:
    answer = call(network, system, "sharing-decisions", body(network, **changes))
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.get_json()
    return view


def faults(answer: TestResponse) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {each["member"]: each["problem"] for each in answer.get_json()["faults"]}


@pytest.mark.holds("S20")
def test_a_decision_not_to_share_is_recorded_overdue_and_decided_again(pair: Network, system: CaseClient) -> None:
    first = recorded(pair, system)
    assert (first["outcome"], first["ground"], first["decided_by_role"]) == (
        "not_shared",
        "dpa2018-sch1-18",
        "key-worker",
    )
    assert overdue(pair) == 0
    pair.clock.forward(days=14)
    assert overdue(pair) == 0
    pair.clock.forward(days=1)
    assert overdue(pair) == 1
    node = pair.nodes[TRUST]
    node.keeper.flag_late_reviews(pair.clock.now())
    node.keeper.flag_late_reviews(pair.clock.now())
    (flag,) = node.store.read(flags.list_open)
    assert (flag.code, flag.asker, flag.count) == (REVIEW_OVERDUE, f"{TRUST} {SLUG}", 1)
    again = {"share": False, "ground": "6-1-e", "reason": "Nothing has changed.", "review_on": body(pair)["review_on"]}
    second = call(pair, system, f"sharing-decisions/{first['id']}/review", again).get_json()
    old = call(pair, system, f"sharing-decisions/{first['id']}").get_json()
    assert (old["reason"], old["ground"], old["next"]) == (REASON, "dpa2018-sch1-18", second["id"])
    assert (second["previous"], second["ground"], second["reason"]) == (first["id"], "6-1-e", "Nothing has changed.")
    assert overdue(pair) == 0
    assert call(pair, system, f"sharing-decisions/{first['id']}/review", again).status_code == 403


def overdue(network: Network) -> int:
    """Return the number of late reviews as the metric has it, which the doctor and the command agree with."""
    node, now = network.nodes[TRUST], network.clock.now()
    node.keeper.show_backlog(now)
    text = node.operations_app.test_client().get("/metrics").text
    match = re.search(r'pending_reviews\{queue="sharing_reviews"\} ([0-9]+)', text)
    assert match is not None
    number = int(match[1])
    (line,) = [each for each in check_accountability(node.settings, now) if "decisions on sharing" in each.name]
    assert line.ok is (number == 0)
    return number


@pytest.mark.holds("S20")
@pytest.mark.parametrize(
    ("ground", "reason"),
    [
        ("ca2004-s16la", "not in force: no day is appointed"),
        ("ca2004-s99", "no code"),
        ("daa2021-s49a", "police forces"),
        ("confidentiality.overriding-public-interest", "none for not sharing"),
        ("csa1995-s21", "Scotland"),
    ],
)
def test_a_ground_that_cannot_be_cited_is_refused_with_the_reason(
    pair: Network, system: CaseClient, ground: str, reason: str
) -> None:
    answer = call(pair, system, "sharing-decisions", body(pair, ground=ground))
    assert reason in faults(answer)["ground"]
    assert call(pair, system, "sharing-decisions").get_json()["items"] == []


@pytest.mark.holds("S20")
def test_a_day_of_review_is_required_and_lies_ahead_by_ninety_days_at_most(pair: Network, system: CaseClient) -> None:
    today = pair.clock.now().date()
    for review_on in (today, today + timedelta(days=91), date(2020, 1, 1)):
        answer = call(pair, system, "sharing-decisions", body(pair, review_on=review_on.isoformat()))
        assert "90 days" in faults(answer)["review_on"]
    without = body(pair)
    del without["review_on"]
    assert faults(call(pair, system, "sharing-decisions", without))["review_on"] == "is missing"


def test_only_a_person_who_signed_in_decides(pair: Network, system: CaseClient) -> None:
    answer = call(pair, system, "sharing-decisions", body(pair, from_service=SLUG), person="")
    assert answer.status_code == 403
    assert "Only a person who signed in can decide whether to share." in answer.text


@pytest.mark.holds("A49")
def test_a_decision_of_another_service_is_the_404_of_an_absent_one(pair: Network, system: CaseClient) -> None:
    made = recorded(pair, system)
    headers = sign_in(pair, system, "n-8", entity=TRUST, service="housing", jti="other")
    answers = [
        system.http.get(f"/case/v1/sharing-decisions/{each}", base_url=system.base_url, headers=headers)
        for each in (made["id"], "A" * 22)
    ]
    assert [each.status_code for each in answers] == [404, 404]


def test_earlier_decisions_about_a_person_are_found_in_other_words(pair: Network, system: CaseClient) -> None:
    made = recorded(pair, system)
    recorded(pair, system, subject=OTHER)
    described = {"family_name": KNOWN.family_name, "given_names": "D", "birth_date": SUBJECT["birth_date"]}
    answer = call(pair, system, "sharing-decisions/search", {"subject": described})
    assert [each["id"] for each in answer.get_json()["items"]] == [made["id"]]
    assert len(call(pair, system, "sharing-decisions").get_json()["items"]) == 2


@pytest.mark.holds("A50")
def test_no_person_no_reason_and_no_name_of_the_practitioner_rests_in_clear(pair: Network, system: CaseClient) -> None:
    recorded(pair, system, reason="Canary-reason.", case_ref="Canary-case", subject=OTHER)
    node = pair.nodes[TRUST]
    node.store.close()
    database = next(node.settings.base_dir.rglob("node.db"))
    raw = b"".join(path.read_bytes() for path in database.parent.glob("node.db*"))
    for text in (b"Canary", b"Quill", b"1991-04-02", b"n-7"):
        assert text not in raw


def test_an_officer_lists_and_shows_decisions_by_command(pair: Network, system: CaseClient) -> None:
    made, settings = recorded(pair, system), pair.nodes[TRUST].settings
    assert made["id"] in "".join(sharing.list_decisions(settings, overdue=False).lines)
    assert REASON in "\n".join(sharing.show(settings, made["id"]).lines)
    assert str(KNOWN.family_name) not in "\n".join(sharing.show(settings, made["id"]).lines)
