"""Key thumbprints: their digits, to be read out, and the comparison with what an administrator typed."""

import re
from collections.abc import Iterable, Sequence

from gateway.administration.errors import OperationRefused
from trust import base64url
from trust.federation.anchor_keys import Pin
from trust.spoken_digits import DIGITS, digits_of_keys, spoken

_NUMBER = re.compile(rf"[0-9]{{{DIGITS}}}")
_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{64}|[0-9A-Za-z_-]{43}")


def read_digits(texts: Sequence[str]) -> str:
    """Return digits as typed, in groups or not. Raises :class:`OperationRefused`."""
    number = "".join("".join(texts).split())
    if _NUMBER.fullmatch(number) is None:
        raise OperationRefused(f"Nothing was changed: type the {DIGITS} digits again as they were read out.")
    return number


def compare(texts: Sequence[str], kids: Sequence[str]) -> bool:
    """Return whether the typed texts name exactly these keys: by their digits, or each by its key id.

    A key id counts in hexadecimal too. Raises ``OperationRefused`` for a mistyped id, or too few or too many.
    """
    plain = ["".join(text.split()) for text in texts]
    digits = "".join(plain)
    if _NUMBER.fullmatch(digits):
        return digits == digits_of_keys(kids)
    if not all(_THUMBPRINT.fullmatch(text) for text in plain):
        raise OperationRefused(
            f"Nothing was changed: a thumbprint is {DIGITS} digits, or the id of each key (43 characters, or 64 "
            "hexadecimal digits); type it again as it was read out."
        )
    if len(plain) != len(kids):
        raise OperationRefused(
            f"Nothing was changed: there are {len(kids)} keys to compare, and {len(plain)} ids given; give "
            "--thumbprint once for each, or the digits of all of them once."
        )
    kid_of = {_hex(kid): kid for kid in kids} | {kid: kid for kid in kids}
    return {kid_of.get(text) or kid_of.get(text.lower()) or "" for text in plain} == set(kids)


def lines(kids: Iterable[str]) -> list[str]:
    """Return the digits of a set of keys and their ids, one a line."""
    every = list(kids)
    return [f"    {spoken(digits_of_keys(every))}", *(f"    (key id {kid})" for kid in every)]


def kids_of(pin: Pin) -> list[str]:
    """Return the ids of what is compared before an anchor is pinned: its federation keys, then its recovery keys."""
    return sorted(pin.keys.kids) + (sorted(pin.recovery.kids) if pin.recovery else [])


def _hex(kid: str) -> str:
    return base64url.decode(kid.encode("ascii"), "key id").hex()
