"""Read JSON in one way only, so that no two parsers can be shown different documents in the same bytes.

Refused, beyond what is not JSON at all: duplicate members, NaN and infinities, integers that a double cannot hold
exactly, invalid UTF-8, a byte order mark, lone surrogates, nesting beyond a cap, and more bytes than the caller allows
(RFC 8259 sections 4, 6, 8 and 9; RFC 7493 section 2).
"""

import json
import math
import re
from typing import Any, NoReturn

from trust.errors import MalformedJson, TooLarge, shown_member

JsonObject = dict[str, Any]

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON implementation reads alike (RFC 7493 section 2.2)."""
_MAX_NUMBER_LENGTH = 32
# Strings are matched whole, and possessively, so that brackets inside them do not count and the scan stays linear.
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def loads(raw: bytes, *, max_bytes: int, max_depth: int = 32) -> JsonObject:
    """Parse bytes whose top level is an object.

    Raise TooLarge, before parsing, for more than `max_bytes` bytes or `max_depth` levels; MalformedJson otherwise.
    """
    value = loads_any(raw, max_bytes=max_bytes, max_depth=max_depth)
    if not isinstance(value, dict):
        raise MalformedJson("The JSON document is not an object.")
    return value


def loads_any(raw: bytes, *, max_bytes: int, max_depth: int = 32) -> object:
    """Parse bytes whose top level may be any JSON value; the same rules and errors as `loads`."""
    if len(raw) > max_bytes:
        raise TooLarge(f"The JSON document has more than {max_bytes} bytes.")
    if raw.count(b"{") + raw.count(b"[") > max_depth:
        _check_depth(raw, max_depth)
    try:
        value: object = _DECODER.decode(raw.decode("utf-8"))
        if _SURROGATE_ESCAPE.search(raw):
            _ENCODER.encode(value).encode("utf-8")
    except UnicodeError:
        raise MalformedJson("The JSON document is not valid UTF-8, or names half a character.") from None
    except ValueError as error:
        at = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise MalformedJson(f"The document is not valid JSON{at}.") from None
    return value


def dumps(value: object) -> bytes:
    """Write compact UTF-8 JSON with sorted members, so that equal values give equal bytes.

    What JSON cannot hold (NaN, bytes, a lone surrogate) is the caller's error and raises ValueError or TypeError.
    """
    return _ENCODER.encode(value).encode("utf-8")


def _check_depth(raw: bytes, max_depth: int) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(raw):
        first = raw[match.start()]
        if first in b"[{":
            depth += 1
            if depth > max_depth:
                raise TooLarge(f"The JSON document is nested more than {max_depth} levels deep.")
        elif first in b"]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise MalformedJson(f"The JSON document has the member {shown_member(repeated)} twice in one object.")
    return members


def _integer(digits: str) -> int:
    value = int(digits) if len(digits) <= _MAX_NUMBER_LENGTH else MAX_INTEGER + 1
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise MalformedJson("The JSON document holds an integer beyond 2^53 - 1.")
    return value


def _real(digits: str) -> float:
    value = float(digits) if len(digits) <= _MAX_NUMBER_LENGTH else math.inf
    if not math.isfinite(value):
        raise MalformedJson("The JSON document holds a number with too many digits or too large an exponent.")
    return value


def _constant(name: str) -> NoReturn:
    raise MalformedJson(f"The JSON document holds {name}, which is not JSON.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_real, parse_constant=_constant, strict=True
)
# No document here holds itself; watching for that would cost a third of the encoding.
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True, check_circular=False
)
