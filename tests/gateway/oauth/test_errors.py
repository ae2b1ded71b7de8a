"""The token endpoints say no in the words of their standards."""

import pytest

from tests.gateway.oauth.requests import refused_as
from tests.simulator.callers import Caller
from tests.simulator.faces import CASE
from tests.simulator.town import COUNCIL


def test_no_client_authenticates_in_two_ways_at_once(peer: Caller) -> None:
    answer = peer.post_form(peer.full_form(), Authorization="Basic aG91c2luZzpndWVzcw==")
    refused_as(answer, "invalid_request", 400)
    refused_as(peer.ask_peer_token(client_secret="guess"), "invalid_request", 400)


@pytest.mark.parametrize("name", ["resource", "audience"])
def test_a_token_for_another_resource_is_not_issued(peer: Caller, system: Caller, name: str) -> None:
    peers, cases = COUNCIL + "/exchange/v1", CASE + "/case/v1"
    assert peer.ask_peer_token(**{name: peers}).status_code == 200
    assert system.post_form(system.form(**{name: cases})).status_code == 200
    for other in ("https://elsewhere.example/exchange/v1", COUNCIL, peers + "/", cases):
        refused_as(peer.ask_peer_token(**{name: other}), "invalid_target", 400)
    refused_as(system.post_form(system.form(**{name: peers})), "invalid_target", 400)
