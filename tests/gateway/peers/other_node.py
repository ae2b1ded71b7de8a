"""The other end of the messages that a test sends: a node that checks each request and answers as it is told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import sleep
from urllib.parse import parse_qsl

from gateway.keys.vault import FileKeyVault
from gateway.peers.client import HttpPeerClient
from gateway.peers.token_client import TokenRequester
from gateway.peers.transport import HttpTransport
from gateway.telemetry.events import OutboundMessageEvent
from tests.simulator.clocks import SetClock
from tests.support.hostile import HostileServer, Visit, answer
from trust import strict_json
from trust.identifiers import AgreementId, EntityId, KindName, PurposeCode
from trust.keys import KeySet, KeyUse
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


@dataclass
class Node:
    """The other node: checks each request as a real one would, and answers as the test says."""

    vault: FileKeyVault
    message_answers: list[bytes] = field(default_factory=list)
    token_answers: list[bytes] = field(default_factory=list)
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
        if self.token_answers:
            return self.token_answers.pop(0)
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
    sent: list[OutboundMessageEvent]


@contextmanager
def talking(start: Start, node: Node) -> Iterator[Setting]:
    server, transport = start(node)
    sent: list[OutboundMessageEvent] = []
    requester = TokenRequester(own=OWN, vault=node.vault, transport=transport, clock=SetClock(NOW))
    client = HttpPeerClient(requester, observe=sent.append)
    yield Setting(node=node, client=client, server=server, sent=sent)
    assert node.faults == []
