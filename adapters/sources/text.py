"""Conversion of any value from a case system's driver to one line of text."""

import unicodedata
from decimal import Decimal
from typing import Final
from uuid import UUID

MAX_TEXT: Final = 200
"""The most characters of a field in the exchange; a longer text is no name or telephone number."""

_LARGEST: Final = 10**40
_CONTROLS: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS: Final = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
"""Invisible characters inside words, removed without a gap: a number copied from a page may hold them."""


class Unreadable(ValueError):
    """A value does not fit its column; the text is the end of a sentence about it and repeats no value."""


def read_text(value: object) -> str | None:
    """Return one line of text, or ``None`` for a blank. Control and direction characters become spaces.

    A whole number of any type becomes its digits. Bytes are UTF-8, else Windows-1252.
    """
    if value is None or value == "":
        return None
    if type(value) is str and value.isascii() and value.isprintable():  # the usual case
        tidy = " ".join(value.split())
    else:
        tidy = " ".join(_safe(plain_text(value)).split())
    if len(tidy) > MAX_TEXT:
        raise Unreadable(f"has more than {MAX_TEXT} characters")
    return tidy or None


def plain_text(value: object) -> str:
    """Return a scalar as its stored text. Raises :class:`Unreadable`."""
    if isinstance(value, str):
        return _repair_surrogates(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return decode(bytes(value))
    if isinstance(value, bool):
        raise Unreadable("is true or false instead of a text")
    if isinstance(value, float | Decimal):
        if value != value or value in (float("inf"), float("-inf")) or value != int(value):  # noqa: PLR0124 - NaN
            raise Unreadable("is a number that is not whole")
        value = int(value)
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise Unreadable("is a number of more than 40 digits")
    if isinstance(value, int | UUID):
        return str(value)
    raise Unreadable("is not text")


def decode(raw: bytes) -> str:
    """Decode UTF-8, else Windows-1252, which older systems use. Raises :class:`Unreadable`."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("is neither UTF-8 nor Windows-1252")


def _repair_surrogates(text: str) -> str:
    """Decode again the bytes that a file's reader turned into lone surrogates (PEP 383)."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return decode(text.encode(errors="surrogateescape"))
        except UnicodeEncodeError:  # a surrogate that a JSON escape wrote
            return text
    return text


def _safe(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    safe = (" " if unicodedata.category(char) in _CONTROLS else char for char in text.translate(_JOINERS))
    return unicodedata.normalize("NFC", "".join(safe))
