"""The peer face's token endpoint: federation members, DPoP always, and only what an agreement in force lets them ask.

Client credentials is allowed by the FAPI 2.0 Security Profile but is not part of its formal analysis.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe
from typing import cast

from gateway.oauth.client_auth import PeerClients
from gateway.oauth.errors import InvalidAuthorizationDetails
from gateway.oauth.forms import AuthenticatedClient, TokenRequest
from gateway.oauth.issued import IssuedTokens
from gateway.oauth.revocation import Revocations
from gateway.oauth.server import TOKEN_PATH, IssuedToken, TokenServer, verify_proof
from gateway.ports import ClaimStore, KeyVault, TrustResolver
from trust import strict_json
from trust.errors import TrustError
from trust.federation.chain import TrustedEntity
from trust.identifiers import EntityId
from trust.keys import KeyUse
from trust.oauth import access_token, authorization_details
from trust.oauth.access_token import AccessTokenClaims
from trust.oauth.authorization_details import AuthorizationDetail

LIFETIME = access_token.PEER_MAX_LIFE
"""How long a peer's token lives (WIRE.md section 2)."""
RESOURCE_PATH = "/exchange/v1"
_MAX_DETAILS_BYTES = 8_192


class DetailsRefused(Exception):
    """The agreements in force do not let the client have these details; ``str()`` says why, and names no person."""


Permitted = Callable[[TrustedEntity, tuple[AuthorizationDetail, ...], datetime], tuple[AuthorizationDetail, ...]]
"""Return the requested details that may be granted, possibly narrowed. Raises :class:`DetailsRefused`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerOAuth:
    """What the peer face's OAuth side stands on. ``entity_id`` is its issuer and its base URL."""

    entity_id: EntityId
    vault: KeyVault
    directory: TrustResolver
    claims: ClaimStore
    permitted: Permitted

    @property
    def token_endpoint(self) -> str:
        """The address that proofs for this endpoint must name."""
        return self.entity_id + TOKEN_PATH

    @property
    def resource(self) -> str:
        """The audience of every token."""
        return self.entity_id + RESOURCE_PATH

    @property
    def tokens(self) -> IssuedTokens:
        """What the tokens issued here are held to wherever they come back."""
        return IssuedTokens(
            issuer=self.entity_id,
            audience=self.resource,
            max_life=LIFETIME,
            keys=lambda: self.vault.published(KeyUse.OAUTH),
        )


def peer_server(oauth: PeerOAuth) -> TokenServer:
    """Return the token and revocation endpoints for other nodes."""
    clients = PeerClients(issuer=oauth.entity_id, directory=oauth.directory, claims=oauth.claims)
    return TokenServer(
        endpoint=oauth.token_endpoint,
        resource=oauth.resource,
        clients=clients,
        issuance=_PeerIssuance(oauth=oauth),
        revocations=Revocations(tokens=oauth.tokens, claims=oauth.claims),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _PeerIssuance:
    oauth: PeerOAuth

    def check(self, request: TokenRequest, client: AuthenticatedClient) -> None:
        party = cast("TrustedEntity", client.party)
        request.proof = verify_proof(request, endpoint=self.oauth.token_endpoint, claims=self.oauth.claims)
        requested = _details(request.form.get("authorization_details"))
        try:
            request.details = self.oauth.permitted(party, requested, request.now)
        except DetailsRefused as refused:
            raise InvalidAuthorizationDetails(str(refused)) from refused
        if not request.details:
            raise InvalidAuthorizationDetails("No agreement in force lets this client ask for these details.")

    def issue(self, request: TokenRequest, client: AuthenticatedClient) -> IssuedToken:
        raw = access_token.build(
            AccessTokenClaims(
                iss=self.oauth.entity_id,
                sub=client.client_id,
                client_id=client.client_id,
                aud=self.oauth.resource,
                jti=token_urlsafe(16),
                iat=request.now,
                exp=request.now + LIFETIME,
                jkt=request.proof.jkt if request.proof else None,
                details=request.details,
            ),
            self.oauth.vault.signer(KeyUse.OAUTH),
        )
        return IssuedToken(
            raw=raw,
            token_type="DPoP",  # noqa: S106 - a name
            lifetime_s=int(LIFETIME.total_seconds()),
            extra={"authorization_details": authorization_details.to_json(request.details)},
        )


def _details(unverified: str | None) -> tuple[AuthorizationDetail, ...]:
    if unverified is None:
        raise InvalidAuthorizationDetails("authorization_details is required; name the agreement, purpose and kinds.")
    try:
        parsed = strict_json.loads_any(unverified.encode("utf-8"), max_bytes=_MAX_DETAILS_BYTES)
        return authorization_details.parse(parsed)
    except TrustError as refused:
        raise InvalidAuthorizationDetails(refused.detail) from refused
