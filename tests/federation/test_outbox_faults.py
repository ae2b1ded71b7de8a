"""The outbox when processes die, two relays run, the disk is full, or a transaction fails half way."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from gateway.app.node import Node, create_node
from gateway.app.wiring import ExternalPorts
from gateway.delivery import outbox as transitions
from gateway.delivery.relay import LEASE_S, LOOKED_AT
from gateway.ports import PeerRequest, PeerResponse, StoreFull, StoreOutcomeUnknown, Transaction
from gateway.store.engine.sqlite_writer import EXIT_IO_ERROR
from gateway.store.tables import inbox, outbox
from gateway.store.tables.inbox import InboxState
from gateway.store.tables.outbox import OutboxState
from tests.gateway.store.processes import fail_every_sync
from tests.simulator.clocks import MonotonicClock, SetClock
from tests.simulator.faults import MESSAGES
from tests.simulator.network import Network
from tests.simulator.processes import ROOT
from tests.simulator.queued import RECIPIENTS, Sending, alert, case_caller, sending
from tests.simulator.town import COUNCIL, HOUSING, TRUST
from tests.simulator.wire import Pass
from tests.simulator.world_network import PLACES
from trust.identifiers import ServiceSlug

MEET_FAILING_SYNC = """
import sys
from tests.federation.test_outbox_faults import meet_failing_sync
meet_failing_sync(*sys.argv[1:])
"""
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
    assert relay.delivery.relay.lease_due() == LOOKED_AT
    relay.store.close()
    relay.claims.close()


@pytest.mark.holds("A12")
def test_a_commit_with_an_unknown_outcome_is_resolved_by_the_submissions_key(
    sent: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sent.network.nodes[COUNCIL].store
    real = store.write

    def dies_after(work: Callable[[Transaction], object]) -> None:
        real(work)
        raise StoreOutcomeUnknown("The database did not answer a commit.")

    with monkeypatch.context() as dying:
        dying.setattr(store, "write", dies_after)
        with pytest.raises(StoreOutcomeUnknown):
            sent.submit(alert(recipients=BOTH), key="k")
    again = sent.submit(alert(recipients=BOTH), key="k")
    assert len(sent.rows(again)) == 2
    assert store.read(outbox.counts) == {OutboxState.QUEUED: 2}
    sent.drain()
    assert [len(each.effects) for each in sent.recipients.values()] == [1, 1]


@pytest.mark.holds("A12", "A3")
def test_a_receivers_commit_with_an_unknown_outcome_is_resolved_by_the_messages_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MonotonicClock().install(monkeypatch)  # the sender waits as long as its peer says before it asks once more
    with sending(tmp_path, played=()) as made:
        submission, node = made.submit(), made.network.nodes[TRUST]
        real, service, opened = node.store.write, ServiceSlug("mental-health"), InboxState.OPEN

        def dies_once_it_is_there(work: Callable[[Transaction], object]) -> object:
            value = real(work)
            if node.store.read(lambda tx: inbox.page(tx, service=service, state=opened, after=None, limit=1)):
                raise StoreOutcomeUnknown("The database did not answer a commit.")
            return value

        with monkeypatch.context() as dying:
            dying.setattr(node.store, "write", dies_once_it_is_there)
            made.drain()
        assert HTTPStatus.OK not in {answer.status for _, answer in made.network.wire.messages(TRUST)}
        assert made.row(submission).state is OutboxState.QUEUED
        made.clock.forward(minutes=10)
        made.drain()
        assert made.row(submission).state is OutboxState.STORED
        kinds = [leaf["kind"] for leaf in made.network.leaves(TRUST)]
        assert kinds.count("received") == 1
        assert kinds.count("repeated") > 0


@pytest.mark.holds("A11")
def test_a_node_whose_sync_fails_ends_before_it_gives_a_receipt(tmp_path: Path) -> None:
    with sending(tmp_path, played=()) as made:
        submission, moment = made.submit(), made.clock.now()
    command = [sys.executable, "-c", MEET_FAILING_SYNC, str(tmp_path), moment.isoformat()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert "sync fails from here on" in done.stdout
    assert "receipted" not in done.stdout
    assert done.returncode == EXIT_IO_ERROR, done.stderr
    network = Network.reopen(tmp_path, PLACES, clock=SetClock(moment + timedelta(minutes=10)))
    try:
        again = Sending(network=network, recipients={}, caller=case_caller(network))
        assert again.row(submission).stored_at is None
        again.drain()
        assert again.row(submission).state is OutboxState.STORED
        assert len([leaf for leaf in network.leaves(TRUST) if leaf["kind"] == "received"]) == 1
    finally:
        network.close()


def meet_failing_sync(folder: str, moment: str) -> None:
    """Send what is queued, in a process in which every sync fails from the arrival of a message on."""
    network = Network.reopen(Path(folder), PLACES, clock=SetClock(datetime.fromisoformat(moment)))

    def fail_then_answer(request: PeerRequest, forward: Pass) -> PeerResponse:
        if request.url.endswith(MESSAGES):
            os.write(1, b"sync fails from here on\n")
            fail_every_sync()
        answer = forward()
        if request.url.endswith(MESSAGES):
            os.write(1, b"receipted\n")
        return answer

    network.wire.faults[TRUST] = fail_then_answer
    network.nodes[COUNCIL].delivery.relay.drain()
