"""A node that announced that it would be away: its peers say so, with the time, and let nothing wait less."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.delivery.submission_view import SentMessages
from gateway.exchange.peer_maintenance import MAINTENANCE, away_now
from gateway.store.tables import maintenance, peer_backoffs
from gateway.store.tables.outbox import OutboxState
from tests.simulator.queued import Sending, alert, sending
from tests.simulator.town import COUNCIL, TRUST
from trust.exchange.message import Urgency
from trust.federation.maintenance import Maintenance

LEARNED = timedelta(minutes=11)


@pytest.fixture
def announced(tmp_path: Path) -> Iterator[Sending]:
    with sending(tmp_path, played=(TRUST,)) as made:
        now = made.clock.now()
        away = Maintenance(begins=now + LEARNED, ends=now + timedelta(hours=1))
        made.network.nodes[TRUST].store.write(lambda tx: maintenance.put(tx, away))
        made.clock.forward(seconds=LEARNED.total_seconds())
        made.network.nodes[COUNCIL].directory.resolve(TRUST, now=made.clock.now())
        made.trust.away = True
        yield made


def warning_of(made: Sending, submission: str) -> str | None:
    node = made.network.nodes[COUNCIL]

    def away(entity: str, _now: object) -> str | None:
        known = node.directory.cached(entity, now=made.clock.now())  # type: ignore[arg-type]  # a row has it as text
        return None if known is None else away_now(known.entity.node, made.clock.now())

    view = SentMessages(store=node.store, vault=node.vault, away=away).get(
        submission, made.caller, kind="alert", now=made.clock.now()
    )
    assert view is not None
    return view.deliveries[0].warning


def test_a_question_that_is_not_answered_names_the_reason_and_the_time(announced: Sending) -> None:
    lines = announced.network.case_client().lines()
    line = lines[f"{TRUST}#mental-health"]
    assert line["status"] == "no_reply"
    assert line["reason"].startswith("Its node is down for announced maintenance, and means to be back at ")


def test_a_red_alert_is_told_the_duty_telephone_before_it_is_sent_and_arrives_when_the_node_is_back(
    announced: Sending,
) -> None:
    submitter = announced.network.nodes[COUNCIL].delivery.submitter
    for urgency, says in ((Urgency.RED, "Ring 0"), (Urgency.GREEN, "as soon as it is")):
        (plan,) = submitter.plan(announced.caller.client.client_id, alert(urgency=urgency), now=announced.clock.now())
        assert plan.refusal is None
        assert says in str(plan.away)
    submission = announced.submit()
    announced.drain()
    backoff = announced.network.nodes[COUNCIL].store.read(lambda tx: peer_backoffs.get(tx, peer=TRUST))
    assert backoff is not None
    assert backoff.reason == MAINTENANCE
    assert "means to be back at" in str(plan.away)
    assert "Ring 0" in str(warning_of(announced, submission))
    assert announced.row(submission).escalate_at is not None
    announced.trust.away = False
    announced.clock.forward(seconds=120)
    announced.drain()
    assert announced.row(submission).state is OutboxState.STORED
    assert warning_of(announced, submission) is None


def test_after_its_end_a_silent_node_is_silent_without_a_reason(announced: Sending) -> None:
    announced.clock.forward(hours=1)
    lines = announced.network.case_client().lines()
    assert lines[f"{TRUST}#mental-health"]["reason"] == "It did not answer in time."
