"""Verification of one API's own tokens, at its resource and at its revocation endpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from trust.keys import KeySet
from trust.oauth import access_token
from trust.oauth.access_token import AccessToken


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTokens:
    """The tokens of one issuer for one audience; ``keys`` returns those that they may be signed with now."""

    issuer: str
    audience: str
    max_life: timedelta
    keys: Callable[[], KeySet]

    def verify(self, unverified_token: bytes, *, keys: KeySet, now: datetime) -> AccessToken:
        """Return a token's claims, signed with one of these of its ``keys``. Raises ``TrustError``."""
        return access_token.verify(
            unverified_token, issuer=self.issuer, audience=self.audience, keys=keys, now=now, max_life=self.max_life
        )
