"""Commands on the outbox: what operators see, and what they may do with a message."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.administration.errors import OperationRefused
from gateway.administration.outbox import CloseMessage, refuse_emergency
from gateway.cli.main import main
from gateway.delivery.case_submission import SubmissionRefused
from gateway.delivery.reissue import Reissuer
from gateway.store.tables.outbox import OutboxState
from tests.simulator.queued import KINDS, RECIPIENTS, VICTIM, Sending, alert, sending
from tests.simulator.town import COUNCIL, HOUSING
from trust.exchange.message import Urgency
from trust.identifiers import parse_service_ref


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Sending]:
    """Give a council whose recipient takes nothing."""
    with sending(tmp_path) as made:
        made.trust.away = True
        yield made


def run(sent: Sending, *words: str) -> Result:
    config = str(sent.network.folder_of(COUNCIL) / "hearthgate.toml")
    return CliRunner().invoke(main, [*words, "--config", config])


def test_an_operator_sees_what_waits_and_why_and_no_person(away: Sending) -> None:
    row = away.row(away.submit())
    away.drain()
    listing = run(away, "outbox", "list")
    assert row.reference in listing.output
    assert "takes nothing since" in listing.output
    shown = run(away, "outbox", "show", row.reference)
    assert "queued" in shown.output
    assert not any(value in listing.output + shown.output for value in VICTIM.values())
    assert run(away, "outbox", "show", "HG-00000000").exit_code == 1


def test_an_operator_has_a_parked_message_sent_again_under_its_own_id(away: Sending) -> None:
    submission = away.submit()
    away.clock.forward(days=14, minutes=1)
    away.sweep()
    row = away.row(submission)
    assert row.state is OutboxState.PARKED
    node = away.network.nodes[COUNCIL]
    retried = run(away, "outbox", "retry", row.reference, "--yes")
    assert retried.exit_code == 0, retried.output
    assert away.row(submission).state is OutboxState.QUEUED
    assert away.events(row)[-1][0] == "retried"
    assert node.store is not None


def test_a_message_is_closed_unless_its_recipient_has_it(away: Sending) -> None:
    settings = away.network.nodes[COUNCIL].settings
    row = away.row(away.submit())
    CloseMessage().perform(settings, {"reference": row.reference}, at=away.clock.now(), commit=lambda _tx: None)
    assert away.row(str(row.submission)).state is OutboxState.CLOSED
    with pytest.raises(OperationRefused):
        CloseMessage().effect(settings, {"reference": row.reference})


def test_one_person_alone_redirects_red_messages_only(away: Sending) -> None:
    settings = away.network.nodes[COUNCIL].settings
    red, green = away.row(away.submit()), away.row(away.submit(alert(urgency=Urgency.GREEN)))
    refuse_emergency(settings, red.reference)
    with pytest.raises(OperationRefused):
        refuse_emergency(settings, green.reference)


def test_a_redirect_is_a_new_message_that_takes_the_place_of_the_first(away: Sending) -> None:
    submission = away.submit()
    away.drain()
    row, node = away.row(submission), away.network.nodes[COUNCIL]
    reissuer = Reissuer(
        store=node.store,
        vault=node.vault,
        planner=node.delivery.submitter.planner,
        kinds=KINDS,
        keep_trying=timedelta(days=14),
    )
    now = away.clock.now()
    with pytest.raises(SubmissionRefused):
        reissuer.prepare(row, parse_service_ref(f"{COUNCIL}#money-advice"), now=now)
    reissue = reissuer.prepare(row, parse_service_ref(RECIPIENTS[HOUSING]), now=now)
    node.store.write(lambda tx: reissuer.commit(tx, reissue, now=now, actor="a"))
    away.drain()
    first, second = away.rows(submission)
    assert (first.state, first.reason, first.superseded_by) == (OutboxState.CLOSED, "redirected", second.message)
    assert (second.state, second.supersedes) == (OutboxState.STORED, first.message)
    (message,) = away.recipients[HOUSING].messages()
    assert message.supersedes is None  # another agency learns no id of the first recipient's message
    assert [person.ref for person in message.persons] == ["p1"]
    assert message.practitioner.name == "Ada Fellbrook"
