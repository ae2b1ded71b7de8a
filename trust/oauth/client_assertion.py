"""Let a client prove who it is at a token endpoint: `private_key_jwt` (RFC 7523 section 3, FAPI 2.0 section 5.3.2.1).

Verification, in this order:

1. the signature, by one of the client's OAuth keys, under `typ` `client-authentication+jwt`;
2. `iss` and `sub` are both the client id;
3. `aud` is the server's issuer, as one string; a list is refused even if the issuer is its only item, and so is the
   address of the token endpoint, because an assertion for one server must be useless at another;
4. `iat` and `exp`, 60 s apart at most;
5. `jti` is there, 128 characters at most.

Not checked here: that the `jti` was not used before; the store claims it, once, until `exp`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trust import claims, jose
from trust.errors import WrongAudience, WrongIssuer
from trust.keys import KeySet, KeyUse, Signer

TYP = "client-authentication+jwt"
MAX_LIFE = timedelta(seconds=60)
MAX_BYTES = 8192
MAX_CLIENT_ID = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAssertion:
    """A verified assertion; its `jti` is still to be claimed until `exp`."""

    client_id: str
    jti: str
    iat: datetime
    exp: datetime


def build(*, client_id: str, issuer: str, signer: Signer, now: datetime, jti: str) -> bytes:
    """Make an assertion for the server with this issuer, good for 60 s."""
    issued = claims.to_seconds(now)
    body = {
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,
        "jti": jti,
        "iat": issued,
        "exp": issued + int(MAX_LIFE.total_seconds()),
    }
    return jose.sign(body, typ=TYP, signer=signer)


def peek_client_id(raw: bytes, *, typ_optional: bool = False) -> str:
    """Read the client that an assertion names, to look up its keys; verify nothing."""
    unverified = jose.peek_by_rule(raw, rule=_rule(typ_optional=typ_optional), max_bytes=MAX_BYTES)
    return claims.require_str(unverified.claims, "sub", max_len=MAX_CLIENT_ID)


def peek_trust_chain(raw: bytes) -> tuple[bytes, ...]:
    """Read the chain of statements that a federation member's assertion shows, if any; nothing is verified by this."""
    unverified = jose.peek_by_rule(raw, rule=_rule(typ_optional=False), max_bytes=MAX_BYTES)
    return tuple(statement.encode("utf-8") for statement in unverified.header.get("trust_chain", ()))


def verify(
    raw: bytes, *, client_id: str, issuer: str, keys: KeySet, now: datetime, typ_optional: bool = False
) -> ClientAssertion:
    """Verify an assertion by the module's numbered plan; raise nothing but TrustError.

    `typ_optional` is for local clients, whose libraries may write no `typ`; another `typ` is refused there as well.
    """
    keys.require_use(KeyUse.OAUTH)
    opened = jose.open_by_rule(raw, rule=_rule(typ_optional=typ_optional), keys=keys, max_bytes=MAX_BYTES).claims  # 1
    if opened.get("iss") != client_id or opened.get("sub") != client_id:  # 2
        raise WrongIssuer("The client assertion's 'iss' and 'sub' must both be the client id.")
    if opened.get("aud") != issuer:  # 3
        raise WrongAudience(f"The client assertion's 'aud' must be the one string '{issuer}'.")
    times = claims.check_times(opened, now=now, max_life=MAX_LIFE)  # 4
    jti = claims.require_str(opened, "jti", max_len=claims.MAX_JTI)  # 5
    return ClientAssertion(client_id=client_id, jti=jti, iat=times.iat, exp=times.exp)


def _rule(*, typ_optional: bool) -> jose.HeaderRule:
    return jose.HeaderRule(typ=TYP, typ_optional=typ_optional, trust_chain=not typ_optional)
