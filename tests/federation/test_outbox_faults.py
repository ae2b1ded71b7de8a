"""The outbox when processes die, two relays run, the disk is full, or a transaction fails half way."""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from gateway.app.node import Node, create_node
from gateway.app.wiring import ExternalPorts
from gateway.delivery import outbox as transitions
from gateway.delivery.relay import LEASE_S
from gateway.ports import StoreFull
from gateway.store.tables import outbox
from gateway.store.tables.outbox import OutboxState
from tests.simulator.queued import RECIPIENTS, Sending, alert, sending
from tests.simulator.town import COUNCIL, HOUSING, TRUST

BOTH = (RECIPIENTS[TRUST], RECIPIENTS[HOUSING])


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[Sending]:
    with sending(tmp_path) as made:
        yield made


def another_process(sent: Sending) -> Node:
    """Return the council's node as another process has it: nothing is shared but the store."""
    network = sent.network
    outside = ExternalPorts(
        clock=network.clock, transport=network.wire, case_systems=network.case_systems, sign_in=network.wire
    )
    return create_node(network.nodes[COUNCIL].settings, outside)


def drain_elsewhere(sent: Sending) -> None:
    """Send what is due as a relay that knows nothing of the first one."""
    node = another_process(sent)
    try:
        node.delivery.relay.drain()
    finally:
        node.store.close()
        node.claims.close()


@pytest.mark.holds("A1")
def test_a_relay_that_dies_after_its_leases_loses_nothing(sent: Sending) -> None:
    submission = sent.submit()
    dead = another_process(sent)
    assert dead.delivery.relay.lease_due() == 1
    dead.store.close()
    dead.claims.close()
    drain_elsewhere(sent)
    assert sent.trust.effects == []
    sent.clock.forward(seconds=LEASE_S + 1)
    drain_elsewhere(sent)
    assert sent.row(submission).state is OutboxState.STORED
    assert len(sent.trust.effects) == 1


@pytest.mark.holds("A1", "A3")
def test_a_relay_that_dies_between_sending_and_writing_sends_the_same_again(sent: Sending) -> None:
    submission = sent.submit()
    dead = another_process(sent)
    dead.delivery.relay.lease_due()
    dead.delivery.relay.send_leased()  # the receipt comes, and is never written down
    dead.store.close()
    dead.claims.close()
    assert len(sent.trust.effects) == 1
    assert sent.row(submission).state is OutboxState.QUEUED
    sent.clock.forward(seconds=LEASE_S + 1)
    drain_elsewhere(sent)
    assert sent.row(submission).state is OutboxState.STORED
    assert len(set(sent.trust.attempts)) == 1
    assert len(sent.trust.effects) == 1


@pytest.mark.holds("A15")
def test_two_relays_on_one_outbox_send_each_message_once(sent: Sending) -> None:
    made = [sent.submit(alert(case_ref=f"c{n}", recipients=BOTH)) for n in range(15)]
    nodes, stop = [another_process(sent), another_process(sent)], Event()
    threads = [Thread(target=node.delivery.relay.run, args=(stop.wait,)) for node in nodes]
    for thread in threads:
        thread.start()
    delivered = 0
    for _ in range(600):
        delivered = sum(row.state is OutboxState.STORED for each in made for row in sent.rows(each))
        if delivered == len(made) * len(BOTH):
            break
        stop.wait(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    for node in nodes:
        node.store.close()
        node.claims.close()
    assert delivered == 30
    assert {row.attempts for each in made for row in sent.rows(each)} == {1}
    assert all(len(each.attempts) == 15 for each in sent.recipients.values())


@pytest.mark.holds("A10")
def test_a_full_disk_accepts_nothing_and_sends_again_once_there_is_room(
    sent: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sent.submit()
    with monkeypatch.context() as full:
        real = os.statvfs
        nearly_full = lambda path: SimpleNamespace(f_bavail=1, f_frsize=real(path).f_frsize)  # noqa: E731 - one use
        full.setattr("gateway.store.engine.sqlite_writer.os.statvfs", nearly_full)
        with pytest.raises(StoreFull):
            sent.submit(alert(case_ref="other"))
        with pytest.raises(StoreFull):
            sent.drain()
    assert sent.trust.attempts == []
    assert sent.network.nodes[COUNCIL].store.read(outbox.counts) == {OutboxState.QUEUED: 1}
    sent.drain()
    assert sent.row(before).state is OutboxState.STORED


@pytest.mark.holds("A10")
def test_an_error_half_way_gives_the_whole_submission_up(sent: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    leaves, real = sent.network.leaves(COUNCIL), transitions.enqueue

    def fail_at_second(tx: object, row: outbox.OutboxRow, *, sealed: bytes) -> None:
        if row.peer == HOUSING:
            raise StoreFull("there is no room for the second recipient")
        real(tx, row, sealed=sealed)  # type: ignore[arg-type]

    with monkeypatch.context() as failing:
        failing.setattr(transitions, "enqueue", fail_at_second)
        with pytest.raises(StoreFull):
            sent.submit(alert(recipients=BOTH), key="k")
    assert sent.network.nodes[COUNCIL].store.read(outbox.counts) == {}
    assert sent.network.leaves(COUNCIL) == leaves
    assert len(sent.rows(sent.submit(alert(recipients=BOTH), key="k"))) == 2


def test_a_pass_leases_a_bounded_number_of_rows_however_long_the_queue(sent: Sending) -> None:
    store, submission = sent.network.nodes[COUNCIL].store, sent.submit()
    row = sent.row(submission)
    for n in range(300):
        copy = replace(row, message=f"m{n}", order_key=f"o{n}", submission=None, lease_until=None)
        store.write(partial(outbox.put, row=copy, sealed=b""))
    relay = another_process(sent)
    assert relay.delivery.relay.lease_due() == 4
    relay.store.close()
    relay.claims.close()
