"""Messages to another node: tokens, proofs, and what is tried again."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from gateway.keys.vault import FileKeyVault
from gateway.peers.errors import DeadlineExceeded
from gateway.peers.token_client import InvalidTokenResponse
from gateway.ports import PeerRefused, TransportError
from tests.gateway.peers.other_node import DETAIL, PEER, PROBLEM, TRACE, Node, Start, granted, talking
from tests.simulator.clocks import MonotonicClock
from tests.support.hostile import Visit, answer
from trust.federation.chain import TrustedEntity
from trust.identifiers import PurposeCode
from trust.oauth import authorization_details


def test_a_message_is_sent_with_a_token_and_proofs_of_its_own(
    start: Start, vault: FileKeyVault, peer: TrustedEntity
) -> None:
    with talking(start, Node(vault)) as it:
        assert it.client.send_message(peer, b"one", detail=DETAIL, timeout_s=5, trace=TRACE) == b"reply to token-1"
        assert it.client.send_message(peer, b"two", detail=DETAIL, timeout_s=5, trace=TRACE) == b"reply to token-1"
        assert it.node.messages == [b"one", b"two"]
        assert it.node.assertions == 1
        assert it.server.connections == 1
        assert [(each.peer, each.outcome) for each in it.sent] == [(PEER, "answered")] * 2


def test_a_peer_is_told_a_trace_of_its_own_and_no_two_messages_share_one(
    start: Start, vault: FileKeyVault, peer: TrustedEntity
) -> None:
    refusal = answer(PROBLEM, status="401 No", content_type="application/problem+json")
    with talking(start, Node(vault, message_answers=[refusal])) as it:
        it.client.send_message(peer, b"one", detail=DETAIL, timeout_s=5, trace=TRACE)
        it.client.send_message(peer, b"two", detail=DETAIL, timeout_s=5, trace=TRACE)
        assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", told) for told in it.node.traces)
        assert not [told for told in it.node.traces if TRACE in told]
        first, again, second = (told.split("-")[1] for told in it.node.traces)
        assert first == again != second  # two attempts at one message, and another message
        assert [(sent.trace, sent.peer_trace) for sent in it.sent] == [(TRACE, first), (TRACE, second)]


def test_another_permission_needs_another_token(start: Start, vault: FileKeyVault, peer: TrustedEntity) -> None:
    with talking(start, Node(vault)) as it:
        it.client.send_message(peer, b"one", detail=DETAIL, timeout_s=5, trace=TRACE)
        other = replace(DETAIL, purpose=PurposeCode("safeguarding"))
        assert it.client.send_message(peer, b"two", detail=other, timeout_s=5, trace=TRACE) == b"reply to token-2"


def test_a_token_is_not_used_in_its_last_thirty_seconds(
    start: Start, vault: FileKeyVault, peer: TrustedEntity, monotonic_clock: MonotonicClock
) -> None:
    with talking(start, Node(vault)) as it:
        it.client.send_message(peer, b"one", detail=DETAIL, timeout_s=5, trace=TRACE)
        monotonic_clock.forward(269)
        assert it.client.send_message(peer, b"two", detail=DETAIL, timeout_s=5, trace=TRACE) == b"reply to token-1"
        monotonic_clock.forward(2)
        assert it.client.send_message(peer, b"two", detail=DETAIL, timeout_s=5, trace=TRACE) == b"reply to token-2"


def test_many_messages_at_once_ask_for_one_token(start: Start, vault: FileKeyVault, peer: TrustedEntity) -> None:
    with talking(start, Node(vault, token_delay_s=0.2)) as it, ThreadPoolExecutor(8) as threads:
        kept: dict[str, Any] = {"detail": DETAIL, "timeout_s": 5, "trace": TRACE}
        sent = [threads.submit(it.client.send_message, peer, b"x", **kept) for _ in range(8)]
        assert {each.result() for each in sent} == {b"reply to token-1"}
        assert it.node.assertions == 1


def test_a_refused_token_is_renewed_once_for_the_same_bytes(
    start: Start, vault: FileKeyVault, peer: TrustedEntity
) -> None:
    refusal = answer(PROBLEM, status="401 No", content_type="application/problem+json")
    with talking(start, Node(vault, message_answers=[refusal])) as it:
        assert it.client.send_message(peer, b"same", detail=DETAIL, timeout_s=5, trace=TRACE) == b"reply to token-2"
        assert it.node.messages == [b"same", b"same"]
    with talking(start, Node(vault, message_answers=[refusal, refusal, refusal])) as it:
        with pytest.raises(PeerRefused):
            it.client.send_message(peer, b"same", detail=DETAIL, timeout_s=5, trace=TRACE)
        assert len(it.node.messages) == 2


def test_a_lost_connection_is_tried_again_with_a_new_proof(
    start: Start, vault: FileKeyVault, peer: TrustedEntity
) -> None:
    class Dropping(Node):
        dropped = False

        def _message(self, visit: Visit) -> bytes:
            said = super()._message(visit)
            if not self.dropped:
                self.dropped = True
                visit.sock.close()
            return said

    with talking(start, Dropping(vault)) as it:
        assert it.client.send_message(peer, b"same", detail=DETAIL, timeout_s=5, trace=TRACE) == b"reply to token-1"
        assert it.node.messages == [b"same", b"same"]
        assert it.node.faults == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (answer(PROBLEM, status="413 No", content_type="application/problem+json"), "too-large"),
        (
            answer(b'{"type":"https://a.example/p/busy"}', status="503 x", content_type="application/problem+json"),
            "busy",
        ),
        (answer(b'{"code":"a\\u001b[31m b"}', status="400 x", content_type="application/problem+json"), "unknown"),
        (answer(b'{"code":"' + b"a" * 65 + b'"}', status="400 x", content_type="application/problem+json"), "unknown"),
        (answer(b"[1]", status="400 x", content_type="application/problem+json"), "unknown"),
        (answer(b"<html>", status="502 x", content_type="text/html"), "unknown"),
    ],
)
def test_a_refusal_carries_a_plain_code_and_nothing_else(
    start: Start, vault: FileKeyVault, peer: TrustedEntity, said: bytes, code: str
) -> None:
    with talking(start, Node(vault, message_answers=[said])) as it:
        with pytest.raises(PeerRefused) as raised:
            it.client.send_message(peer, b"x", detail=DETAIL, timeout_s=5, trace=TRACE)
        assert raised.value.code == code
        assert "private" not in str(raised.value)
        assert [(each.peer, each.outcome) for each in it.sent] == [(PEER, "refused")]


def test_a_refusal_at_the_token_endpoint_is_a_refusal(start: Start, vault: FileKeyVault, peer: TrustedEntity) -> None:
    said = answer(b'{"error":"invalid_authorization_details"}', status="400 x", content_type="application/json")
    with talking(start, Node(vault, token_answer=said)) as it:
        with pytest.raises(PeerRefused, match="invalid_authorization_details"):
            it.client.send_message(peer, b"x", detail=DETAIL, timeout_s=5, trace=TRACE)
        assert it.node.messages == []


@pytest.mark.parametrize(
    "changed",
    [
        {"token_type": "Bearer"},
        {"access_token": "a b"},
        {"access_token": "a\r\nX: y"},
        {"access_token": ""},
        {"expires_in": 0},
        {"expires_in": "300"},
        {"authorization_details": []},
        {"authorization_details": authorization_details.to_json([replace(DETAIL, purpose=PurposeCode("other"))])},
    ],
)
def test_a_token_response_outside_the_profile_is_refused(
    start: Start, vault: FileKeyVault, peer: TrustedEntity, changed: dict[str, object]
) -> None:
    with talking(start, Node(vault, token_answer=granted((DETAIL,), "t", **changed))) as it:
        with pytest.raises(InvalidTokenResponse):
            it.client.send_message(peer, b"x", detail=DETAIL, timeout_s=5, trace=TRACE)
        assert it.node.messages == []


def test_a_ten_year_token_is_kept_for_minutes(
    start: Start, vault: FileKeyVault, peer: TrustedEntity, monotonic_clock: MonotonicClock
) -> None:
    with talking(start, Node(vault, token_answer=granted((DETAIL,), "t", expires_in=300_000_000))) as it:
        it.client.send_message(peer, b"x", detail=DETAIL, timeout_s=5, trace=TRACE)
        monotonic_clock.forward(280)
        it.client.send_message(peer, b"x", detail=DETAIL, timeout_s=5, trace=TRACE)
        assert it.node.assertions == 2


def test_everything_together_stays_within_the_time(start: Start, vault: FileKeyVault, peer: TrustedEntity) -> None:
    with talking(start, Node(vault, token_delay_s=1.0)) as it:
        with pytest.raises(DeadlineExceeded):
            it.client.send_message(peer, b"x", detail=DETAIL, timeout_s=0.3, trace=TRACE)
        assert [(each.peer, each.outcome) for each in it.sent] == [(PEER, "failed")]


def test_a_member_that_is_no_node_is_not_written_to(start: Start, vault: FileKeyVault, peer: TrustedEntity) -> None:
    with talking(start, Node(vault)) as it:
        with pytest.raises(TransportError, match="message endpoint"):
            it.client.send_message(replace(peer, node=None), b"x", detail=DETAIL, timeout_s=1, trace=TRACE)
        assert it.server.connections == 0
