"""A peer that has no room is asked again when it says, where the sender's time lasts until then."""

import pytest

from gateway.keys.vault import FileKeyVault
from gateway.ports import PeerRefused
from tests.gateway.peers.other_node import DETAIL, PROBLEM, TRACE, Node, Start, talking
from tests.simulator.clocks import MonotonicClock
from tests.support.hostile import answer
from trust.federation.chain import TrustedEntity


def no_room(retry_after: str) -> bytes:
    refusal = answer(PROBLEM, status="503 No", content_type="application/problem+json")
    return refusal.replace(b"\r\n", f"\r\nRetry-After: {retry_after}\r\n".encode(), 1)


def test_a_peer_without_room_is_asked_again_with_the_same_bytes_when_it_says(
    start: Start, vault: FileKeyVault, peer: TrustedEntity, monotonic_clock: MonotonicClock
) -> None:
    with talking(start, Node(vault, message_answers=[no_room("1"), no_room("0")])) as it:
        assert it.client.send_message(peer, b"one", detail=DETAIL, timeout_s=9, trace=TRACE) == b"reply to token-1"
        assert monotonic_clock.ahead_s >= 2  # and no peer can have it asked without a pause
        assert it.node.messages == [b"one"] * 3
        assert [each.outcome for each in it.sent] == ["answered"]


def test_a_token_endpoint_without_room_is_asked_again_with_a_new_assertion(
    start: Start, vault: FileKeyVault, peer: TrustedEntity, monotonic_clock: MonotonicClock
) -> None:
    with talking(start, Node(vault, token_answers=[no_room("1")])) as it:
        assert it.client.send_message(peer, b"one", detail=DETAIL, timeout_s=9, trace=TRACE) == b"reply to token-2"
        assert it.node.assertions == 2
        assert monotonic_clock.ahead_s >= 1
        assert it.node.messages == [b"one"]


@pytest.mark.parametrize("retry_after", ["5", "60", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e9", "99999", "soon", ""])
def test_a_peer_that_has_no_room_in_time_has_refused_at_once(
    start: Start, vault: FileKeyVault, peer: TrustedEntity, monotonic_clock: MonotonicClock, retry_after: str
) -> None:
    with talking(start, Node(vault, message_answers=[no_room(retry_after)])) as it:
        with pytest.raises(PeerRefused) as refused:
            it.client.send_message(peer, b"one", detail=DETAIL, timeout_s=4, trace=TRACE)
        assert refused.value.status == 503
        assert monotonic_clock.ahead_s == 0
        assert it.node.messages == [b"one"]
