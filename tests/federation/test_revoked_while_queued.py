"""A key that is revoked while messages and receipts wait: they are signed afresh, and nothing waits in vain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.keys.files import NODE_KEYS
from gateway.keys.rotation import apply, draft_revocation
from gateway.keys.vault import read_records
from gateway.store.tables import outbox
from gateway.store.tables.outbox import OutboxState
from tests.simulator.queued import RECIPIENTS, Sending, alert, sending
from tests.simulator.town import COUNCIL, HOUSING, TRUST
from trust.federation.historical_keys import RevocationReason
from trust.identifiers import EntityId
from trust.jose import peek_key_id
from trust.keys import KeyUse

BOTH = (RECIPIENTS[TRUST], RECIPIENTS[HOUSING])


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[Sending]:
    with sending(tmp_path) as made:
        yield made


def revoke_message_key(sent: Sending, entity: EntityId) -> str:
    at, keys = sent.clock.now(), sent.network.folder_of(entity) / "keys"
    kid = sent.network.nodes[entity].vault.signer(KeyUse.MESSAGE).kid
    records = read_records(keys, NODE_KEYS)
    apply(keys, draft_revocation(records, kid, RevocationReason.COMPROMISED, at=at), at=at)
    assert kid not in sent.network.nodes[entity].vault.published(KeyUse.MESSAGE).kids
    return kid


@pytest.mark.holds("A14")
def test_a_message_of_a_revoked_key_gives_way_to_a_new_one_and_its_sender_sees_both(sent: Sending) -> None:
    for each in sent.recipients.values():
        each.away = True
    submission = sent.submit(alert(recipients=BOTH))
    sent.drain()
    revoked = revoke_message_key(sent, COUNCIL)
    for each in sent.recipients.values():
        each.away = False
    for _ in range(3):
        sent.clock.forward(seconds=120)
        sent.drain()
    rows = sent.rows(submission)
    assert [(row.state, row.reason) for row in rows[:2]] == [(OutboxState.CLOSED, "key_revoked")] * 2
    assert [row.state for row in rows[2:]] == [OutboxState.STORED] * 2
    assert {row.supersedes for row in rows[2:]} == {row.message for row in rows[:2]}
    assert ("closed", "key_revoked") in sent.events(rows[0])
    for each in sent.recipients.values():
        (raw,) = each.attempts
        assert peek_key_id(raw) != revoked
        (message,) = each.messages()
        assert message.supersedes
    view = sent.network.nodes[COUNCIL].delivery.submitter
    assert (
        view.plan(sent.caller.client.client_id, alert(supersedes=submission), now=sent.clock.now())[0].refusal is None
    )


@pytest.mark.holds("A3")
def test_the_receipt_of_a_revoked_key_is_signed_afresh_when_the_message_comes_again(tmp_path: Path) -> None:
    with sending(tmp_path, played=()) as made:
        submission = made.submit()
        made.drain()
        revoke_message_key(made, TRUST)
        made.clock.forward(seconds=600)
        node = made.network.nodes[COUNCIL]
        node.directory.refresh(TRUST, now=made.clock.now())
        node.store.write(lambda tx: outbox.retry(tx, made.row(submission), now=made.clock.now()))
        made.drain()
        assert made.row(submission).state is OutboxState.STORED
