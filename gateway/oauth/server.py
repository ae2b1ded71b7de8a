"""Common part of both token endpoints: Authlib's authorization server and client-credentials grant, made strict.

The case face has a second grant, token exchange, which takes the same steps.

The order at every token request: 1 the form, 2 the grant type, 3 the client's assertion and its single use, 4 no scope,
and no other resource, 5 what the face itself demands (proof, details), 6 the token. Authlib walks it; each step that it
leaves open, or does laxly, is filled in here.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientCredentialsGrant, OAuth2Error

from gateway.oauth import forms
from gateway.oauth.client_auth import CaseClients, PeerClients
from gateway.oauth.errors import (
    InvalidClient,
    InvalidProof,
    InvalidScope,
    InvalidTarget,
    UnsupportedGrant,
    log_reason,
)
from gateway.oauth.exchange import GRANT_TYPE
from gateway.oauth.forms import CLIENT_AUTH_METHOD, AuthenticatedClient, TokenCall, TokenRequest
from gateway.oauth.revocation import ENDPOINT, RevocationEndpoint, Revocations
from gateway.ports import ClaimStore
from trust import strict_json
from trust.claims import digest
from trust.errors import TrustError
from trust.oauth import dpop_proof
from trust.oauth.dpop_proof import DPoPProof

TOKEN_PATH = "/oauth/v1/token"  # noqa: S105 - an address
_CLAIM_MARGIN = timedelta(seconds=1)
"""A proof's last second of life is inclusive, so its claim outlives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResponse:
    """The HTTP answer of a token endpoint; ``error`` and ``reason`` are those of a refusal, for the log."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    error: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A new access token; ``extra`` are members that its standard adds to the response."""

    raw: bytes
    token_type: str
    lifetime_s: int
    extra: dict[str, Any]


class Issuance(Protocol):
    """What is different between the faces: what a request must bring, and the token it gets."""

    def check(self, request: TokenRequest, client: AuthenticatedClient) -> None:
        """Check what the face demands beyond the client's identity; raises an ``OAuth2Error``."""
        ...

    def issue(self, request: TokenRequest, client: AuthenticatedClient) -> IssuedToken:
        """Make the token for a request that was checked."""
        ...


class TokenServer(AuthorizationServer):  # type: ignore[misc]  # Authlib ships no types
    """One token endpoint. Holds no state: what must be remembered is in the claim store."""

    def __init__(
        self,
        *,
        endpoint: str,
        resource: str,
        clients: PeerClients | CaseClients,
        issuance: Issuance,
        revocations: Revocations,
        exchange: Issuance | None = None,
    ) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._resource = resource
        self._clients = clients
        self.issuances = {_Grant.GRANT_TYPE: issuance}
        self.register_client_auth_method(CLIENT_AUTH_METHOD, self._authenticate)
        self.register_grant(_Grant)
        self.register_endpoint(RevocationEndpoint(revocations))
        if exchange is not None:
            self.issuances[_ExchangeGrant.GRANT_TYPE] = exchange
            self.register_grant(_ExchangeGrant)

    def answer(self, call: TokenCall) -> TokenResponse:
        """Answer one request at the token endpoint, with a token or with the standard's own error."""
        try:
            request = forms.read(self._endpoint, call)
        except OAuth2Error as refused:
            answer: TokenResponse = self.handle_error_response(None, refused)
        else:
            answer = self.create_token_response(request)
        return answer

    def revoke(self, call: TokenCall) -> TokenResponse:
        """Answer one request at the revocation endpoint; what is not to be found counts as ended (RFC 7009)."""
        try:
            request = forms.read(self._endpoint, call, required="token")
        except OAuth2Error as refused:
            answer: TokenResponse = self.handle_error_response(None, refused)
        else:
            answer = self.create_endpoint_response(ENDPOINT, request)
        return answer

    def refuse_other_target(self, request: TokenRequest) -> None:
        """Issue no token for another resource than the one there is (RFC 8707 section 2, RFC 8693 section 2.2.2)."""
        if any(request.form.get(name, self._resource) != self._resource for name in ("resource", "audience")):
            raise InvalidTarget(f"Tokens are issued for {self._resource} only; leave resource and audience out.")

    def create_oauth2_request(self, request: TokenRequest) -> TokenRequest:
        """Take the request as :mod:`gateway.oauth.forms` read it, never a framework's."""
        return request

    def get_token_grant(self, request: TokenRequest) -> "_Grant":
        """Find the grant, and refuse any other without repeating its name."""
        if request.payload.grant_type not in self.issuances:
            raise UnsupportedGrant(None)
        grant: _Grant = super().get_token_grant(request)
        return grant

    def handle_response(self, status: int, payload: dict[str, Any], headers: list[tuple[str, str]]) -> TokenResponse:
        """Write the answer; Authlib's headers already forbid storing it (RFC 6749 section 5.1)."""
        return TokenResponse(status=status, headers=tuple(headers), body=strict_json.dumps(payload))

    def handle_error_response(self, request: TokenRequest | None, error: OAuth2Error) -> TokenResponse:
        """Write a refusal."""
        answer: TokenResponse = super().handle_error_response(request, error)
        return replace(answer, error=error.error, reason=log_reason(error, error.description))

    def query_client(self, client_id: str) -> None:
        """Know no client by its bare name: only an assertion makes one known."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Send no signal; the metrics count requests."""

    def save_token(self, token: dict[str, Any], request: TokenRequest) -> None:
        """Keep nothing: an access token is verified by its signature and its party's standing."""

    def _authenticate(self, _query_client: object, request: TokenRequest) -> AuthenticatedClient:
        form = request.form
        if form.get("client_assertion_type") != _ASSERTION_TYPE or "client_assertion" not in form:
            raise InvalidClient(f"Authenticate with client_assertion and the client_assertion_type {_ASSERTION_TYPE}.")
        return self._clients.authenticate(
            form["client_assertion"].encode("utf-8"), client_id=form.get("client_id"), now=request.now
        )


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]  # Authlib ships no types
    """RFC 6749 section 4.4 with the one authentication method and the face's own demands."""

    TOKEN_ENDPOINT_AUTH_METHODS = (CLIENT_AUTH_METHOD,)
    server: TokenServer
    request: TokenRequest

    def validate_token_request(self) -> None:
        """Let Authlib authenticate the client, then check what it leaves open."""
        super().validate_token_request()
        self.server.refuse_other_target(self.request)
        self.server.issuances[self.GRANT_TYPE].check(self.request, self.client)

    def validate_requested_scope(self) -> None:
        """Refuse any scope."""
        if self.request.payload.scope is not None:
            raise InvalidScope("No scopes are granted here; leave the parameter out.")

    def generate_token(self, **_unused: object) -> dict[str, Any]:
        """Make the token through ``trust/oauth``; Authlib's generators are never asked."""
        issued = self.server.issuances[self.GRANT_TYPE].issue(self.request, self.client)
        return {
            "access_token": issued.raw.decode("ascii"),
            "token_type": issued.token_type,
            "expires_in": issued.lifetime_s,
            **issued.extra,
        }


class _ExchangeGrant(_Grant):
    """RFC 8693 section 2.1, with the same client authentication; what is exchanged is the face's own matter."""

    GRANT_TYPE = GRANT_TYPE


def verify_proof(request: TokenRequest, *, endpoint: str, claims: ClaimStore) -> DPoPProof:
    """Verify the DPoP proof of a token request and use up its ``jti`` (RFC 9449 sections 4.3 and 5).

    Raises :class:`InvalidProof`, also where there is none.
    """
    if request.dpop is None:
        raise InvalidProof("A DPoP proof is required; send it in the DPoP header.")
    try:
        proof = dpop_proof.verify(
            request.dpop.encode("utf-8"), method="POST", url=endpoint, now=request.now, access_token=None
        )
    except TrustError as refused:
        raise InvalidProof(refused.detail) from refused
    if not claim_proof(claims, proof, now=request.now):
        raise InvalidProof("This DPoP proof was used before, or made before this node started; make a fresh one.")
    return proof


def claim_proof(claims: ClaimStore, proof: DPoPProof, *, now: datetime) -> bool:
    """Use up a proof's ``jti`` for all workers and hosts; false where another request did first."""
    return claims.claim(
        space="dpop",
        key=digest(f"{proof.jkt} {proof.jti}".encode()),
        issued_at=proof.iat,
        expires=proof.iat + dpop_proof.MAX_AGE + _CLAIM_MARGIN,
        now=now,
    )


_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
