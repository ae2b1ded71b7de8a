"""Look for personal details in bytes, as they are and as they decode."""

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
"""Thousands of numbers are found by their form, at every place where one could begin, and then looked up."""
_ENCODED: Final = re.compile(rb"[A-Za-z0-9_-]{40,}")


def found_in(texts: Iterable[bytes], details: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the kinds of ``details`` of which one stands anywhere in the texts, or in what they decode to."""
    whole = b"\0".join(part for text in texts for part in (text, *_decoded(text)))
    lowered = whole.lower()
    return sorted(kind for kind, data in details.items() if _holds(whole, lowered, kind, data))


def _holds(raw: bytes, lowered: bytes, kind: str, data: Sequence[str]) -> bool:
    if kind in NUMBERS:
        known = {datum.encode("ascii") for datum in data}
        return any(match[1] in known for match in NUMBERS[kind].finditer(raw))
    return any(datum.lower().encode("ascii") in lowered for datum in data)


def _decoded(raw: bytes) -> Iterator[bytes]:
    """Decode whatever could be base64url, as the parts of a signed token are, wherever in a run it may begin."""
    for match in _ENCODED.finditer(raw):
        for start in range(4):
            text = match[0][start:]
            yield base64.urlsafe_b64decode(text[: len(text) // 4 * 4])
