"""Let a client end a token of its own before it expires (RFC 7009).

The order, once the client is authenticated as for a token: 1 the token is one that this server issued and that still
counts, else there is nothing to end and the answer is the same; 2 it was issued to this client; 3 its ``jti`` is noted,
for all workers and hosts, until it would have expired. Every protected resource looks there at every request.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from authlib.oauth2 import rfc7009

from gateway.oauth.errors import TokenRefused
from gateway.oauth.forms import CLIENT_AUTH_METHOD, AuthenticatedClient, TokenRequest
from gateway.oauth.issued import IssuedTokens
from gateway.ports import ClaimStore
from trust.errors import TrustError
from trust.oauth.access_token import AccessToken

PATH = "/oauth/v1/revoke"
ENDPOINT = "revocation"
_SPACE = "revoked-token"


class NotItsToken(TokenRefused):
    """The token was issued to another client, who alone may end it (RFC 7009 section 2.1)."""

    error: ClassVar[str] = "invalid_grant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocations:
    """The tokens of one server that were ended early."""

    tokens: IssuedTokens
    claims: ClaimStore

    def find(self, unverified_token: bytes, *, now: datetime) -> AccessToken | None:
        """Return a token of ours that counts, none for everything else: that needs no ending."""
        try:
            return self.tokens.verify(unverified_token, keys=self.tokens.keys(), now=now)
        except TrustError:
            return None

    def end(self, token: AccessToken, *, now: datetime) -> None:
        """Note that a token counts no more. Raises the store's ``StoreFull`` and ``StoreBusy``."""
        self.claims.claim(space=_SPACE, key=token.jti, issued_at=now, expires=token.exp, now=now)


def is_revoked(token: AccessToken, claims: ClaimStore) -> bool:
    """Tell whether a token was ended, or may have been before a start that lost what was noted."""
    return claims.claimed(space=_SPACE, key=token.jti, issued_at=token.iat)


class RevocationEndpoint(rfc7009.RevocationEndpoint):  # type: ignore[misc]  # Authlib ships no types
    """Authlib's endpoint with our client authentication; hints about the kind of token are not needed for one kind."""

    ENDPOINT_NAME = ENDPOINT
    CLIENT_AUTH_METHODS = (CLIENT_AUTH_METHOD,)

    def __init__(self, revocations: Revocations) -> None:
        super().__init__()
        self._revocations = revocations

    def authenticate_token(self, request: TokenRequest, client: AuthenticatedClient) -> AccessToken | None:
        """Walk steps 1 and 2. Raises :class:`NotItsToken`."""
        token = self._revocations.find(request.form["token"].encode("utf-8"), now=request.now)
        if token is not None and token.client_id != client.client_id:
            raise NotItsToken("The token was issued to another client, who alone may end it.")
        return token

    def revoke_token(self, token: AccessToken, request: TokenRequest) -> None:
        """Walk step 3."""
        self._revocations.end(token, now=request.now)
