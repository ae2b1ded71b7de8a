"""Access tokens from other nodes' servers: asked for once, kept until shortly before they expire.

Client credentials (RFC 6749 section 4.4) with ``private_key_jwt`` (RFC 7523 section 2.2) and DPoP (RFC 9449 section 5);
what the token is for stands in ``authorization_details`` (RFC 9396).
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from secrets import token_urlsafe
from threading import Lock
from time import monotonic
from urllib.parse import urlencode

from gateway.peers.errors import ConnectionLost, DeadlineExceeded, remaining
from gateway.peers.refusals import read_refusal
from gateway.peers.retry_after import send_with_retry_after
from gateway.ports import Clock, KeyVault, PeerRequest, PeerResponse, Transport, TransportError
from gateway.runtime.single_flight import SingleFlight
from trust import strict_json
from trust.claims import require_int, require_list, require_str
from trust.errors import TrustError
from trust.federation.party_metadata import AuthorizationServer
from trust.identifiers import EntityId
from trust.keys import KeyUse, Signer
from trust.oauth import authorization_details, client_assertion, dpop_proof
from trust.oauth.access_token import PEER_MAX_LIFE
from trust.oauth.authorization_details import AuthorizationDetail

MAX_RESPONSE = 24_576
MAX_TOKEN = 16_384
MAX_CACHED = 4_096
EARLY_S = 30.0
"""How long before its end a token is no longer used, so that it does not expire on the way."""
_OK = 200
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class InvalidTokenResponse(TransportError):
    """The token endpoint answered with something that is not a token of this profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token is asked for: at which server, for which permission."""

    server: AuthorizationServer
    detail: AuthorizationDetail

    @property
    def key(self) -> tuple[EntityId, str, AuthorizationDetail]:
        """What two grants that may share a token have in common."""
        return self.server.issuer, self.server.token_endpoint, self.detail


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedToken:
    """An access token, bound to the key of ``dpop``; ``until`` is on the monotonic clock and already early."""

    raw: bytes = field(repr=False)
    dpop: Signer
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequester:
    """Ask a peer's token endpoint."""

    own: EntityId
    vault: KeyVault
    transport: Transport
    clock: Clock

    def request(self, grant: Grant, *, deadline: float) -> CachedToken:
        """Obtain a new token. Raises :class:`PeerRefused`, :class:`TransportError`.

        A request lost with a kept connection is made again with a new assertion and proof, since the server may have
        used up the first ones; so is one for which the server has room only later.
        """
        asked_at, dpop = monotonic(), self.vault.signer(KeyUse.DPOP)
        answer = send_with_retry_after(lambda: self._post_again_if_lost(grant, dpop, deadline), deadline)
        if answer.status != _OK:
            raise read_refusal(answer)
        return _read(answer.body, grant, dpop, asked_at)

    def _post_again_if_lost(self, grant: Grant, dpop: Signer, deadline: float) -> PeerResponse:
        try:
            return self._post(grant, dpop, deadline)
        except ConnectionLost:
            return self._post(grant, dpop, deadline)

    def _post(self, grant: Grant, dpop: Signer, deadline: float) -> PeerResponse:
        now, endpoint = self.clock.now(), grant.server.token_endpoint
        assertion = client_assertion.build(
            client_id=self.own,
            issuer=grant.server.issuer,
            signer=self.vault.signer(KeyUse.OAUTH),
            now=now,
            jti=token_urlsafe(16),
        )
        proof = dpop_proof.build(
            signer=dpop,
            method="POST",
            url=endpoint,
            now=now,
            jti=token_urlsafe(16),
            access_token=None,
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion.decode("ascii"),
            "authorization_details": strict_json.dumps(authorization_details.to_json([grant.detail])).decode("utf-8"),
        }
        return self.transport.send(
            PeerRequest(
                method="POST",
                url=endpoint,
                headers={"Content-Type": "application/x-www-form-urlencoded", "DPoP": proof.decode("ascii")},
                body=urlencode(form).encode("ascii"),
                accept="application/json",
                max_bytes=MAX_RESPONSE,
                timeout_s=remaining(deadline),
            )
        )


class TokenCache:
    """The tokens of one process, each asked for by one thread while the others wait.

    Tokens are kept in memory only, the least recently used making room; losing them costs one request. ``bound_to``
    names the key that proofs are made with now: a token that is bound to an earlier one is not used again.
    """

    def __init__(self, request: Callable[[Grant, float], CachedToken], *, bound_to: Callable[[], str]) -> None:
        self._request = request
        self._bound_to = bound_to
        self._lock = Lock()
        self._tokens: OrderedDict[object, CachedToken] = OrderedDict()
        self._flights: SingleFlight[CachedToken] = SingleFlight()

    def token(self, grant: Grant, *, deadline: float) -> CachedToken:
        """Return a token that is good for a while yet. Raises :class:`PeerRefused`, :class:`TransportError`."""
        key = (grant.key, self._bound_to())
        with self._lock:
            cached = self._tokens.get(key)
            if cached is not None and cached.until > monotonic():
                self._tokens.move_to_end(key)
                return cached
        try:
            return self._flights.run(key, lambda: self._renew(grant, deadline), timeout_s=remaining(deadline))
        except TimeoutError as failed:
            raise DeadlineExceeded("the token endpoint did not answer within the time") from failed

    def forget(self, grant: Grant, token: CachedToken) -> None:
        """Drop a token that was refused, unless another has taken its place."""
        key = (grant.key, token.dpop.kid)
        with self._lock:
            if self._tokens.get(key) is token:
                del self._tokens[key]

    def _renew(self, grant: Grant, deadline: float) -> CachedToken:
        token = self._request(grant, deadline)
        key = (grant.key, token.dpop.kid)
        with self._lock:
            self._tokens[key] = token
            self._tokens.move_to_end(key)
            if len(self._tokens) > MAX_CACHED:
                self._tokens.popitem(last=False)
        return token


def _read(body: bytes, grant: Grant, dpop: Signer, asked_at: float) -> CachedToken:
    """Read a token response (RFC 6749 section 5.1, RFC 9449 section 5, RFC 9396 section 7)."""
    try:
        response = strict_json.loads(body, max_bytes=MAX_RESPONSE)
        raw = require_str(response, "access_token", max_len=MAX_TOKEN)
        token_type = require_str(response, "token_type", max_len=16)
        expires_in = require_int(response, "expires_in", minimum=1)
        details = authorization_details.parse(
            require_list(response, "authorization_details", max_items=authorization_details.MAX_DETAILS)
        )
    except TrustError as malformed:
        raise InvalidTokenResponse(f"the token response is not one of this profile: {malformed.detail}") from malformed
    if token_type.lower() != "dpop" or not _TOKEN.fullmatch(raw):
        raise InvalidTokenResponse("the token endpoint issued a token that is not bound to our key")
    if not any(_serves(each, grant.detail) for each in details):
        raise InvalidTokenResponse("the token endpoint granted something else than was asked for")
    life = min(float(expires_in), PEER_MAX_LIFE.total_seconds())
    return CachedToken(raw=raw.encode("ascii"), dpop=dpop, until=asked_at + life - EARLY_S)


def _serves(grant: AuthorizationDetail, requested: AuthorizationDetail) -> bool:
    """Tell whether what was granted is what was asked for, perhaps with fewer kinds (RFC 9396 section 7)."""
    return replace(grant, kinds=requested.kinds) == requested and grant.kinds <= requested.kinds
