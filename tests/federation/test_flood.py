"""One sender that sends too much: it is told to come later, keeps what it sent, and takes no other's room."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.accountability.message_limits import MessagesLimited
from gateway.ports import PeerResponse, StoreFull
from gateway.store.tables import flags, inbox, outbox, peer_limits
from gateway.store.tables.inbox import InboxState
from gateway.store.tables.outbox import OutboxState
from tests.simulator.queued import RECIPIENTS, Sending, alert, sending
from tests.simulator.town import COUNCIL, TRUST
from trust.exchange.message import Urgency
from trust.identifiers import ServiceSlug

ROOM = 3


def allowance(**narrow: int) -> dict[str, dict[str, int]]:
    return {name: {"per_hour": number, "burst": number} for name, number in narrow.items()}


def world(folder: Path, **narrow: int) -> Iterator[Sending]:
    with sending(folder, played=(), messages=allowance(**narrow)) as made:
        yield made


@pytest.fixture
def narrow_peer(tmp_path: Path) -> Iterator[Sending]:
    yield from world(tmp_path, peer=ROOM)


def arrived(world: Sending) -> int:
    return len(
        world.network.nodes[TRUST].store.read(
            partial(inbox.page, service=ServiceSlug("mental-health"), state=InboxState.OPEN, after=None, limit=50)
        )
    )


def send_green(world: Sending, number: int) -> list[str]:
    made = [world.submit(alert(case_ref=f"c{n}", urgency=Urgency.GREEN)) for n in range(number)]
    world.drain()
    return made


@pytest.mark.holds("A1")
def test_what_exceeds_a_peers_budget_waits_at_its_sender_who_is_told_and_arrives_later(narrow_peer: Sending) -> None:
    made = send_green(narrow_peer, ROOM + 4)
    rows = [narrow_peer.row(each) for each in made]
    assert arrived(narrow_peer) == ROOM
    assert [each.reason for each in rows if each.state is OutboxState.QUEUED] == [peer_limits.PEER_LIMITING] * 4
    asked = len(narrow_peer.network.wire.messages(TRUST))
    narrow_peer.drain()
    assert len(narrow_peer.network.wire.messages(TRUST)) == asked
    raised = narrow_peer.network.nodes[TRUST].store.read(flags.list_open)
    assert [(flag.code, flag.asker, flag.count) for flag in raised] == [("over_budget", COUNCIL, 1)]
    for _ in range(4):
        narrow_peer.clock.forward(hours=1)
        narrow_peer.drain()
    assert {narrow_peer.row(each).state for each in made} == {OutboxState.STORED}
    assert arrived(narrow_peer) == ROOM + 4


def test_a_red_alert_goes_at_once_beside_a_flood_of_the_same_sender(narrow_peer: Sending) -> None:
    send_green(narrow_peer, ROOM + 4)
    red = narrow_peer.submit(alert(case_ref="red"))
    narrow_peer.drain()
    assert narrow_peer.row(red).state is OutboxState.STORED


def test_a_flood_of_red_alerts_is_limited_too_and_none_is_lost(tmp_path: Path) -> None:
    for made in world(tmp_path, red=ROOM):
        alerts = [made.submit(alert(case_ref=f"r{n}")) for n in range(ROOM + 2)]
        made.drain()
        assert arrived(made) == ROOM
        green = send_green(made, 1)[0]
        assert made.row(green).state is OutboxState.STORED
        for _ in range(2):
            made.clock.forward(hours=1)
            made.drain()
        assert {made.row(each).state for each in alerts} == {OutboxState.STORED}


def test_a_clause_that_floods_leaves_the_room_of_the_others_alone(tmp_path: Path) -> None:
    for made in world(tmp_path, clause=ROOM):
        rows = [made.row(each) for each in send_green(made, ROOM + 2)]
        assert [each.reason for each in rows if each.state is OutboxState.QUEUED] == [peer_limits.CLAUSE_LIMITING] * 2


def test_a_message_that_comes_again_is_charged_too(tmp_path: Path) -> None:
    for made in world(tmp_path, peer=ROOM):
        submission = send_green(made, 1)[0]
        store, evidence = made.network.nodes[COUNCIL].store, made.network.leaves
        before = evidence(TRUST)
        for _ in range(ROOM + 2):
            store.write(partial(outbox.retry, row=made.row(submission), now=made.clock.now()))
            made.drain()
        assert len(evidence(TRUST)) == len(before) + ROOM - 1
        assert made.row(submission).reason == peer_limits.PEER_LIMITING
        made.clock.forward(hours=1)
        made.drain()
        assert made.row(submission).state is OutboxState.STORED


def test_a_case_system_that_submits_too_much_is_told_when_to_come_back(tmp_path: Path) -> None:
    for made in world(tmp_path, client=ROOM):
        for n in range(ROOM):
            made.submit(alert(case_ref=f"c{n}", urgency=Urgency.GREEN), key=f"k{n}")
        with pytest.raises(MessagesLimited) as limited:
            made.submit(alert(case_ref="more", urgency=Urgency.GREEN), key="more")
        assert 0 < limited.value.retry_after_s <= 1_200
        assert len(made.rows(made.submit(alert(case_ref="c0", urgency=Urgency.GREEN), key="k0"))) == 1
        assert made.row(made.submit(alert(case_ref="red"))).state is OutboxState.QUEUED
        made.clock.forward(hours=1)
        assert made.row(made.submit(alert(case_ref="more", urgency=Urgency.GREEN), key="more"))


def test_near_the_watermark_only_red_messages_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sending(tmp_path, played=()) as made:
        amber = made.submit(alert(case_ref="a", urgency=Urgency.AMBER))
        red = made.submit(alert(case_ref="r"))
        real = os.statvfs
        nearly = lambda path: SimpleNamespace(f_bavail=100 << 20, f_frsize=1, real=real(path))  # noqa: E731 - one use
        monkeypatch.setattr("gateway.store.engine.sqlite.os.statvfs", nearly)
        with pytest.raises(StoreFull):
            made.submit(alert(case_ref="b", urgency=Urgency.GREEN))
        made.drain()
        assert (made.row(red).state, made.row(amber).state) == (OutboxState.STORED, OutboxState.QUEUED)


def test_a_peer_that_limits_a_clause_holds_back_only_that_clause(tmp_path: Path) -> None:
    with sending(tmp_path) as made:
        body = b'{"code":"clause-limited"}'
        made.trust.problem = PeerResponse(
            status=429, content_type="application/problem+json", headers={"retry-after": "120"}, body=body
        )
        waiting = [made.submit(alert(case_ref=f"c{n}", urgency=Urgency.GREEN)) for n in range(12)]
        other = made.submit(alert(recipients=(RECIPIENTS[next(each for each in RECIPIENTS if each != TRUST)],)))
        made.drain()
        assert len(made.trust.batches) <= 4  # what was under way at once
        assert made.row(other).state is OutboxState.STORED
        rows = [made.row(each) for each in waiting]
        assert {each.reason for each in rows} == {peer_limits.CLAUSE_LIMITING}
        assert all((each.next_at - made.clock.now()).total_seconds() >= 120 for each in rows)
        assert {each.faults for each in rows} == {0}
        made.trust.problem = None
        made.clock.forward(seconds=122)
        made.drain()
        assert {made.row(each).state for each in waiting} == {OutboxState.STORED}
