"""Verify what an agency's own OpenID provider says of a practitioner who signed in.

OpenID Connect Core 1.0 sections 2 and 3.1.3.7, RFC 9068 section 4, RFC 8725. Of an ID token, in this order:

1. the signature, by one of the provider's keys, with the one algorithm that the provider is configured for, under no
   `typ` or `JWT`, compared as a media type: so an access token, a logout token or any other token of the provider is no
   ID token;
2. `iss` is the provider's;
3. `aud` is one client of the provider that the presenting case system is; a second audience refuses, and `azp`, where
   it is there, is that same client: so a token that was issued to one application is useless to another;
4. `iat` and `exp`, a day apart at most, and `nbf` where it is there; fractions of a second are rounded down;
5. `sub`, and the claim that names the practitioner;
6. `auth_time` is there, not later than `iat`, and not too long ago;
7. `amr`, `acr` or a claim that the agency named says that there was a second factor, unless the agency declared a rule
   of the provider that enforces one;
8. the claims that say role and unit: each a text, or a list that is read as a set. Names are read as :data:`ClaimName`
   says.

A JWT access token differs in 1 and 3: `typ` is `at+jwt`, `aud` is the case face, `client_id` is the client, and `sub`
is not the client itself: a token of the client has no practitioner.

`nonce`, `at_hash` and `c_hash` tie an ID token to a browser's session and to other tokens. The client that requested it
checks them. Not checked here either: how often the token was shown, and what its values are worth.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trust import claims, jose
from trust.errors import MalformedClaims, TooOld, TrustError, WrongAudience, WrongIssuer
from trust.jose import HeaderRule
from trust.keys import Alg, KeySet, KeyUse
from trust.strict_json import JsonObject

MAX_BYTES = 32_768
MAX_LIFE = timedelta(days=1)
MAX_SUB = 255
MAX_VALUES = 256
"""Roles, groups or units in one claim."""
MAX_VALUE = 256
_TIMES = ("iat", "exp", "nbf", "auth_time")


class WeakSignIn(TrustError):
    """The practitioner signed in, but nothing says with a second factor."""

    code = "weak_sign_in"


class TokenKind(StrEnum):
    """The two tokens that say who signed in, by their `typ`."""

    ID_TOKEN = "JWT"  # noqa: S105 - a type
    ACCESS_TOKEN = "at+jwt"  # noqa: S105 - a type


ClaimName = str | tuple[str, ...]
"""Where a claim is.

1. Several texts are the steps of a path into objects and lists of objects; a step may hold any character.
2. One text with `://` is the whole name of a claim of the token.
3. Another text with dots is a whole name, or a path whose steps the dots divide; a token that has both is refused.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimNames:
    """Which claims of this provider name the practitioner, the role and the unit."""

    person: str = "sub"
    role: ClaimName
    unit: ClaimName


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """The claims and values that say that there was a second factor: `amr` (RFC 8176), `acr` and the provider's own.

    `declared`: the provider is known to issue tokens only after one, and its tokens need not say so.
    """

    values: Mapping[str, frozenset[str]]
    declared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token must say: `clients` are what the presenting case system is called at the provider.

    `resource` is the audience of access tokens, None where this provider's are not taken.
    """

    issuer: str
    algorithm: Alg
    clients: frozenset[str]
    resource: str | None
    names: ClaimNames
    second_factor: SecondFactor
    max_auth_age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Who signed in, when, and the provider's own values for role and unit.

    ``factor_stated`` says that the token itself states a second factor.
    """

    person: str
    roles: tuple[str, ...]
    units: tuple[str, ...]
    auth_time: datetime
    exp: datetime
    factor_stated: bool


def peek_issuer(raw: bytes, *, kind: TokenKind, algorithms: Collection[Alg]) -> str:
    """Read which provider a token says that it is from, to find its keys; nothing is verified by this."""
    unverified = jose.peek_by_rule(raw, rule=_rule(kind, algorithms), max_bytes=MAX_BYTES)
    return claims.require_str(unverified.claims, "iss")


def verify(raw: bytes, *, kind: TokenKind, expected: Expected, keys: KeySet, now: datetime) -> SignIn:
    """Verify a token by the module's numbered plan; raise nothing but TrustError."""
    keys.require_use(KeyUse.SIGN_IN)
    rule = _rule(kind, (expected.algorithm,))
    opened = jose.open_by_rule(raw, rule=rule, keys=keys, max_bytes=MAX_BYTES).claims  # 1
    if opened.get("iss") != expected.issuer:  # 2
        raise WrongIssuer("The token was not issued by the provider whose key signed it.")
    _check_addressing(opened, kind, expected)  # 3
    opened = claims.whole_seconds(opened, _TIMES)
    times = claims.check_times(opened, now=now, max_life=MAX_LIFE)  # 4
    claims.require_str(opened, "sub", max_len=MAX_SUB)  # 5
    auth_time = _signed_in(opened, times.iat, now, expected.max_auth_age)  # 6
    factor_stated = _check_second_factor(opened, expected.second_factor)  # 7
    return SignIn(  # 8
        person=claims.require_str(opened, expected.names.person, max_len=MAX_SUB),
        roles=_values(opened, expected.names.role),
        units=_values(opened, expected.names.unit),
        auth_time=auth_time,
        exp=times.exp,
        factor_stated=factor_stated,
    )


def _rule(kind: TokenKind, algorithms: Collection[Alg]) -> HeaderRule:
    return HeaderRule(typ=kind, typ_optional=kind is TokenKind.ID_TOKEN, algorithms=tuple(algorithms), media_type=True)


def _check_addressing(opened: JsonObject, kind: TokenKind, expected: Expected) -> None:
    audience = opened.get("aud")
    if type(audience) is list and len(audience) == 1:
        audience = audience[0]
    if type(audience) is not str:
        raise WrongAudience("The token's 'aud' must name exactly one audience.")
    if kind is TokenKind.ACCESS_TOKEN:
        if expected.resource is None or audience != expected.resource:
            raise WrongAudience("The access token is not for this node's case face.")
        client = claims.require_str(opened, "client_id", max_len=MAX_VALUE)
        if client == opened.get("sub"):
            raise WrongAudience("This access token has no practitioner: its subject is the client itself.")
    else:
        client = audience
    if client not in expected.clients or opened.get("azp", client) != client:
        raise WrongAudience("The token was issued to another application than the case system that shows it.")


def _signed_in(opened: JsonObject, issued: datetime, now: datetime, max_age: timedelta) -> datetime:
    if "auth_time" not in opened:
        raise MalformedClaims("'auth_time' is missing. Have the application ask for it, with max_age in its request.")
    auth_time = claims.from_seconds(claims.require_int(opened, "auth_time", maximum=claims.LATEST_SECONDS))
    if auth_time > issued + claims.LEEWAY_AHEAD:
        raise MalformedClaims("'auth_time' must not be later than 'iat'.")
    if now - auth_time >= max_age:
        raise TooOld("The practitioner signed in too long ago; have them sign in again.")
    return auth_time


def _check_second_factor(opened: JsonObject, counts: SecondFactor) -> bool:
    """Return whether the token itself states a second factor, rather than the agency's declaration."""
    stated = {name: _values(opened, name) for name in counts.values if _find(opened, name) is not None}
    if any(counts.values[name].intersection(values) for name, values in stated.items()):
        return True
    if counts.declared:
        return False
    if not stated:
        raise WeakSignIn(
            f"The token does not say how the practitioner signed in: it has no {' or '.join(sorted(counts.values))}. "
            "Have the provider write one of them, or name in second_factor what it does write, or the rule there that "
            "enforces a second factor."
        )
    raise WeakSignIn("The practitioner signed in without a second factor; have them sign in with one.")


def _values(opened: JsonObject, name: ClaimName) -> tuple[str, ...]:
    found = _find(opened, name)
    label = name if isinstance(name, str) else " > ".join(name)
    if found is None:
        elsewhere = opened.get("_claim_names")  # OpenID Connect Core 1.0 section 5.6.2: a distributed claim
        distributed = type(elsewhere) is dict and (name if isinstance(name, str) else name[0]) in elsewhere
        hint = " The token only says where to fetch it; have the provider write it out." if distributed else ""
        raise MalformedClaims(f"'{label}' is missing.{hint}")
    listed = claims.require_list({label: found if type(found) is list else [found]}, label, max_items=MAX_VALUES)
    texts = (str(item) if type(item) is int else item for item in listed)
    return tuple(dict.fromkeys(claims.require_str({label: text}, label, max_len=MAX_VALUE) for text in texts))


def _find(opened: JsonObject, name: ClaimName) -> object:
    """Return the claim of a name, read as :data:`ClaimName` says; None where there is none."""
    if not isinstance(name, str):
        return _follow(opened, name)
    whole = opened.get(name)
    if "." not in name or "://" in name:
        return whole
    inner = _follow(opened, name.split("."))
    if whole is not None and inner is not None:  # whichever is taken, the other might be what the agency meant
        raise MalformedClaims(
            f"'{name}' is in this token as one claim and as a path. Write the setting as a list of steps."
        )
    return inner if whole is None else whole


def _follow(opened: JsonObject, steps: Iterable[str]) -> object:
    found: object = opened
    for step in steps:
        found = _step(found, step)
    return found


def _step(found: object, step: str) -> object:
    if type(found) is list:
        inner = [item[step] for item in found if type(item) is dict and step in item]
        return inner or None
    return found.get(step) if type(found) is dict else None
