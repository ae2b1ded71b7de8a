"""No member holds every thread of a worker, however much it sends at once."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from threading import Event, Semaphore

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gateway.callers import PeerCaller
from gateway.http.peer.fair_share import FairShare
from gateway.web.problem import Problem
from tests.simulator.callers import Caller
from tests.simulator.faces import PEER_TOKEN_URL, Node
from tests.simulator.town import COUNCIL, HOUSING
from trust.federation.chain import TrustedEntity
from trust.identifiers import EntityId

MEMBERS = [EntityId(f"https://agency-{number}.example") for number in range(8)]


def held_in_turn(share: FairShare, *, threads: int) -> list[int]:
    """Have one member after the other take all that it gets, until every thread is held; return how many each got."""
    got: list[int] = []
    with ExitStack() as holding:
        for member in MEMBERS:
            taken = 0
            while sum(got) + taken < threads:
                try:
                    holding.enter_context(share.held_by(member))
                except Problem:
                    break
                taken += 1
            got.append(taken)
    return [each for each in got if each]


@pytest.mark.parametrize(
    ("threads", "shares"),
    [(1, [1]), (2, [1, 1]), (3, [2, 1]), (4, [2, 1, 1]), (8, [4, 2, 1, 1]), (16, [8, 4, 2, 1, 1])],
)
def test_each_member_gets_half_of_what_is_left_at_most_and_one_always(threads: int, shares: list[int]) -> None:
    share = FairShare(threads)
    assert held_in_turn(share, threads=threads) == shares
    assert held_in_turn(share, threads=threads) == shares  # all of it was given back


def test_a_message_that_ends_in_an_error_is_given_back() -> None:
    share = FairShare(2)
    for _ in range(3):
        with pytest.raises(RuntimeError), share.held_by(HOUSING):
            raise RuntimeError


class Held:
    """A handler that keeps every message of one member until it is let go."""

    def __init__(self, member: EntityId) -> None:
        self.member = member
        self.waiting = Semaphore(0)
        self.go = Event()

    def __call__(self, _raw: bytes, caller: PeerCaller, _now: datetime) -> bytes:
        if caller.party.entity_id == self.member:
            self.waiting.release()
            assert self.go.wait(20)
        return b"signed.reply.bytes"


@pytest.fixture
def held(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held(HOUSING)
    monkeypatch.setattr(node, "_handle", held)
    yield held
    held.go.set()


def member(node: Node, app: Flask, entity: EntityId) -> Caller:
    """Return a member of the federation that sends to this face."""
    http = app.test_client()
    made = Caller(client_id=entity, issuer=COUNCIL, token_url=PEER_TOKEN_URL, http=http, clock=node.clock)
    node.members.admit(entity, made.oauth, node.clock.now())
    return made


def test_over_its_share_a_member_is_told_to_come_back_and_others_are_answered(node: Node, held: Held) -> None:
    node.threads = 4
    app = node.peer_app()
    flooding, other = member(node, app, HOUSING), member(node, app, MEMBERS[0])
    token, others_token = flooding.peer_token(), other.peer_token()

    def send() -> TestResponse:
        return replace(flooding, http=app.test_client()).send(token, data=b"the same bytes")

    with ThreadPoolExecutor(2) as pool:
        two: list[Future[TestResponse]] = [pool.submit(send) for _ in range(2)]
        for _ in two:
            assert held.waiting.acquire(timeout=20)
        refused = send()
        assert (refused.status_code, refused.get_json()["code"]) == (503, "too-many-at-once")
        assert refused.headers["Retry-After"] == "1"
        assert other.send(others_token).status_code == 200
        held.go.set()
        assert [each.result().status_code for each in two] == [200, 200]
    assert send().status_code == 200


def test_those_who_ask_for_tokens_leave_threads_for_those_who_have_one(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A superior that is slow to vouch delays every request that names one of its members."""
    node.threads = 4
    waiting, go, resolve = Semaphore(0), Event(), node.members.resolve

    def slow(entity: EntityId, *, now: datetime, urgent: bool = False) -> TrustedEntity:
        if entity == HOUSING:
            waiting.release()
            assert go.wait(20)
        return resolve(entity, now=now, urgent=urgent)

    app = node.peer_app()
    named, other = member(node, app, HOUSING), member(node, app, MEMBERS[0])
    token = other.peer_token()
    monkeypatch.setattr(node.members, "resolve", slow)

    def ask() -> TestResponse:
        return replace(named, http=app.test_client()).ask_peer_token()

    with ThreadPoolExecutor(2) as pool:
        two = [pool.submit(ask) for _ in range(2)]
        for _ in two:
            assert waiting.acquire(timeout=20)
        refused = ask()
        assert (refused.status_code, refused.get_json()["code"]) == (503, "too-many-at-once")
        assert other.send(token).status_code == 200
        go.set()
        assert [each.result().status_code for each in two] == [200, 200]
    assert ask().status_code == 200
