"""Messages to another node: tokens, proofs, and what is tried again."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qsl

import pytest

from gateway.keys.files import create_keys
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.observed import SentMessage
from gateway.peers import tokens
from gateway.peers.client import HttpPeerClient
from gateway.peers.errors import OverTime
from gateway.peers.tokens import TokenNonsense, TokenRequester
from gateway.peers.transport import HttpTransport
from gateway.ports import PeerRefused, TransportError
from tests.support.hostile import HostileServer, Visit, answer
from trust import strict_json
from trust.federation.chain import TrustedEntity
from trust.federation.node_metadata import NodeMetadata
from trust.federation.party_metadata import AuthorizationServer
from trust.identifiers import AgreementId, EntityId, KindName, PurposeCode
from trust.keys import Alg, KeySet, KeyUse, LocalSigner
from trust.oauth import authorization_details, client_assertion, dpop_proof
from trust.oauth.authorization_details import AuthorizationDetail

OWN = EntityId("https://police.example")
PEER = EntityId("https://council.example")
TOKEN_ENDPOINT = PEER + "/oauth/v1/token"
MESSAGE_ENDPOINT = PEER + "/exchange/v1/messages"
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
DETAIL = AuthorizationDetail(
    agreement_id=AgreementId("connecting"),
    agreement_version=1,
    agreement_digest="A" * 43,
    purpose=PurposeCode("support"),
    kinds=frozenset({KindName("involvement.query")}),
)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PROBLEM = b'{"type":"https://hearthgate.example/problems/too-large","code":"too-large","title":"private"}'

Start = Callable[..., tuple[HostileServer, HttpTransport]]


class FixedClock:
    def now(self) -> datetime:
        return NOW


def keys(use: KeyUse) -> KeySet:
    return KeySet.of(use, [LocalSigner.generate(use).public])


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> FileKeyVault:
    folder = tmp_path_factory.mktemp("vault") / "keys"
    create_keys(folder)
    return open_vault(folder)


@pytest.fixture(scope="module")
def peer() -> TrustedEntity:
    return TrustedEntity(
        entity_id=PEER,
        anchor=EntityId("https://anchor.example"),
        federation_keys=keys(KeyUse.FEDERATION),
        metadata={},
        node=NodeMetadata(
            name="Council",
            message_keys=keys(KeyUse.MESSAGE),
            evidence_key=LocalSigner.generate(KeyUse.EVIDENCE, Alg.ED25519).public,
            message_endpoint=MESSAGE_ENDPOINT,
            receipt_endpoint=PEER + "/exchange/v1/receipts",
            services=(),
            kinds_supported={},
        ),
        oauth_client_keys=None,
        authorization_server=AuthorizationServer(issuer=PEER, token_endpoint=TOKEN_ENDPOINT, keys=keys(KeyUse.OAUTH)),
        refreshed_at=NOW,
        expires_at=NOW,
    )


@dataclass
class Node:
    """The other node: checks each request as a real one would, and answers as the test says."""

    vault: FileKeyVault
    message_answers: list[bytes] = field(default_factory=list)
    token_answer: bytes | None = None
    token_delay_s: float = 0.0
    jtis: set[str] = field(default_factory=set)
    assertions: int = 0
    messages: list[bytes] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __call__(self, visit: Visit) -> None:
        try:
            visit.say(self._token(visit) if visit.head.startswith(b"POST /oauth/") else self._message(visit))
        except OSError:
            raise  # the connection was closed, on purpose
        except Exception as wrong:  # noqa: BLE001 - it is reported by the test
            self.faults.append(repr(wrong))
            visit.say(answer(b"{}", status="500 No", content_type="application/json"))

    def _token(self, visit: Visit) -> bytes:
        headers, form = _headers(visit), dict(parse_qsl(visit.body.decode(), strict_parsing=True))
        assert set(form) == {"grant_type", "client_assertion_type", "client_assertion", "authorization_details"}
        assert headers["content-type"] == "application/x-www-form-urlencoded"
        self.assertions += 1
        verified = client_assertion.verify(
            form["client_assertion"].encode(),
            client_id=OWN,
            issuer=PEER,
            keys=KeySet.of(KeyUse.OAUTH, [self.vault.signer(KeyUse.OAUTH).public]),
            now=NOW,
        )
        self._once(verified.jti)
        self._proof(headers, TOKEN_ENDPOINT, None)
        details = authorization_details.parse(
            strict_json.loads_any(form["authorization_details"].encode(), max_bytes=9000)
        )
        sleep(self.token_delay_s)
        return self.token_answer or granted(details, f"token-{self.assertions}")

    def _message(self, visit: Visit) -> bytes:
        headers = _headers(visit)
        scheme, _, token = headers["authorization"].partition(" ")
        assert scheme == "DPoP"
        assert headers["content-type"] == "application/jwt"
        self._proof(headers, MESSAGE_ENDPOINT, token.encode())
        self.messages.append(visit.body)
        self.traces.append(headers["traceparent"])
        return self.message_answers.pop(0) if self.message_answers else answer(b"reply to " + token.encode())

    def _proof(self, headers: dict[str, str], url: str, token: bytes | None) -> None:
        proof = dpop_proof.verify(headers["dpop"].encode(), method="POST", url=url, now=NOW, access_token=token)
        assert proof.jkt == self.vault.signer(KeyUse.DPOP).kid
        self._once(proof.jti)

    def _once(self, jti: str) -> None:
        assert jti not in self.jtis
        self.jtis.add(jti)


def granted(details: tuple[AuthorizationDetail, ...], token: str, **changed: object) -> bytes:
    body = {
        "access_token": token,
        "token_type": "DPoP",
        "expires_in": 300,
        "authorization_details": authorization_details.to_json(details),
    } | changed
    return answer(strict_json.dumps(body), content_type="application/json")


def _headers(visit: Visit) -> dict[str, str]:
    lines = visit.head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


@dataclass
class Setting:
    node: Node
    client: HttpPeerClient
    server: HostileServer
    sent: list[SentMessage]


@contextmanager
def talking(start: Start, node: Node) -> Iterator[Setting]:
    server, transport = start(node)
    sent: list[SentMessage] = []
    requester = TokenRequester(own=OWN, vault=node.vault, transport=transport, clock=FixedClock())
    client = HttpPeerClient(requester, observe=sent.append)
    yield Setting(node=node, client=client, server=server, sent=sent)
    assert node.faults == []


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
    start: Start, vault: FileKeyVault, peer: TrustedEntity, monkeypatch: pytest.MonkeyPatch
) -> None:
    with talking(start, Node(vault)) as it:
        it.client.send_message(peer, b"one", detail=DETAIL, timeout_s=5, trace=TRACE)
        monkeypatch.setattr(tokens, "monotonic", lambda: monotonic() + 269)
        assert it.client.send_message(peer, b"two", detail=DETAIL, timeout_s=5, trace=TRACE) == b"reply to token-1"
        monkeypatch.setattr(tokens, "monotonic", lambda: monotonic() + 271)
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
        with pytest.raises(TokenNonsense):
            it.client.send_message(peer, b"x", detail=DETAIL, timeout_s=5, trace=TRACE)
        assert it.node.messages == []


def test_a_ten_year_token_is_kept_for_minutes(
    start: Start, vault: FileKeyVault, peer: TrustedEntity, monkeypatch: pytest.MonkeyPatch
) -> None:
    with talking(start, Node(vault, token_answer=granted((DETAIL,), "t", expires_in=300_000_000))) as it:
        it.client.send_message(peer, b"x", detail=DETAIL, timeout_s=5, trace=TRACE)
        monkeypatch.setattr(tokens, "monotonic", lambda: monotonic() + 280)
        it.client.send_message(peer, b"x", detail=DETAIL, timeout_s=5, trace=TRACE)
        assert it.node.assertions == 2


def test_everything_together_stays_within_the_time(start: Start, vault: FileKeyVault, peer: TrustedEntity) -> None:
    with talking(start, Node(vault, token_delay_s=1.0)) as it:
        began = monotonic()
        with pytest.raises(OverTime):
            it.client.send_message(peer, b"x", detail=DETAIL, timeout_s=0.3, trace=TRACE)
        assert monotonic() - began < 0.9
        assert [(each.peer, each.outcome) for each in it.sent] == [(PEER, "failed")]


def test_a_member_that_is_no_node_is_not_written_to(start: Start, vault: FileKeyVault, peer: TrustedEntity) -> None:
    with talking(start, Node(vault)) as it:
        with pytest.raises(TransportError, match="message endpoint"):
            it.client.send_message(replace(peer, node=None), b"x", detail=DETAIL, timeout_s=1, trace=TRACE)
        assert it.server.connections == 0
