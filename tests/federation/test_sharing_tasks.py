"""A refusal for want of an agreement becomes a task of the holder's duty role, and stays the refusal that it was."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.callers import PeerCaller
from gateway.exchange.inbound import Inbound
from gateway.sharing import tasks as sharing
from gateway.sharing.tasks import MOST_OF_PEER, TASK_LAPSED, SharingTasks
from gateway.store.tables import flags, sharing_tasks
from gateway.store.tables.sharing_tasks import TaskRow, TaskState
from tests.simulator.agreements import ref_of
from tests.simulator.case_client import CaseClient
from tests.simulator.duty_desk import SLUG, call
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.sign_in import sign_in
from tests.simulator.town import COUNCIL, STRANGER, SUBJECT, TRUST
from tests.support.patience import wait_until
from trust.exchange.envelope import MAX_BYTES
from trust.exchange.person import Subject, parse_subject
from trust.exchange.reply import TYP
from trust.identifiers import ClauseId, ServiceSlug
from trust.jose import peek

ASKED_BY = f"{COUNCIL}#money-advice"


@pytest.fixture
def system(pair: Network) -> CaseClient:
    return pair.case_client(TRUST)


def person(**members: Any) -> Subject:
    return parse_subject({**STRANGER, **members}, this_year=2026)


def ask(hand: PeerHand, subject: Subject | None = None, **changes: Any) -> dict[str, Any]:
    """Ask from a service that no clause lets ask; the token is good."""
    described = parse_subject(dict(SUBJECT), this_year=2026) if subject is None else subject
    return hand.ask(**{"from_service": ServiceSlug("money-advice"), "subject": described, **changes})


def waiting(network: Network, number: int) -> tuple[TaskRow, ...]:
    """Return the open tasks at the trust once there are so many: they are made after the answer."""

    def page() -> tuple[TaskRow, ...]:
        read = sharing_tasks.list_open
        return network.nodes[TRUST].store.read(lambda tx: read(tx, services=[SLUG], after=(-1, ""), limit=100))

    wait_until(lambda: len(page()) >= number)
    return page()


@pytest.mark.holds("S13", "S20")
def test_known_or_not_the_answer_is_the_same_and_a_task_is_made(pair: Network, hand: PeerHand) -> None:
    finds = pair.count(TRUST, SLUG)
    answers = [ask(hand), ask(hand, person())]
    assert answers[0] == answers[1]
    assert answers[0]["reason"]["code"] == "service_not_covered"
    tasks = waiting(pair, 2)
    assert {each.asker for each in tasks} == {ASKED_BY}
    assert len({(each.code, each.kind, len(each.sealed or b"") > 0) for each in tasks}) == 1
    assert finds.finds == 0


@pytest.mark.holds("S13")
def test_the_task_is_made_after_the_answer_which_is_as_it_was_without_tasks(
    pair: Network, hand: PeerHand, inbound: Inbound, caller: PeerCaller
) -> None:
    node, work = pair.nodes[TRUST], list[Callable[[], None]]()
    kept = SharingTasks(
        own=TRUST,
        store=node.store,
        vault=node.vault,
        services=frozenset({SLUG}),
        agreements=node.agreements,
        later=work.append,
    )
    answers = [
        each.handle(
            hand.signed(hand.message(from_service=ServiceSlug("money-advice"), subject=subject)),
            caller,
            pair.clock.now(),
        )
        for each in (inbound, replace(inbound, after_refusal=kept.note_refusal))
        for subject in (parse_subject(dict(SUBJECT), this_year=2026), person())
    ]
    bodies = [peek(each, typ=TYP, max_bytes=MAX_BYTES).claims["body"] for each in answers]
    assert len({len(each) for each in answers}) == 1
    assert all(body == bodies[0] for body in bodies)
    assert waiting(pair, 0) == ()
    assert len(work) == 2
    for each in work:
        each()
    assert len(waiting(pair, 2)) == 2


@pytest.mark.holds("S20")
def test_a_task_is_in_the_work_list_and_a_person_on_duty_records_why_not(
    pair: Network, hand: PeerHand, system: CaseClient
) -> None:
    ask(hand)
    (task,) = waiting(pair, 1)
    items = call(pair, system, "work-list").get_json()["items"]
    assert [(each["kind"], each["id"], each["service"]) for each in items] == [("sharing-task", task.id, ASKED_BY)]
    read = call(pair, system, f"sharing-tasks/{task.id}").get_json()
    assert read["subject"]["family_name"] == SUBJECT["family_name"]
    decision = {
        "share": False,
        "ground": "6-1-e",
        "reason": "They need not know.",
        "case_ref": "CF-1",
        "review_on": (pair.clock.now().date() + timedelta(days=30)).isoformat(),
    }
    made = call(pair, system, f"sharing-tasks/{task.id}", decision).get_json()
    assert (made["outcome"], made["recipient"]) == ("not_shared", ASKED_BY)
    row = pair.nodes[TRUST].store.read(lambda tx: sharing_tasks.get(tx, id=task.id))
    assert row is not None
    assert (row.state, row.decision, row.sealed) == (TaskState.DECIDED, made["id"], None)
    assert call(pair, system, f"sharing-tasks/{task.id}", decision).status_code == 403
    about = call(pair, system, "sharing-decisions/search", {"subject": SUBJECT}).get_json()["items"]
    assert [each["id"] for each in about] == [made["id"]]


@pytest.mark.holds("S20")
def test_what_was_shared_is_reviewed_by_a_second_person_within_72_hours(
    pair: Network, hand: PeerHand, system: CaseClient
) -> None:
    ask(hand)
    (task,) = waiting(pair, 1)
    decision = {"share": True, "ground": "cda1998-s115", "reason": "He is in danger; I rang.", "case_ref": "CF-1"}
    made = call(pair, system, f"sharing-tasks/{task.id}", decision, person="n-7").get_json()
    assert made["outcome"] == "shared"
    finding = {"upheld": True, "reason": "Right."}
    path = f"sharing-decisions/{made['id']}/second-review"
    refused = call(pair, system, path, finding, person="n-7")
    assert (refused.status_code, "second person" in refused.text) == (403, True)
    pair.clock.forward(hours=72)
    assert call(pair, system, f"sharing-decisions/{made['id']}").get_json()["is_overdue"] is True
    assert call(pair, system, path, finding, person="n-8").get_json()["outcome"] == "upheld"
    assert call(pair, system, f"sharing-decisions/{made['id']}").get_json()["is_overdue"] is False
    assert call(pair, system, path, finding, person="n-9").status_code == 403


def test_a_ground_that_only_limits_or_rests_on_consent_shares_nothing(
    pair: Network, hand: PeerHand, system: CaseClient
) -> None:
    ask(hand)
    (task,) = waiting(pair, 1)
    for ground in ("ssaa1992-s123", "9-2-a", "6-1-e", "ca2004-s16la"):
        decision = {"share": True, "ground": ground, "reason": "It helps.", "case_ref": "CF-1"}
        assert call(pair, system, f"sharing-tasks/{task.id}", decision).status_code == 422
    assert len(waiting(pair, 1)) == 1


def test_one_person_and_one_peer_make_few_tasks_and_a_summary_counts_the_rest(
    pair: Network, hand: PeerHand, system: CaseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MOST_OF_PEER", 2)
    assert MOST_OF_PEER == 20
    for _ in range(2):
        ask(hand, person(given_names="Ada"))
    for day in ("1990-01-02", "1990-01-03", "1990-01-04"):
        ask(hand, person(birth_date=day))
    wait_until(lambda: any(each.questions == 2 for each in waiting(pair, 0)))
    tasks = waiting(pair, 3)
    assert [(each.is_summary, each.questions) for each in tasks].count((False, 1)) == 2
    (summary,) = [each for each in tasks if each.is_summary]
    assert summary.sealed is None
    assert call(pair, system, f"sharing-tasks/{summary.id}/close", {}).get_json()["state"] == "decided"


def test_what_no_person_decides_in_a_day_is_erased_and_flagged(
    pair: Network, hand: PeerHand, system: CaseClient
) -> None:
    ask(hand)
    (task,) = waiting(pair, 1)
    pair.clock.forward(hours=24)
    node = pair.nodes[TRUST]
    node.keeper.flag_late_reviews(pair.clock.now())
    row = node.store.read(lambda tx: sharing_tasks.get(tx, id=task.id))
    assert row is not None
    assert (row.state, row.sealed) == (TaskState.LAPSED, None)
    assert [each.code for each in node.store.read(flags.list_open)] == [TASK_LAPSED]
    read = call(pair, system, f"sharing-tasks/{task.id}").get_json()
    assert "subject" not in read or read["subject"] is None


def test_a_question_that_is_only_put_wrongly_makes_no_task(pair: Network, hand: PeerHand) -> None:
    refused = hand.ask(clause=ClauseId("who-else"))
    assert refused["reason"]["code"] == "service_not_covered"
    ask(hand, person())
    assert [each.asker for each in waiting(pair, 1)] == [ASKED_BY]


def test_only_a_person_on_duty_of_the_service_reads_the_person_of_a_task(
    pair: Network, hand: PeerHand, system: CaseClient
) -> None:
    ask(hand)
    (task,) = waiting(pair, 1)
    assert "family_name" not in call(pair, system, "sharing-tasks", person="").text
    assert call(pair, system, f"sharing-tasks/{task.id}", person="").status_code == 403
    headers = sign_in(pair, system, "n-8", entity=TRUST, service="housing", jti="other")
    answer = system.http.get(f"/case/v1/sharing-tasks/{task.id}", base_url=system.base_url, headers=headers)
    assert answer.status_code == 404
    assert ref_of(pair)
