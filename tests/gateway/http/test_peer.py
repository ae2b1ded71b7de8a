"""The peer face passes exact bytes on, from an authenticated sender, and only one kind of them."""

import pytest

from tests.simulator.callers import Caller
from tests.simulator.faces import MESSAGES_URL, Node
from trust.errors import BadSignature, Expired, MalformedJson, TrustError, WrongAudience


def test_the_bytes_arrive_as_sent_and_the_answer_leaves_as_made(node: Node, peer: Caller) -> None:
    node.answer = b"\x00any\xffbytes"
    sent = b"header.payload.signature"
    answer = peer.send(peer.peer_token(), data=sent)
    assert [raw for raw, _ in node.handled] == [sent]
    assert answer.data == b"\x00any\xffbytes"
    assert answer.content_type == "application/jwt"


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/jwt; charset=utf-8", ""])
def test_only_the_one_content_type_is_taken(node: Node, peer: Caller, content_type: str) -> None:
    answer = peer.send(peer.peer_token(), content_type=content_type)
    assert answer.status_code == 415
    assert answer.get_json()["code"] == "unsupported-media-type"
    assert node.handled == []


@pytest.mark.holds("A27")
def test_a_message_over_its_cap_is_refused(node: Node, peer: Caller) -> None:
    assert peer.send(peer.peer_token(), data=b"x" * 65_536).status_code == 200
    assert peer.send(peer.peer_token(), data=b"x" * 65_537).status_code == 413
    assert len(node.handled) == 1


def test_a_query_string_is_refused(peer: Caller) -> None:
    token = peer.peer_token()
    headers = {"Authorization": f"DPoP {token.decode()}", "DPoP": peer.proof(MESSAGES_URL, token=token)}
    answer = peer.http.post("/exchange/v1/messages?a=b", data=b"x", content_type="application/jwt", headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("refused", "status", "code"),
    [
        (MalformedJson("Not JSON."), 400, "message-malformed"),
        (BadSignature("The signature is not that key's."), 400, "message-not-verified"),
        (Expired("It has expired."), 400, "message-untimely"),
        (WrongAudience("It is for another node."), 400, "message-misaddressed"),
    ],
)
def test_a_message_that_cannot_be_opened_is_answered_with_a_problem(
    node: Node, peer: Caller, refused: TrustError, status: int, code: str
) -> None:
    node.raises = refused
    answer = peer.send(peer.peer_token())
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["code"] == code
    assert answer.get_json()["detail"] == refused.detail
