"""Write and read base64url as JOSE uses it: no padding, no white space, one spelling for each value.

Python's decoder skips characters that it does not know and ignores left-over bits, so that many spellings would
stand for the same signature. Here, what does not encode back to itself is refused (RFC 7515 section 2, RFC 4648
section 3.5).
"""

import binascii

from trust.errors import MalformedToken

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_FROM_STANDARD = bytes.maketrans(b"+/", b"-_")


def encode(raw: bytes) -> bytes:
    """Encode bytes without padding."""
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").translate(_FROM_STANDARD)


def decode(segment: bytes, what: str) -> bytes:
    """Decode the one canonical spelling of some bytes; `what` names the part in the refusal (MalformedToken)."""
    try:
        raw = binascii.a2b_base64(segment.translate(_TO_STANDARD) + b"=" * (-len(segment) % 4))
    except binascii.Error:
        raise MalformedToken(f"The {what} is not base64url.") from None
    if encode(raw) != segment:
        raise MalformedToken(f"The {what} is not canonical base64url: padding, white space and stray bits are refused.")
    return raw
