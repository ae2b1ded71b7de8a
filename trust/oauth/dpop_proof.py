"""Prove, with every request, possession of the key that a token is bound to (RFC 9449).

Verification (section 4.3), in this order:

1. the signature, by the public key in the header, under `typ` `dpop+jwt`;
2. `htm` is the request's method;
3. `htu` is the address that was configured for this endpoint, never one made from the `Host` header;
4. `iat` lies within 60 s behind and 10 s ahead; `exp` and `nbf` count where they are there (RFC 7519 section 4.1);
5. `ath` is the digest of the access token that came with the proof;
6. `jti` is there, 128 characters at most.

Not checked here: that the `jti` was not used before (the store claims it), and that `jkt` is the one in the token's
`cnf`.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from trust import claims, jose
from trust.errors import MalformedClaims, Mismatch
from trust.keys import Signer
from trust.strict_json import JsonObject

TYP = "dpop+jwt"
MAX_AGE = timedelta(seconds=60)
MAX_BYTES = 8192
MAX_METHOD = 16
MAX_URL = 2048

_URL = re.compile(
    r"https://([a-z0-9.-]+)(?::([0-9]{1,5}))?((?:/[^?#\s]*)?)(?:\?[^#\s]*)?(?:#\S*)?", re.IGNORECASE | re.ASCII
)
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_DEFAULT_PORT = "443"
_ADDRESSES_REMEMBERED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DPoPProof:
    """A verified proof: the thumbprint of its key, and its `jti`, still to be claimed until a minute after `iat`."""

    jkt: str
    jti: str
    iat: datetime


def build(*, signer: Signer, method: str, url: str, now: datetime, jti: str, access_token: bytes | None) -> bytes:
    """Make the proof for one request; `access_token` is None only at the token endpoint."""
    body: JsonObject = {"jti": jti, "htm": method, "htu": normalise_url(url), "iat": claims.to_seconds(now)}
    if access_token is not None:
        body["ath"] = claims.digest(access_token)
    return jose.sign_with_embedded_jwk(body, typ=TYP, signer=signer)


def verify(raw: bytes, *, method: str, url: str, now: datetime, access_token: bytes | None) -> DPoPProof:
    """Verify a proof by the module's numbered plan; raise nothing but TrustError.

    `url` is the endpoint's address as configured; `access_token` is None only at the token endpoint.
    """
    opened = jose.open_with_embedded_jwk(raw, typ=TYP, max_bytes=MAX_BYTES)  # 1
    body = opened.claims
    if claims.require_str(body, "htm", max_len=MAX_METHOD) != method:  # 2
        raise Mismatch("The DPoP proof is for another method ('htm').")
    if normalise_url(claims.require_str(body, "htu", max_len=MAX_URL)) != normalise_url(url):  # 3
        raise Mismatch("The DPoP proof is for another address ('htu').")
    issued = claims.check_issued(body, now=now, max_age=MAX_AGE)  # 4
    claims.check_stated_times(body, now=now)
    if access_token is not None and claims.require_str(body, "ath") != claims.digest(access_token):  # 5
        raise Mismatch("The DPoP proof is for another access token ('ath').")
    jti = claims.require_str(body, "jti", max_len=claims.MAX_JTI)  # 6
    return DPoPProof(jkt=opened.key.kid, jti=jti, iat=issued)


@lru_cache(maxsize=_ADDRESSES_REMEMBERED)
def normalise_url(url: str) -> str:
    """Return an https address in its one spelling, without query and fragment.

    Scheme and host in lower case, no default port, `/` for an empty path, percent-encoding in upper case and only
    where it is needed (RFC 3986 sections 6.2.2 and 6.2.3). Raise MalformedClaims for what is no such address.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise MalformedClaims("The address ('htu') must be an https URL without white space or user.")
    host, port, path = match[1].lower(), match[2], match[3]
    authority = host if port in (None, _DEFAULT_PORT) else f"{host}:{port}"
    return f"https://{authority}{_PERCENT.sub(_decode_unreserved, path) or '/'}"


def _decode_unreserved(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0].upper()
