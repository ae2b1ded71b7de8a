"""Send a signed message to another node and bring back its signed answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_urlsafe
from time import monotonic

from gateway.peers.errors import ConnectionLost, remaining
from gateway.peers.refusals import read_refusal
from gateway.peers.retry_after import send_with_retry_after
from gateway.peers.token_client import CachedToken, Grant, TokenCache, TokenRequester
from gateway.ports import Clock, PeerRefused, PeerRequest, PeerResponse, Transport, TransportError
from gateway.telemetry import trace_context
from gateway.telemetry.events import OutboundMessageEvent
from trust.exchange.batch import MAX_ANSWERS, BatchRefusal, build_batch, read_answers
from trust.federation.chain import TrustedEntity
from trust.keys import KeyUse
from trust.oauth import dpop_proof
from trust.oauth.authorization_details import AuthorizationDetail

MESSAGE_TYPE = "application/jwt"
MAX_REPLY = 65_536
_OK = 200
_UNAUTHORIZED = 401

Observe = Callable[[OutboundMessageEvent], None]
"""Note one message that was sent."""


JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """The bytes for one endpoint, and the trace in which every attempt to send them is made."""

    raw: bytes
    endpoint: str
    content_type: str
    max_answer: int
    trace: str = field(default_factory=trace_context.new_trace)


class HttpPeerClient:
    """The :class:`gateway.ports.PeerClient` of a running node.

    Every attempt carries a proof of its own; the message's bytes never change, so the peer recognises a message that it
    has already answered. ``observe`` hears of every message.
    """

    def __init__(self, requester: TokenRequester, *, observe: Observe) -> None:
        self._transport: Transport = requester.transport
        self._clock: Clock = requester.clock
        self._observe = observe
        self._tokens = TokenCache(
            lambda grant, deadline: requester.request(grant, deadline=deadline),
            bound_to=lambda: requester.vault.signer(KeyUse.DPOP).kid,
        )

    def send_message(
        self, peer: TrustedEntity, raw: bytes, *, detail: AuthorizationDetail, timeout_s: float, trace: str
    ) -> bytes:
        """Obtain or reuse a token for ``detail``, post the signed message and return the signed answer's bytes.

        A lost kept connection and a refused token are each tried once more, and a peer that says when it will have room
        again is asked again then, all within ``timeout_s``. The peer is told a new trace, which stands beside ``trace``
        in our log and in no other place. Raises :class:`TransportError`, :class:`PeerRefused`.
        """
        endpoint = None if peer.node is None else peer.node.message_endpoint
        body = _Body(raw=raw, endpoint=_published(peer, endpoint), content_type=MESSAGE_TYPE, max_answer=MAX_REPLY)
        return self._exchange(peer, body, detail=detail, timeout_s=timeout_s, trace=trace)

    def send_batch(
        self, peer: TrustedEntity, messages: Sequence[bytes], *, detail: AuthorizationDetail, timeout_s: float
    ) -> Sequence[bytes | BatchRefusal]:
        """Send several signed messages in one request, as :meth:`send_message` does, and return an answer to each.

        Raises :class:`TransportError`, :class:`PeerRefused`, and ``TrustError`` for an answer that is none to these.
        """
        endpoint = None if peer.node is None else peer.node.batch_endpoint
        raw = build_batch(messages)
        body = _Body(raw=raw, endpoint=_published(peer, endpoint), content_type=JSON, max_answer=MAX_ANSWERS)
        answer = self._exchange(peer, body, detail=detail, timeout_s=timeout_s, trace=trace_context.new_trace())
        return read_answers(answer, expected=len(messages))

    def _exchange(
        self, peer: TrustedEntity, body: _Body, *, detail: AuthorizationDetail, timeout_s: float, trace: str
    ) -> bytes:
        began, outcome = monotonic(), "failed"
        try:
            deadline = began + timeout_s
            answer = send_with_retry_after(lambda: self._send(peer, body, detail, deadline), deadline)
            if answer.status != _OK:
                outcome = "refused"
                raise read_refusal(answer)
            outcome = "answered"
        except PeerRefused:
            outcome = "refused"
            raise
        finally:
            self._observe(
                OutboundMessageEvent(
                    peer=peer.entity_id,
                    outcome=outcome,
                    seconds=monotonic() - began,
                    trace=trace,
                    peer_trace=body.trace,
                )
            )
        return answer.body

    def _send(self, peer: TrustedEntity, body: _Body, detail: AuthorizationDetail, deadline: float) -> PeerResponse:
        if peer.authorization_server is None:
            raise TransportError(f"{peer.entity_id} does not publish a token endpoint")
        grant = Grant(server=peer.authorization_server, detail=detail)
        token = self._tokens.token(grant, deadline=deadline)
        answer = self._post_again_if_lost(body, token, deadline)
        if answer.status == _UNAUTHORIZED:
            self._tokens.forget(grant, token)
            token = self._tokens.token(grant, deadline=deadline)
            answer = self._post_again_if_lost(body, token, deadline)
        return answer

    def _post_again_if_lost(self, body: _Body, token: CachedToken, deadline: float) -> PeerResponse:
        try:
            return self._post(body, token, deadline)
        except ConnectionLost:
            return self._post(body, token, deadline)

    def _post(self, body: _Body, token: CachedToken, deadline: float) -> PeerResponse:
        proof = dpop_proof.build(
            signer=token.dpop,
            method="POST",
            url=body.endpoint,
            now=self._clock.now(),
            jti=token_urlsafe(16),
            access_token=token.raw,
        )
        return self._transport.send(
            PeerRequest(
                method="POST",
                url=body.endpoint,
                headers={
                    "Authorization": f"DPoP {token.raw.decode('ascii')}",
                    "Content-Type": body.content_type,
                    "DPoP": proof.decode("ascii"),
                    trace_context.HEADER: trace_context.build_traceparent(body.trace),
                },
                body=body.raw,
                accept=body.content_type,
                max_bytes=body.max_answer,
                timeout_s=remaining(deadline),
            )
        )


def _published(peer: TrustedEntity, endpoint: str | None) -> str:
    if endpoint is None:
        raise TransportError(f"{peer.entity_id} publishes no message endpoint that takes this")
    return endpoint
