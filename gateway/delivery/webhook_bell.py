"""The on-call channel by webhook: a POST signed as RFC 9421 says, with the node's message key.

The receiver verifies it with the key of that ``keyid`` in the node's published ``message_jwks``. The signature covers
the method, the authority, the path, the content type and the digest of the body (RFC 9530).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe

from http_message_signatures import HTTPMessageSigner, algorithms

from adapters.contract import Deadline, HttpCaller, SourceUnavailable
from gateway.delivery.on_call import BellFailed, BellStep, headline, sentence
from trust.federation.opening_hours import Fallback
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import Alg, Signer

TAG = "hearthgate-on-call"
COVERED = ("@method", "@authority", "@path", "content-type", "content-digest")
LIFE = timedelta(minutes=5)
TIMEOUT_S = 5.0
MAX_ANSWER = 65_536
_ALGORITHMS = {Alg.ES256: algorithms.ECDSA_P256_SHA256, Alg.ED25519: algorithms.ED25519}
_OK = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """The request, as the library of signatures reads it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSender:
    """The node and the service that a ring is from, and the person that the last ring names."""

    own: EntityId
    service: ServiceSlug
    fallback: Fallback


class WebhookBell:
    """Ring by a signed POST to a fixed address."""

    channel = "webhook"

    def __init__(self, *, url: str, sender: WebhookSender, http: HttpCaller, signer: Callable[[], Signer]) -> None:
        self._url = url
        self._sender = sender
        self._http = http
        self._signer = signer

    def ring(self, reference: str, step: BellStep, now: datetime) -> None:
        """Post the ring. Raises :class:`BellFailed` where it was not taken with a 2xx status."""
        body = self._body(reference, step, now)
        headers = sign_request(self._url, body, self._signer(), now)
        try:
            answer = self._http.post(
                self._url, headers=headers, body=body, max_bytes=MAX_ANSWER, deadline=Deadline.after(TIMEOUT_S)
            )
        except SourceUnavailable as failed:
            raise BellFailed(f"the webhook did not take it: {failed.detail}") from failed
        if answer.status not in _OK:
            raise BellFailed(f"the webhook answered {answer.status}")

    def _body(self, reference: str, step: BellStep, now: datetime) -> bytes:
        ring = {
            "from": self._sender.own,
            "service": self._sender.service,
            "step": step,
            "reference": reference or None,
            "at": int(now.timestamp()),
            "title": headline(reference, step),
            "text": sentence(step, self._sender.fallback),
        }
        return json.dumps(ring, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def sign_request(url: str, body: bytes, signer: Signer, now: datetime) -> dict[str, str]:
    """Return the headers of a signed POST. Raises :class:`BellFailed` for a key that RFC 9421 has no name for."""
    algorithm = _ALGORITHMS.get(signer.alg)
    if algorithm is None:
        raise BellFailed(f"the node's message key is for {signer.alg}, which has no algorithm in RFC 9421; rotate it")
    request = _Request(method="POST", url=url, headers={"content-type": "application/json"})
    library = HTTPMessageSigner(signature_algorithm=algorithm)
    prepared = library.prepare(
        request,
        key_id=signer.kid,
        created=now,
        expires=now + LIFE,
        nonce=token_urlsafe(16),
        label="sig1",
        tag=TAG,
        covered_component_ids=COVERED,
        body=body,
    )
    library.apply(request, prepared, signature=signer.sign(prepared.signature_base))
    return request.headers
