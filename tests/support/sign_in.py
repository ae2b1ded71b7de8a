"""An agency's OpenID provider in memory: its published keys, and any token that it or an attacker would sign."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gateway.oauth.exchange import SignInProvider
from gateway.oauth.sign_in_keys import PinnedKeys, SignInKeys
from tests.simulator.clocks import SetClock
from tests.simulator.faces import CASE
from tests.support.forge import b64
from tests.support.positions import positions
from trust import claims, jwk
from trust.keys import Alg
from trust.oauth import provider_keys
from trust.oauth.id_token import ClaimNames, Expected, SecondFactor

ISSUER = "https://login.council.example/tenant"
WEB_CLIENT = "families-web"
KID = "provider-key-1"
RESOURCE = CASE + "/case/v1"


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(slots=True, kw_only=True)
class SignInService:
    """Signs with RS256, as most do."""

    clock: SetClock
    key: rsa.RSAPrivateKey = field(default_factory=rsa_key)

    def jwks(self, **changes: Any) -> dict[str, Any]:
        """Return what it publishes: its key, without `alg` as some leave it out, and others that are not for this."""
        written = {**jwk.write(self.key.public_key()), "kid": KID, "use": "sig", **changes}
        return {"keys": [{**written, "use": "enc", "kid": "for-encryption"}, {"kty": "EC", "crv": "P-384"}, written]}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a good ID token, changed; those set to None are left out."""
        now = claims.to_seconds(self.clock.now())
        good = {
            "iss": ISSUER,
            "aud": WEB_CLIENT,
            "sub": "u-17",
            "iat": now,
            "exp": now + 3600,
            "auth_time": now - 60,
            "amr": ["pwd", "mfa"],
            "groups": ["Family Support Worker", "Social Club"],
            "team": "north",
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(self, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """Return an ID token, with a changed header and changed claims."""
        return self.signed({"alg": "RS256", "kid": KID, **(header or {})}, self.claims(**changes))

    def access_token(self, **changes: Any) -> str:
        """Return an access token of RFC 9068."""
        good = {"aud": RESOURCE, "client_id": WEB_CLIENT}
        return self.token({"typ": "at+jwt"}, **{**good, **changes})

    def signed(
        self, header: Mapping[str, Any], body: Mapping[str, Any], sign: Callable[[bytes], bytes] | None = None
    ) -> str:
        """Sign exactly this header and these claims."""
        written = {name: value for name, value in header.items() if value is not None}
        signing_input = b64(json.dumps(written).encode()) + b"." + b64(json.dumps(dict(body)).encode())
        return (signing_input + b"." + b64((sign or self.sign)(signing_input))).decode()

    def sign(self, signing_input: bytes) -> bytes:
        """Sign with the provider's own key."""
        return self.key.sign(signing_input, padding.PKCS1v15(), hashes.SHA256())

    def provider(self, *, keys: SignInKeys | None = None, exchanges: int = 3) -> SignInProvider:
        """Return it as it is configured at the node of a case system."""
        pinned = PinnedKeys(pinned=provider_keys.parse(self.jwks(), Alg.RS256))
        return SignInProvider(
            expected=expected(),
            clients={WEB_CLIENT: "case-system", "housing-web": "another-system"},
            positions=POSITIONS,
            exchanges=exchanges,
            keys=keys or pinned,
        )


_ROLES = {"Family Support Worker": "key-worker", "Director": "director"}
_UNITS = {"north": "north-team", "south": "south-team"}
POSITIONS = {
    (there, where): positions(["connecting-families"], [_ROLES[there]], [_UNITS[where]])
    for there in _ROLES
    for where in _UNITS
}
"""What each role and unit of the provider's are here, together."""


def expected(**changes: Any) -> Expected:
    """Return what the tokens of this provider must say, changed."""
    values: dict[str, Any] = {
        "issuer": ISSUER,
        "algorithm": Alg.RS256,
        "clients": frozenset({WEB_CLIENT}),
        "resource": RESOURCE,
        "names": ClaimNames(role="groups", unit="team"),
        "second_factor": SecondFactor(values={"amr": frozenset({"mfa"}), "acr": frozenset({"urn:agency:two-factors"})}),
        "max_auth_age": timedelta(hours=12),
    }
    return Expected(**{**values, **changes})
