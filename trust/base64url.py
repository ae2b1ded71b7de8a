"""Write and read base64url as JOSE uses it: no padding, no white space, one spelling for each value.

Python's decoder skips characters that it does not know and ignores left-over bits, so that many spellings would
stand for the same signature. Here, only what encodes back to itself is read (RFC 7515 section 2, RFC 4648 section 3.5).
"""

import binascii

from trust.errors import MalformedToken

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_GROUP = 4
# The last of two characters carries 2 bits that count and the last of three 4: the others must be nought.
_LAST = {2: frozenset(b"AQgw"), 3: frozenset(b"AEIMQUYcgkosw048")}
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_FROM_STANDARD = bytes.maketrans(b"+/", b"-_")


def encode(raw: bytes) -> bytes:
    """Encode bytes without padding."""
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").translate(_FROM_STANDARD)


def decode(segment: bytes, what: str) -> bytes:
    """Decode the one canonical spelling of some bytes; `what` names the part in the refusal (MalformedToken)."""
    rest = len(segment) % _GROUP
    if rest == 1 or segment.translate(None, _ALPHABET):
        raise MalformedToken(f"The {what} is not base64url without padding.")
    if rest and segment[-1] not in _LAST[rest]:
        raise MalformedToken(f"The {what} is not canonical base64url: its last character has stray bits.")
    return binascii.a2b_base64(segment.translate(_TO_STANDARD) + b"=" * (-rest % _GROUP))
