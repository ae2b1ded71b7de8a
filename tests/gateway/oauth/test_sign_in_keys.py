"""A provider's keys are asked for seldom, and go on for a while without it."""

import json
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from gateway.oauth.sign_in_keys import FetchedKeys
from gateway.ports import NodeBusy, PeerRequest, PeerResponse, TransportError
from tests.simulator.clocks import SetClock
from tests.support.sign_in import KID, SignInService
from trust.keys import Alg

URL = "https://login.council.example/jwks"


@dataclass
class Wire:
    """The provider's address, which may be silent or answer nonsense."""

    service: SignInService
    asked: int = 0
    silent: bool = False
    status: int = 200
    extra: dict[str, str] = field(default_factory=dict)

    def send(self, request: PeerRequest) -> PeerResponse:
        self.asked += 1
        assert (request.method, request.url, request.body) == ("GET", URL, b"")
        if self.silent:
            raise TransportError("nobody there")
        body = json.dumps(self.service.jwks(**self.extra)).encode()
        return PeerResponse(status=self.status, content_type="application/jwk-set+json", headers={}, body=body)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def wire(clock: SetClock) -> Wire:
    return Wire(service=SignInService(clock=clock))


@pytest.fixture
def fetched(wire: Wire) -> FetchedKeys:
    return FetchedKeys(transport=wire, url=URL, algorithm=Alg.RS256)


def test_what_was_fetched_serves_for_an_hour(clock: SetClock, wire: Wire, fetched: FetchedKeys) -> None:
    for _ in range(5):
        assert fetched.keys(KID, now=clock.now()).kids == {KID}
        clock.forward(seconds=600)
    assert wire.asked == 1
    clock.forward(seconds=1200)
    fetched.keys(KID, now=clock.now())
    assert wire.asked == 2


def test_a_new_key_is_learnt_when_it_is_first_seen(clock: SetClock, wire: Wire, fetched: FetchedKeys) -> None:
    fetched.keys(KID, now=clock.now())
    wire.extra = {"kid": "new"}
    clock.forward(seconds=61)
    assert fetched.keys("new", now=clock.now()).kids == {"new"}


@pytest.mark.holds("A35")
def test_unknown_keys_ask_once_a_minute(clock: SetClock, wire: Wire, fetched: FetchedKeys) -> None:
    for number in range(120):
        fetched.keys(f"unknown-{number}", now=clock.now())
        clock.forward(seconds=1)
    assert wire.asked == 2


def test_a_silent_provider_is_gone_on_without_for_a_day(clock: SetClock, wire: Wire, fetched: FetchedKeys) -> None:
    fetched.keys(KID, now=clock.now())
    wire.silent = True
    for _ in range(23):
        clock.forward(seconds=3600)
        assert fetched.keys(KID, now=clock.now()).kids == {KID}
    clock.forward(seconds=3601)
    with pytest.raises(NodeBusy):
        fetched.keys(KID, now=clock.now())


@pytest.mark.parametrize(
    "fault", [{"silent": True}, {"status": 404}, {"extra": {"d": "AQAB"}}, {"extra": {"use": "enc"}}]
)
def test_without_keys_nothing_is_verified_and_the_provider_is_left_alone(
    clock: SetClock, wire: Wire, fetched: FetchedKeys, fault: dict[str, object]
) -> None:
    for name, value in fault.items():
        setattr(wire, name, value)
    for _ in range(3):
        with pytest.raises(NodeBusy):
            fetched.keys(KID, now=clock.now())
    assert wire.asked == 1


def test_a_clock_that_was_put_back_does_not_keep_old_keys_alive(
    clock: SetClock, wire: Wire, fetched: FetchedKeys
) -> None:
    fetched.keys(KID, now=clock.now())
    wire.silent = True
    with pytest.raises(NodeBusy):
        fetched.keys(KID, now=clock.now() - timedelta(days=2))
