"""Read one claim at a time out of a parsed document, and check the times that every signed document carries.

Every function refuses with MalformedClaims naming the claim; none repeats its value, which may be personal.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from trust import base64url
from trust.errors import Expired, LivesTooLong, MalformedClaims, NotYetValid, TooOld, shown_member
from trust.strict_json import MAX_INTEGER, JsonObject

MAX_JTI = 128
"""Characters in a `jti` (WIRE.md section 2)."""
MAX_TEXT = 1024
LEEWAY_AHEAD = timedelta(seconds=10)
"""How far ahead another party's clock may be; FAPI 2.0 section 5.3.2.1 asks for 10 s and forbids more than 60 s."""
LATEST_SECONDS = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())

UNPRINTABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")
"""What no one-line text may contain: controls, line and paragraph separators, bidirectional overrides, surrogates."""
IGNORABLE = re.compile(
    "[\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164"
    "\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufff8\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff]"
)
"""What shows nothing, so that two texts that look the same differ (Unicode 14, ``Default_Ignorable_Code_Point``).

Refused in the names of agencies, ids, notes and agreements; stripped from people's names, in which some are usual.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The checked `iat` and `exp` of a signed document."""

    iat: datetime
    exp: datetime


def require_str(claims: JsonObject, name: str, *, max_len: int = MAX_TEXT) -> str:
    """Return a non-empty string of `max_len` characters at most, nothing :data:`UNPRINTABLE` or ignorable in it."""
    value = _stated(claims, name)
    if type(value) is not str or not 0 < len(value) <= max_len:
        raise MalformedClaims(f"'{name}' must be a text of 1 to {max_len} characters.")
    if not value.isprintable() and UNPRINTABLE.search(value):
        raise MalformedClaims(f"'{name}' must not contain control characters.")
    if not value.isascii() and IGNORABLE.search(value):
        raise MalformedClaims(f"'{name}' must not contain characters that show nothing.")
    return value


def strip_ignorable(text: str) -> str:
    """Return ``text`` without the characters that show nothing."""
    return text if text.isascii() else IGNORABLE.sub("", text)


def optional_str(claims: JsonObject, name: str, *, max_len: int = MAX_TEXT) -> str | None:
    """Return None where the claim is absent; a claim that is there must be right, and null is not."""
    return require_str(claims, name, max_len=max_len) if name in claims else None


def require_int(claims: JsonObject, name: str, *, minimum: int = 0, maximum: int = MAX_INTEGER) -> int:
    """Return an integer within bounds; true and false are not integers here."""
    value = _stated(claims, name)
    if type(value) is not int or not minimum <= value <= maximum:
        raise MalformedClaims(f"'{name}' must be a whole number from {minimum} to {maximum}.")
    return value


def require_object(claims: JsonObject, name: str) -> JsonObject:
    """Return an object."""
    value = _stated(claims, name)
    if type(value) is not dict:
        raise MalformedClaims(f"'{name}' must be an object.")
    return value


def optional_object(claims: JsonObject, name: str) -> JsonObject | None:
    """Return None where the claim is absent."""
    return require_object(claims, name) if name in claims else None


def require_list(claims: JsonObject, name: str, *, max_items: int, min_items: int = 0) -> list[Any]:
    """Return a list with a bounded number of items of any type."""
    value = _stated(claims, name)
    if type(value) is not list or not min_items <= len(value) <= max_items:
        raise MalformedClaims(f"'{name}' must be a list of {min_items} to {max_items} items.")
    return value


def require_str_list(
    claims: JsonObject, name: str, *, max_items: int, min_items: int = 0, max_len: int = MAX_TEXT
) -> tuple[str, ...]:
    """Return different texts, each as `require_str` would have it."""
    items = require_list(claims, name, max_items=max_items, min_items=min_items)
    texts = tuple(require_str({name: item}, name, max_len=max_len) for item in items)
    if len(set(texts)) != len(texts):
        raise MalformedClaims(f"'{name}' must not name anything twice.")
    return texts


def whole_seconds(claims: JsonObject, names: Iterable[str]) -> JsonObject:
    """Return the claims with these times as whole numbers, rounded down; RFC 7519 section 2 allows fractions."""
    return claims | {name: int(claims[name] // 1) for name in names if type(claims.get(name)) is float}


def refuse_unknown(claims: JsonObject, known: Iterable[str], *, within: str) -> None:
    """Refuse members outside a closed set, naming all of them."""
    unknown = sorted(claims.keys() - set(known))
    if unknown:
        names = ", ".join(shown_member(name) for name in unknown)
        raise MalformedClaims(f"{within} must not have the members {names}.")


def check_times(
    claims: JsonObject, *, now: datetime, max_life: timedelta, leeway_ahead: timedelta = LEEWAY_AHEAD
) -> Times:
    """Check `iat`, `exp` and, where present, `nbf` against the time and the longest life that the type may have.

    Both `iat` and `exp` are required (RFC 7519 makes them optional), `exp` after `iat`. There is no leeway behind:
    what has expired has expired. Raise Expired, NotYetValid, LivesTooLong or MalformedClaims.
    """
    issued = check_issued(claims, now=now, leeway_ahead=leeway_ahead)
    expires = from_seconds(require_int(claims, "exp", maximum=LATEST_SECONDS))
    if expires <= issued:
        raise MalformedClaims("'exp' must be later than 'iat'.")
    if expires - issued > max_life:
        raise LivesTooLong(f"'exp' may be at most {_span(max_life)} after 'iat'.")
    check_stated_times(claims, now=now, leeway_ahead=leeway_ahead)
    return Times(iat=issued, exp=expires)


def check_stated_times(claims: JsonObject, *, now: datetime, leeway_ahead: timedelta = LEEWAY_AHEAD) -> None:
    """Check `exp` and `nbf` where they are there (RFC 7519 section 4.1): Expired, NotYetValid or MalformedClaims."""
    if "nbf" in claims and from_seconds(require_int(claims, "nbf", maximum=LATEST_SECONDS)) > now + leeway_ahead:
        raise NotYetValid("'nbf' lies in the future; check the clocks of both machines.")
    if "exp" in claims and from_seconds(require_int(claims, "exp", maximum=LATEST_SECONDS)) <= now:
        raise Expired("It has expired; ask for a fresh one, and check the clocks of both machines if it is fresh.")


def check_issued(
    claims: JsonObject, *, now: datetime, max_age: timedelta | None = None, leeway_ahead: timedelta = LEEWAY_AHEAD
) -> datetime:
    """Check `iat` alone, for documents without an `exp`; raise NotYetValid, TooOld or MalformedClaims."""
    issued = from_seconds(require_int(claims, "iat", maximum=LATEST_SECONDS))
    if issued > now + leeway_ahead:
        raise NotYetValid("'iat' lies in the future; check the clocks of both machines.")
    if max_age is not None and now - issued > max_age:
        raise TooOld(f"It was made more than {_span(max_age)} ago; make a fresh one, and check the clocks.")
    return issued


def check_still_valid(times: Times, *, now: datetime) -> None:
    """Check times that were checked before against a later time: raise Expired or NotYetValid."""
    if times.iat > now + LEEWAY_AHEAD:
        raise NotYetValid("'iat' lies in the future; check the clocks of both machines.")
    if times.exp <= now:
        raise Expired("It has expired; ask for a fresh one, and check the clocks of both machines if it is fresh.")


def digest(raw: bytes) -> str:
    """Return the SHA-256 of some bytes in base64url without padding: 43 characters."""
    return base64url.encode(hashlib.sha256(raw).digest()).decode("ascii")


def keyed_digest(key: bytes, raw: bytes) -> str:
    """Return the HMAC-SHA-256 of some bytes as :func:`digest` writes one: without the key, no guess can be tried."""
    return base64url.encode(hmac.digest(key, raw, hashlib.sha256)).decode("ascii")


def keyed_number(key: bytes, raw: bytes) -> int:
    """Return 63 bits of a keyed hash as a number, for tables of many that are only compared.

    Keyed BLAKE2b (RFC 7693), which takes a third of the time of an HMAC.
    """
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8, key=key).digest(), "big") >> 1


def to_seconds(moment: datetime) -> int:
    """Return whole seconds since 1970, rounded down; a time without a zone is the caller's error (ValueError)."""
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return int(moment.timestamp() // 1)


def from_seconds(seconds: int) -> datetime:
    """Return the UTC time of a number of seconds since 1970."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def _stated(claims: JsonObject, name: str) -> object:
    """Return the claim's value: what is left out is said to be missing, not to be of a wrong form."""
    if name not in claims:
        raise MalformedClaims(f"'{name}' is missing.")
    return claims[name]


def _span(length: timedelta) -> str:
    return f"{length.total_seconds():g} s"
