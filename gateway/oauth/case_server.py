"""The case face's token endpoint: registered case systems, ten minutes, bearer or bound to a key by DPoP."""

from dataclasses import dataclass
from secrets import token_urlsafe

from gateway.oauth.client_auth import CaseClients, FindClient
from gateway.oauth.forms import KnownClient, TokenRequest
from gateway.oauth.server import IssuedToken, TokenServer, verified_proof
from gateway.ports import ClaimStore, KeyVault
from trust.keys import KeyUse
from trust.oauth import access_token
from trust.oauth.access_token import AccessTokenClaims

LIFETIME = access_token.CASE_MAX_LIFE
"""How long a case system's token lives (WIRE.md section 2)."""
TOKEN_PATH = "/oauth/v1/token"  # noqa: S105 - an address
RESOURCE_PATH = "/case/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOAuth:
    """What the case face's OAuth side stands on. ``base_url`` is its issuer; no peer token names it."""

    base_url: str
    vault: KeyVault
    find_client: FindClient
    claims: ClaimStore

    @property
    def token_endpoint(self) -> str:
        """The address that proofs for this endpoint must name."""
        return self.base_url + TOKEN_PATH

    @property
    def resource(self) -> str:
        """The audience of every token."""
        return self.base_url + RESOURCE_PATH


def case_server(oauth: CaseOAuth) -> TokenServer:
    """Return the token endpoint for the agency's own case systems."""
    clients = CaseClients(issuer=oauth.base_url, find_client=oauth.find_client, claims=oauth.claims)
    return TokenServer(endpoint=oauth.token_endpoint, clients=clients, issuance=_CaseIssuance(oauth=oauth))


@dataclass(frozen=True, slots=True, kw_only=True)
class _CaseIssuance:
    oauth: CaseOAuth

    def check(self, request: TokenRequest, client: KnownClient) -> None:  # noqa: ARG002 - the protocol's shape
        if request.dpop is not None:
            request.proof = verified_proof(request, endpoint=self.oauth.token_endpoint, claims=self.oauth.claims)

    def issue(self, request: TokenRequest, client: KnownClient) -> IssuedToken:
        raw = access_token.build(
            AccessTokenClaims(
                iss=self.oauth.base_url,
                sub=client.client_id,
                client_id=client.client_id,
                aud=self.oauth.resource,
                jti=token_urlsafe(16),
                iat=request.now,
                exp=request.now + LIFETIME,
                jkt=request.proof.jkt if request.proof else None,
                details=(),
            ),
            self.oauth.vault.signer(KeyUse.OAUTH),
        )
        token_type = "DPoP" if request.proof else "Bearer"
        return IssuedToken(raw=raw, token_type=token_type, lifetime_s=int(LIFETIME.total_seconds()), extra={})
