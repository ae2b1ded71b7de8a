"""A member of the federation that writes its messages by hand: a real peer, or an impostor."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from secrets import token_urlsafe
from time import monotonic
from typing import Any

from gateway.agreements.registry import detail_for
from gateway.federation.entity_configuration import BATCHES_PATH
from gateway.peers.token_client import Grant, TokenRequester
from gateway.ports import PeerRequest, PeerResponse
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL, PURPOSE, SUBJECT, TRUST
from trust.base64url import decode
from trust.exchange.batch import MAX_ANSWERS
from trust.exchange.message import AgreementRef, Message, PseudonymousPractitioner, build_message
from trust.exchange.person import parse_subject
from trust.identifiers import ClauseId, EntityId, KindName, PurposeCode, RoleCode, ServiceSlug
from trust.keys import KeyUse, LocalSigner, Signer
from trust.oauth import dpop_proof
from trust.strict_json import JsonObject, loads

MESSAGES = "/exchange/v1/messages"


INVOLVEMENT = KindName("involvement.query")


@dataclass(slots=True, kw_only=True)
class PeerHand:
    """A party with a node's own keys that asks another node. ``agreement`` is the one that it claims."""

    network: Network
    agreement: AgreementRef
    own: EntityId = COUNCIL
    target: EntityId = TRUST
    to_service: str = "mental-health"
    clause: str = "who-else-sensitive"
    kind: KindName = INVOLVEMENT
    _tokens: dict[Any, bytes] = field(default_factory=dict)

    def message(self, **changes: Any) -> Message:
        """Return a good message, with some members changed."""
        issued = int(self.network.clock.now().timestamp())
        good = Message(
            iss=self.own,
            aud=self.target,
            iat=issued,
            exp=issued + 300,
            jti=token_urlsafe(16),
            kind=INVOLVEMENT,
            version=1,
            agreement=self.agreement,
            clause=ClauseId(self.clause),
            purpose=PurposeCode(PURPOSE),
            basis=("6-1-e", "ca2004-s10"),
            from_service=ServiceSlug("connecting-families"),
            to_service=ServiceSlug(self.to_service),
            practitioner=PseudonymousPractitioner(
                sub="a-pseudonym", role=RoleCode("key-worker"), org_unit="north-team"
            ),
            subject=parse_subject(dict(SUBJECT), this_year=2026),
            body={},
        )
        return replace(good, **changes)

    def signed(self, message: Message | None = None, *, signer: Signer | None = None) -> bytes:
        """Sign a message, with the node's own message key unless another is given."""
        return build_message(message or self.message(), signer or self.signer(KeyUse.MESSAGE))

    def signer(self, use: KeyUse) -> Signer:
        """Return one of the node's own keys."""
        return self.network.nodes[self.own].vault.signer(use)

    def token(self) -> bytes:
        """Return an access token of the target's server for the agreement, asked for once."""
        key = (self.own, self.target, self.agreement)
        if key not in self._tokens:
            node = self.network.nodes[self.own]
            trusted = node.directory.resolve(self.target, now=self.network.clock.now())
            assert trusted.authorization_server is not None
            detail = detail_for(self.agreement, PurposeCode(PURPOSE), self.kind)
            requester = TokenRequester(
                own=self.own, vault=node.vault, transport=self.network.wire, clock=self.network.clock
            )
            grant = Grant(server=trusted.authorization_server, detail=detail)
            self._tokens[key] = requester.request(grant, deadline=monotonic() + 10).raw
        return self._tokens[key]

    def forget_tokens(self) -> None:
        """Ask for a new token next time."""
        self._tokens.clear()

    def proof(self, token: bytes, *, signer: Signer | None = None, path: str = MESSAGES) -> str:
        """Return a fresh proof for a message, or what else is posted, with this token."""
        made = dpop_proof.build(
            signer=signer or self.signer(KeyUse.DPOP),
            method="POST",
            url=self.target + path,
            now=self.network.clock.now(),
            jti=token_urlsafe(16),
            access_token=token,
        )
        return made.decode()

    def post(self, raw: bytes, *, token: bytes | None = None, headers: Mapping[str, str] | None = None) -> PeerResponse:
        """Post bytes as a message, with a good token and a fresh proof unless others are given."""
        token = token or self.token()
        return self.network.wire.deliver(
            PeerRequest(
                method="POST",
                url=self.target + MESSAGES,
                headers={
                    "Authorization": f"DPoP {token.decode()}",
                    "Content-Type": "application/jwt",
                    "DPoP": self.proof(token),
                    **(headers or {}),
                },
                body=raw,
                accept="application/jwt",
                max_bytes=65_536,
                timeout_s=10,
            )
        )

    def post_batch(
        self, body: bytes, *, headers: Mapping[str, str] | None = None, query: str = "", path: str = BATCHES_PATH
    ) -> PeerResponse:
        """Post bytes as a batch, with a good token and a fresh proof unless other headers are given."""
        token = self.token()
        return self.network.wire.deliver(
            PeerRequest(
                method="POST",
                url=self.target + BATCHES_PATH + query,
                headers={
                    "Authorization": f"DPoP {token.decode()}",
                    "Content-Type": "application/json",
                    "DPoP": self.proof(token, path=path),
                    **(headers or {}),
                },
                body=body,
                accept="application/json",
                max_bytes=MAX_ANSWERS,
                timeout_s=10,
            )
        )

    def ask(self, **changes: Any) -> JsonObject:
        """Send a message and return the body of the signed reply."""
        answer = self.post(self.signed(self.message(**changes)))
        assert answer.status == 200, answer.body
        return reply_body(answer)


def reply_body(answer: PeerResponse) -> JsonObject:
    """Return what a signed reply says, without verifying it."""
    body: JsonObject = reply_claims(answer)["body"]
    return body


def reply_claims(answer: PeerResponse) -> JsonObject:
    """Return a signed reply's claims, without verifying them."""
    return claims_in(answer.body)


def claims_in(token: bytes) -> JsonObject:
    """Return a signed token's claims, without verifying them."""
    return loads(decode(token.split(b".")[1], "payload"), max_bytes=65_536)


def new_key(use: KeyUse = KeyUse.MESSAGE) -> LocalSigner:
    """Return a key without a superior."""
    return LocalSigner.generate(use)
