"""A search for personal details in bytes, in clear and encoded."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

NUMBERS: Final = {
    "NHS numbers": re.compile(rb"(?=(\d{10}))"),
    "UPNs": re.compile(rb"(?=([A-Z]\d{11}[0-9A-Z]))"),
    "NINOs": re.compile(rb"(?=([A-Z]{2}\d{6}[A-D]))"),
    "PNC ids": re.compile(rb"(?=(\d{4}/\d{7}[A-Z]))"),
}
"""Forms of numbers: each match, at any offset, is compared with the thousands of known numbers."""
_ENCODED: Final = re.compile(rb"[A-Za-z0-9_-]{40,}")


def find_kinds(texts: Iterable[bytes], details: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the kinds of ``details`` that the texts contain, in clear or as base64url."""
    whole = b"\0".join(part for text in texts for part in (text, *_decoded(text)))
    lowered = whole.lower()
    return sorted(kind for kind, data in details.items() if _contains(whole, lowered, kind, data))


def _contains(raw: bytes, lowered: bytes, kind: str, data: Sequence[str]) -> bool:
    if kind in NUMBERS:
        numbers = {datum.encode("ascii") for datum in data}
        return any(match[1] in numbers for match in NUMBERS[kind].finditer(raw))
    return any(datum.lower().encode("ascii") in lowered for datum in data)


def _decoded(raw: bytes) -> Iterator[bytes]:
    """Decode each run that may be base64url, such as a part of a signed token, from four offsets."""
    for match in _ENCODED.finditer(raw):
        for start in range(4):
            text = match[0][start:]
            yield base64.urlsafe_b64decode(text[: len(text) // 4 * 4])
