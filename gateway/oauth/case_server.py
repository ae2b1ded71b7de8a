"""The case face's token endpoint: registered case systems, ten minutes, bearer or bound to a key by DPoP.

A case system gets a token of its own, and vouches for its users; or it shows that a practitioner signed in at the
agency's own sign-in service, and gets a token that is theirs.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_urlsafe

from gateway.oauth.client_auth import CaseClients, FindClient
from gateway.oauth.exchange import ACCESS_TOKEN, SignInProvider, SignIns
from gateway.oauth.forms import AuthenticatedClient, TokenRequest
from gateway.oauth.issued import IssuedTokens
from gateway.oauth.revocation import Revocations
from gateway.oauth.server import TOKEN_PATH, IssuedToken, TokenServer, verify_proof
from gateway.ports import ClaimStore, KeyVault
from trust.keys import KeyUse
from trust.oauth import access_token
from trust.oauth.access_token import AccessTokenClaims, SignedIn

LIFETIME = access_token.CASE_MAX_LIFE
"""How long a case system's token lives (WIRE.md section 2)."""
RESOURCE_PATH = "/case/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOAuth:
    """What the case face's OAuth side stands on. ``base_url`` is its issuer; no peer token names it.

    ``providers`` are the agency's own sign-in services; without any, nothing is exchanged.
    """

    base_url: str
    vault: KeyVault
    find_client: FindClient
    claims: ClaimStore
    providers: tuple[SignInProvider, ...] = ()

    @property
    def token_endpoint(self) -> str:
        """The address that proofs for this endpoint must name."""
        return self.base_url + TOKEN_PATH

    @property
    def resource(self) -> str:
        """The audience of every token."""
        return self.base_url + RESOURCE_PATH

    @property
    def tokens(self) -> IssuedTokens:
        """What the tokens issued here are held to wherever they come back."""
        return IssuedTokens(
            issuer=self.base_url,
            audience=self.resource,
            max_life=LIFETIME,
            keys=lambda: self.vault.published(KeyUse.OAUTH),
        )


def case_server(oauth: CaseOAuth) -> TokenServer:
    """Return the token and revocation endpoints for the agency's own case systems."""
    clients = CaseClients(issuer=oauth.base_url, find_client=oauth.find_client, claims=oauth.claims)
    exchange = None
    if oauth.providers:
        sign_ins = SignIns(oauth.providers, claims=oauth.claims)
        exchange = _Exchange(oauth=oauth, sign_ins=sign_ins)
    return TokenServer(
        endpoint=oauth.token_endpoint,
        resource=oauth.resource,
        clients=clients,
        issuance=_Own(oauth=oauth),
        revocations=Revocations(tokens=oauth.tokens, claims=oauth.claims),
        exchange=exchange,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """Tokens of the case system itself."""

    oauth: CaseOAuth

    def check(self, request: TokenRequest, client: AuthenticatedClient) -> None:  # noqa: ARG002 - the protocol's shape
        if request.dpop is not None:
            request.proof = verify_proof(request, endpoint=self.oauth.token_endpoint, claims=self.oauth.claims)

    def issue(self, request: TokenRequest, client: AuthenticatedClient) -> IssuedToken:
        return _issued(self.oauth, request, client, exp=request.now + LIFETIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exchange:
    """Tokens of a practitioner who signed in, for the case system that shows it; none outlives the sign-in."""

    oauth: CaseOAuth
    sign_ins: SignIns

    def check(self, request: TokenRequest, client: AuthenticatedClient) -> None:
        _Own(oauth=self.oauth).check(request, client)
        request.exchanged = self.sign_ins.exchange(request, client)

    def issue(self, request: TokenRequest, client: AuthenticatedClient) -> IssuedToken:
        exchanged = request.exchanged
        if exchanged is None:
            raise RuntimeError("a token is issued once the exchange was checked")
        exp = min(request.now + LIFETIME, exchanged.until)
        issued = _issued(self.oauth, request, client, exp=exp, signed_in=exchanged.practitioner)
        return replace(issued, extra={"issued_token_type": ACCESS_TOKEN})


def _issued(
    oauth: CaseOAuth,
    request: TokenRequest,
    client: AuthenticatedClient,
    *,
    exp: datetime,
    signed_in: SignedIn | None = None,
) -> IssuedToken:
    claims = AccessTokenClaims(
        iss=oauth.base_url,
        sub=signed_in.sub if signed_in else client.client_id,
        client_id=client.client_id,
        aud=oauth.resource,
        jti=token_urlsafe(16),
        iat=request.now,
        exp=exp,
        jkt=request.proof.jkt if request.proof else None,
        signed_in=signed_in,
    )
    lifetime_s = int((exp - request.now).total_seconds())
    token_type = "DPoP" if request.proof else "Bearer"
    raw = access_token.build(claims, oauth.vault.signer(KeyUse.OAUTH))
    return IssuedToken(raw=raw, token_type=token_type, lifetime_s=lifetime_s, extra={})
