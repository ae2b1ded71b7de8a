"""Make and verify access tokens: RFC 9068 JWTs, bound to a DPoP key where the peer face is concerned (RFC 9449).

Verification, in this order:

1. the signature, by one of the server's OAuth keys, under `typ` exactly `at+jwt`;
2. `iss` is the issuer;
3. `aud` is the resource, as one string;
4. `iat` and `exp`, no further apart than the face allows;
5. `sub`, `client_id`, `jti`, and where present `cnf.jkt`, `authorization_details` and `scope`;
6. where `positions` is there, the practitioner who signed in: `sub` is theirs, `positions` what they may ask as.

Not checked here: that the token was presented with its key (dpop_proof), that it was not revoked, that its client still
stands. A face that demands a bound token must ask whether `jkt` is there, and compare it with the proof's.
"""

import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NewType

from trust import claims, jose
from trust.errors import MalformedClaims, WrongAudience, WrongIssuer
from trust.keys import KeySet, KeyUse, Signer
from trust.oauth import authorization_details
from trust.oauth.authorization_details import AuthorizationDetail
from trust.strict_json import JsonObject

TYP = "at+jwt"
MAX_BYTES = 16384
MAX_NAME = 256
MAX_SUB = 1024
MAX_SCOPE = 256
MAX_POSITIONS = 64
PEER_MAX_LIFE = timedelta(seconds=300)
CASE_MAX_LIFE = timedelta(seconds=600)
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_MFA = "mfa"
"""RFC 8176 section 2: more than one factor."""
_SIGNED_IN = re.compile(r"https://[^#]+#", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Position:
    """What a practitioner may ask as: one role, in one unit, of one service of the agency."""

    service: str
    role: str
    org_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The practitioner of an exchanged token (RFC 8693): `name` at their provider, and their positions.

    `auth_time` is when they signed in (RFC 9068 section 2.2.1), `factor_stated` that the provider's own token said with
    a second factor.
    """

    issuer: str
    name: str
    positions: tuple[Position, ...]
    auth_time: datetime | None = None
    factor_stated: bool = False

    @property
    def sub(self) -> str:
        """A name that no other practitioner has, at any provider."""
        return f"{self.issuer}#{self.name}"


def name_at_provider(sub: str) -> str:
    """Return a person's name at their provider out of :attr:`SignedIn.sub`, or of that name alone, in lower case."""
    return sub.strip().casefold().rpartition("#")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokenClaims:
    """What a token says. `jkt` is the thumbprint of the DPoP key that it is bound to, None for a bearer token.

    `signed_in` is the practitioner whose token it is, None where it is the client's own; `sub` follows from it.
    """

    iss: str
    sub: str
    client_id: str
    aud: str
    jti: str
    iat: datetime
    exp: datetime
    jkt: str | None = None
    details: tuple[AuthorizationDetail, ...] = ()
    scope: str | None = None
    signed_in: SignedIn | None = None


AccessToken = NewType("AccessToken", AccessTokenClaims)
"""The claims of a token that was verified."""


def names_who_signed_in(text: str) -> bool:
    """Tell whether a practitioner's name has the form of :attr:`SignedIn.sub`, which only their own token may give."""
    return _SIGNED_IN.match(text) is not None


def build(token: AccessTokenClaims, signer: Signer) -> bytes:
    """Sign a token with the server's OAuth key."""
    body: JsonObject = {
        "iss": token.iss,
        "sub": token.sub,
        "client_id": token.client_id,
        "aud": token.aud,
        "jti": token.jti,
        "iat": claims.to_seconds(token.iat),
        "exp": claims.to_seconds(token.exp),
    }
    if token.jkt is not None:
        body["cnf"] = {"jkt": token.jkt}
    if token.details:
        body["authorization_details"] = authorization_details.to_json(token.details)
    if token.scope is not None:
        body["scope"] = token.scope
    if token.signed_in is not None:
        body["positions"] = [asdict(position) for position in token.signed_in.positions]
        if token.signed_in.auth_time is not None:
            body["auth_time"] = claims.to_seconds(token.signed_in.auth_time)
        if token.signed_in.factor_stated:
            body["amr"] = [_MFA]
    return jose.sign(body, typ=TYP, signer=signer)


def verify(raw: bytes, *, issuer: str, audience: str, keys: KeySet, now: datetime, max_life: timedelta) -> AccessToken:
    """Verify a token by the module's numbered plan; raise nothing but TrustError."""
    keys.require_use(KeyUse.OAUTH)
    opened = jose.open_signed(raw, typ=TYP, keys=keys, max_bytes=MAX_BYTES).claims  # 1
    if opened.get("iss") != issuer:  # 2
        raise WrongIssuer("The access token was not issued by the server that this resource trusts.")
    if opened.get("aud") != audience:  # 3
        raise WrongAudience("The access token is for another resource; ask for one with this resource as its audience.")
    times = claims.check_times(opened, now=now, max_life=max_life)  # 4
    details = opened.get("authorization_details")
    return AccessToken(  # 5
        AccessTokenClaims(
            iss=issuer,
            sub=claims.require_str(opened, "sub", max_len=MAX_SUB),
            client_id=claims.require_str(opened, "client_id", max_len=MAX_NAME),
            aud=audience,
            jti=claims.require_str(opened, "jti", max_len=claims.MAX_JTI),
            iat=times.iat,
            exp=times.exp,
            jkt=_bound_to(opened),
            details=() if "authorization_details" not in opened else authorization_details.parse(details),
            scope=claims.optional_str(opened, "scope", max_len=MAX_SCOPE),
            signed_in=_signed_in(opened),
        )
    )


def _signed_in(opened: JsonObject) -> SignedIn | None:  # 6
    if "positions" not in opened:
        return None
    issuer, separator, name = claims.require_str(opened, "sub", max_len=MAX_SUB).partition("#")
    if not separator or not issuer or not name:
        raise MalformedClaims("'sub' must name the provider and the practitioner, joined by '#'.")
    listed = opened["positions"]
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_POSITIONS:
        raise MalformedClaims(f"'positions' must be a list of 1 to {MAX_POSITIONS} objects.")
    return SignedIn(
        issuer=issuer,
        name=name,
        positions=tuple(_position(each) for each in listed),
        auth_time=_auth_time(opened),
        factor_stated=opened.get("amr") == [_MFA],
    )


def _auth_time(body: JsonObject) -> datetime | None:
    if "auth_time" not in body:
        return None
    return claims.from_seconds(claims.require_int(body, "auth_time", maximum=claims.LATEST_SECONDS))


def _position(stated: object) -> Position:
    if not isinstance(stated, dict):
        raise MalformedClaims("'positions' must hold objects only.")
    service, role, unit = (
        claims.require_str(stated, name, max_len=MAX_NAME) for name in ("service", "role", "org_unit")
    )
    return Position(service=service, role=role, org_unit=unit)


def _bound_to(opened: JsonObject) -> str | None:
    if "cnf" not in opened:
        return None
    jkt = claims.require_str(claims.require_object(opened, "cnf"), "jkt")
    if not _THUMBPRINT.fullmatch(jkt):
        raise MalformedClaims("'cnf.jkt' must be a key's thumbprint: 43 characters.")
    return jkt
