"""Alerts on their way out: whole or not at all, cut, sent until receipted, held while they may not leave."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.callers import CaseRefused
from gateway.delivery.case_submission import SubmissionRefused
from gateway.delivery.settlement import MOST_FAULTS
from gateway.ports import PeerResponse
from gateway.store.tables import flags, outbox, peer_backoffs
from gateway.store.tables.outbox import OutboxState
from tests.simulator.agreements import end
from tests.simulator.queued import FIELDS, RECIPIENTS, Sending, alert, sending
from tests.simulator.town import AGREEMENT, COUNCIL, HOUSING, TRUST
from trust.errors import Untrusted
from trust.exchange.message import Urgency
from trust.exchange.receipt import ReceiptState
from trust.exchange.refusal import Refusal
from trust.federation.suspension import SuspensionState
from trust.identifiers import RoleCode

BOTH = (RECIPIENTS[TRUST], RECIPIENTS[HOUSING])
FULL = Refusal(code="malformed_body", reason="It says nothing.", remedy="Say something.")


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[Sending]:
    with sending(tmp_path) as made:
        yield made


def states(sent: Sending, submission: str) -> list[str]:
    return [str(row.state) for row in sent.rows(submission)]


def problem(status: int, code: str) -> PeerResponse:
    body = json.dumps({"type": "about:blank", "code": code}).encode()
    return PeerResponse(status=status, content_type="application/problem+json", headers={}, body=body)


def test_an_alert_is_cut_sent_and_receipted(sent: Sending) -> None:
    submission = sent.submit(alert(recipients=BOTH))
    assert states(sent, submission) == ["queued", "queued"]
    sent.drain()
    assert states(sent, submission) == ["stored", "stored"]
    (message,) = sent.trust.messages()
    assert [person.ref for person in message.persons] == ["p1"]
    assert [each["text"] for each in message.body["statements"]] == ["She was seen with a fresh injury."]
    assert message.practitioner.name == "Ada Fellbrook"
    assert message.practitioner.sub != "w-1"
    assert sent.events(sent.rows(submission)[0]) == [("queued", None), ("stored", None)]
    leaves = sent.network.leaves(COUNCIL)
    assert sorted((each["kind"], each["outcome"]) for each in leaves[-4:]) == [
        ("received", "receipt_stored"),
        ("received", "receipt_stored"),
        ("sent", "sent"),
        ("sent", "sent"),
    ]
    assert next(each for each in leaves if each["kind"] == "sent")["fields"] == sorted(set(FIELDS) - {"persons.child"})
    assert b"Farrow" not in (sent.network.folder_of(COUNCIL) / "data" / "node.db").read_bytes()


def test_a_submission_with_one_recipient_at_fault_sends_nothing(sent: Sending) -> None:
    unknown = "https://council.example#money-advice"
    with pytest.raises(SubmissionRefused) as refused:
        sent.submit(alert(recipients=(*BOTH, unknown)))
    assert [fault.path for fault in refused.value.faults] == [f"recipients ({unknown})"]
    sent.network.enrol(TRUST, state=SuspensionState.SUSPENDED)
    with pytest.raises(SubmissionRefused) as refused:
        sent.submit(alert(recipients=(*BOTH, unknown), urgency=Urgency.GREEN))
    store = sent.network.nodes[COUNCIL].store
    assert store.read(outbox.counts) == {}
    assert sent.network.leaves(COUNCIL)[-1]["outcome"] == "refused"


def test_a_role_without_a_grant_is_refused_for_every_recipient(sent: Sending) -> None:
    submission = alert(recipients=BOTH)
    volunteer = replace(submission, practitioner=replace(submission.practitioner, role=RoleCode("volunteer")))
    with pytest.raises(SubmissionRefused) as refused:
        sent.submit(volunteer)
    assert len(refused.value.faults) == 2


def test_the_same_key_is_the_same_submission(sent: Sending) -> None:
    submission = alert()
    first = sent.submit(submission, key="k")
    assert sent.submit(submission, key="k") == first
    with pytest.raises(CaseRefused):
        sent.submit(alert(case_ref="other"), key="k")
    assert len(sent.rows(first)) == 1
    assert sent.network.nodes[COUNCIL].store.read(outbox.counts) == {OutboxState.QUEUED: 1}


def test_a_plan_stores_nothing(sent: Sending) -> None:
    delivery = sent.network.nodes[COUNCIL].delivery
    plans = delivery.submitter.plan(sent.caller.client.client_id, alert(recipients=BOTH), now=sent.clock.now())
    assert [plan.refusal for plan in plans] == [None, None]
    assert plans[0].left_out == ("persons.alleged_perpetrator",)
    assert plans[0].persons == ("p1",)
    assert plans[0].decide_by == sent.clock.now() + timedelta(hours=24)
    assert sent.network.nodes[COUNCIL].store.read(outbox.counts) == {}


@pytest.mark.holds("A3", "A1")
def test_a_lost_receipt_costs_nothing_but_another_attempt_with_the_same_bytes(sent: Sending) -> None:
    submission = sent.submit()
    sent.trust.loses_answers = True
    sent.drain()
    assert states(sent, submission) == ["queued"]
    sent.trust.loses_answers = False
    sent.clock.forward(minutes=10)
    sent.drain()
    assert states(sent, submission) == ["stored"]
    assert len(sent.trust.attempts) == 2
    assert len(set(sent.trust.attempts)) == 1
    assert len(sent.trust.effects) == 1
    assert sent.row(submission).attempts == 2


@pytest.mark.holds("A67")
def test_a_duplicate_of_a_failed_message_stays_failed(sent: Sending) -> None:
    sent.trust.refusal = FULL
    sent.trust.loses_answers = True
    submission = sent.submit()
    sent.drain()
    sent.trust.refusal, sent.trust.loses_answers = None, False
    sent.clock.forward(minutes=10)
    sent.drain()
    row = sent.row(submission)
    assert (row.state, row.reason) == (OutboxState.FAILED, "malformed_body")
    assert sent.trust.effects == []
    assert sent.events(row)[-1] == ("failed", "malformed_body")


@pytest.mark.holds("A6", "S16")
def test_all_arrives_when_a_peer_returns_after_days_the_urgent_first(sent: Sending) -> None:
    sent.trust.away = True
    green = [sent.submit(alert(urgency=Urgency.GREEN, case_ref=f"g{n}")) for n in range(5)]
    red = [sent.submit(alert(urgency=Urgency.RED, case_ref=f"r{n}")) for n in range(2)]
    for _ in range(7):
        sent.drain()
        sent.clock.forward(days=1)
        for entity in sent.network.nodes:
            sent.network.enrol(entity)
            with suppress(Untrusted):  # it publishes nothing while it is away
                sent.network.nodes[COUNCIL].directory.refresh(entity, now=sent.clock.now())
    sent.trust.away = False
    sent.network.nodes[COUNCIL].directory.refresh(TRUST, now=sent.clock.now())
    sent.drain()
    assert {str(sent.row(each).state) for each in green + red} == {"stored"}
    lanes = [message.urgency for message in sent.trust.messages()]
    assert lanes.index(Urgency.GREEN) >= 1
    assert len(sent.trust.effects) == len(set(sent.trust.effects)) == 7
    assert sent.network.nodes[COUNCIL].store.read(peer_backoffs.list) == ()


@pytest.mark.holds("A14")
def test_a_dead_peer_is_probed_by_one_message_and_costs_the_others_nothing(sent: Sending) -> None:
    sent.trust.away = True
    dead = [sent.submit(alert(case_ref=f"d{n}")) for n in range(30)]
    sent.drain()
    alive = sent.submit(alert(recipients=(RECIPIENTS[HOUSING],)))
    sent.drain()
    assert states(sent, alive) == ["stored"]
    tried = sum(sent.row(each).attempts for each in dead)
    assert tried <= len(dead)  # all in one request
    sent.clock.forward(minutes=10)
    sent.drain()
    assert sum(sent.row(each).attempts for each in dead) == tried + 1
    assert {str(sent.row(each).state) for each in dead} == {"queued"}


def test_messages_of_one_case_keep_their_order(sent: Sending) -> None:
    sent.trust.problem = problem(500, "internal")
    first = sent.submit(alert(case_ref="one"))
    sent.drain()
    second, other = sent.submit(alert(case_ref="one")), sent.submit(alert(case_ref="two"))
    sent.trust.problem = None
    sent.drain()
    assert (states(sent, first), states(sent, second), states(sent, other)) == (["queued"], ["queued"], ["stored"])
    sent.clock.forward(minutes=1)
    sent.drain()
    assert (states(sent, first), states(sent, second)) == (["stored"], ["stored"])
    assert sent.row(first).stored_at is not None
    keys = [message.jti for message in sent.trust.messages()]
    assert len(keys) == 3


@pytest.mark.holds("A9")
def test_a_message_that_its_recipient_always_refuses_is_parked_and_the_others_flow(sent: Sending) -> None:
    sent.trust.problem = problem(400, "malformed")
    poison = sent.submit(alert(case_ref="one"))
    for _ in range(MOST_FAULTS):
        sent.drain()
        sent.clock.forward(minutes=11)
    row = sent.row(poison)
    assert (row.state, row.reason) == (OutboxState.PARKED, "malformed")
    sent.trust.problem = None
    following = sent.submit(alert(case_ref="one"))
    sent.drain()
    assert states(sent, following) == ["stored"]
    store = sent.network.nodes[COUNCIL].store
    store.write(lambda tx: outbox.retry(tx, row, now=sent.clock.now()))
    sent.drain()
    assert sent.row(poison).state is OutboxState.STORED
    assert sent.row(poison).message == row.message


@pytest.mark.holds("A36", "A46")
def test_what_waits_for_a_suspended_peer_is_held_and_goes_once_it_stands_again(sent: Sending) -> None:
    submissions_made = [sent.submit(alert(case_ref=f"c{n}")) for n in range(3)]
    directory = sent.network.nodes[COUNCIL].directory
    sent.network.enrol(TRUST, state=SuspensionState.SUSPENDED)
    sent.clock.forward(minutes=6)
    sent.drain()
    sent.sweep()
    rows = [sent.row(each) for each in submissions_made]
    assert {(str(row.state), row.reason) for row in rows} == {("held", "untrusted")}
    assert all(("held", "untrusted") in sent.events(row) for row in rows)
    assert sent.trust.attempts == []
    sent.network.enrol(TRUST)
    sent.clock.forward(minutes=6)
    directory.refresh(TRUST, now=sent.clock.now())
    sent.drain()
    assert {str(sent.row(each).state) for each in submissions_made} == {"stored"}


@pytest.mark.holds("A46")
def test_what_waits_under_an_agreement_that_ended_is_held(sent: Sending) -> None:
    sent.trust.away = True
    submission = sent.submit()
    sent.drain()
    end(sent.network, AGREEMENT, 1)
    sent.trust.away = False
    sent.clock.forward(minutes=10)
    sent.drain()
    row = sent.row(submission)
    assert (row.state, row.reason) == (OutboxState.HELD, "agreement_not_in_force")
    assert sent.events(row)[-1] == ("held", "agreement_not_in_force")
    assert sent.trust.attempts == []
    leaf = sent.network.leaves(COUNCIL)[-1]
    assert (leaf["outcome"], leaf["reasons"]) == ("held", ["agreement_not_in_force"])


def test_what_was_not_delivered_in_time_is_parked_for_an_operator(sent: Sending) -> None:
    sent.trust.away = True
    submission = sent.submit()
    sent.drain()
    sent.clock.forward(days=14, minutes=1)
    sent.sweep()
    row = sent.row(submission)
    assert (row.state, row.reason) == (OutboxState.PARKED, "expired")
    assert sent.events(row)[-1] == ("parked", "expired")


@pytest.mark.holds("A8")
def test_a_newer_version_takes_the_place_of_one_that_has_not_left(sent: Sending) -> None:
    first = sent.submit()
    second = sent.submit(alert(supersedes=first))
    sent.drain()
    earlier, later = sent.row(first), sent.row(second)
    assert (earlier.state, earlier.superseded_by) == (OutboxState.CLOSED, later.message)
    assert later.state is OutboxState.STORED
    assert len(sent.trust.effects) == 1
    third = sent.submit(alert(supersedes=second))
    sent.drain()
    assert sent.row(second).superseded_by == sent.row(third).message
    assert [message.supersedes for message in sent.trust.messages()][1] == sent.trust.effects[0]


def test_another_clients_submission_cannot_be_superseded(sent: Sending) -> None:
    with pytest.raises(CaseRefused):
        sent.submit(alert(supersedes="no-such"))


@pytest.mark.holds("A68")
def test_receipts_go_forward_and_a_failure_is_told_also_after_stored(sent: Sending) -> None:
    submission = sent.submit()
    sent.drain()
    (raw,) = sent.trust.attempts
    assert sent.trust.in_case_system(raw, seq=2) == 204
    assert sent.row(submission).progress == "in_case_system"
    stored_late = sent.trust.receipt(raw, ReceiptState.STORED, seq=1)
    assert sent.trust.post_raw(stored_late) == 204
    assert sent.row(submission).progress == "in_case_system"
    failed = sent.trust.receipt(raw, ReceiptState.FAILED, seq=3, reason=FULL)
    assert [sent.trust.post_raw(failed) for _ in range(2)] == [204, 204]
    row = sent.row(submission)
    assert (row.state, row.reason, row.proof) == (OutboxState.FAILED, "malformed_body", "held")
    assert [event for event, _ in sent.events(row)] == ["queued", "stored", "in_case_system", "failed"]
    assert sent.trust.post(raw, ReceiptState.READ, seq=4, read_by=RoleCode("duty-officer")) == 204
    row = sent.row(submission)
    assert (row.state, row.progress, row.read_at) == (OutboxState.STORED, "read", sent.clock.now())


def test_the_answer_of_the_highest_number_stands_in_any_order(sent: Sending) -> None:
    submission = sent.submit()
    sent.drain()
    (raw,) = sent.trust.attempts
    assert sent.trust.post(raw, ReceiptState.ANSWERED, seq=5, answer={"closed": "wrong-person"}) == 204
    assert sent.trust.post(raw, ReceiptState.ANSWERED, seq=4, answer={"closed": "useful"}) == 204
    row = sent.row(submission)
    assert (row.decision, row.answer_seq) == ("wrong-person", 5)
    up = sent.network.nodes[COUNCIL].store.read(flags.list_open)
    assert [(flag.code, flag.asker) for flag in up] == [("possible_breach", f"{TRUST} {row.reference}")]


def test_a_receipt_for_no_message_of_ours_or_of_another_agency_is_not_found(sent: Sending) -> None:
    sent.submit(alert(recipients=BOTH))
    sent.drain()
    raw, other = sent.trust.attempts[0], sent.recipients[HOUSING]
    forged = other.signed(sent.trust.opened(raw), ReceiptState.READ, seq=9, read_by=RoleCode("duty-officer"))
    assert sent.trust.post_raw(forged) == 404
    row = sent.network.nodes[COUNCIL].store.read(lambda tx: outbox.list(tx, limit=9))[0]
    assert row.progress == "stored"
    assert other.post(other.attempts[0], ReceiptState.READ, seq=2, read_by=RoleCode("duty-officer")) == 204
