"""Thumbprints as people compare them over the telephone: 30 decimal digits for one key or for a whole set.

The digits are the thumbprint (SHA-256) modulo 10^30, about 99.7 bits: finding another key with the same digits takes
some 2^99 tries. A set of several keys has one number, from the digest of its key ids in order.
"""

from collections.abc import Iterable
from typing import Final

from trust import base64url
from trust.claims import digest

DIGITS: Final = 30
_GROUP: Final = 5


def digits(of: str) -> str:
    """Return the digits of a thumbprint or digest (base64url of SHA-256)."""
    number = int.from_bytes(base64url.decode(of.encode("ascii"), "digest"), "big")
    return str(number % 10**DIGITS).zfill(DIGITS)


def digits_of_keys(kids: Iterable[str]) -> str:
    """Return the digits of a set of keys; those of its key where it has one."""
    ordered = sorted(set(kids))
    return digits(ordered[0] if len(ordered) == 1 else digest(" ".join(ordered).encode("ascii")))


def spoken(number: str) -> str:
    """Write digits in groups of five, to be read out."""
    return " ".join(number[at : at + _GROUP] for at in range(0, len(number), _GROUP))
