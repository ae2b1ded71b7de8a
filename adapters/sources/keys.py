"""Keys of records in one normal form, for any type, padding or spelling of a column.

A part of a key is a text, or a number if the source holds a number. Two texts are compared exactly, a text and a number
by value. ``7`` and ``07`` are two keys, and so are ``T7`` and ``t7``.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final
from unicodedata import category
from uuid import UUID

from adapters.sources.text import Unreadable, decode, plain_text

KeyPart = str | int

_PAD_RANGES: Final = (
    *((0x00, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x1680, 0x1680), (0x180E, 0x180E)),
    *((0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
"""Spaces, line breaks, controls and invisible characters that pad a key."""
PADDING: Final = "".join(chr(code) for first, last in _PAD_RANGES for code in range(first, last + 1))
PAD_BOUNDS: Final = tuple((chr(first), chr(last + 1)) for first, last in _PAD_RANGES)
"""The ranges of :data:`PADDING`, each as its first character and the one after its last."""

_AROUND_BYTES: Final = "\t\r\n" + "".join(char for char in PADDING if category(char) != "Cc")
"""Padding of a text in a column of bytes; bytes with a control character are no text."""
_GUID: Final = re.compile(
    r"\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32})\}?", re.IGNORECASE | re.ASCII
)
_GUID_BYTES: Final = 16
_NUMBER: Final = re.compile(r"(-?(?:0|[1-9][0-9]{0,39}))(?:\.0+)?", re.ASCII)
_HEX: Final = re.compile(r"\\x((?:[0-9a-f]{2})+)", re.ASCII)
_PARTS: Final = re.compile(r"parts:(\[.*\])", re.DOTALL)


def write_ref(parts: Sequence[object]) -> str:
    """Return a record's key, of one part or more, as an opaque text. Raises :class:`Unreadable`."""
    key_parts = [key_part(part) for part in parts]
    if len(key_parts) > 1:
        return f"parts:{json.dumps(key_parts)}"
    return f"{'number' if isinstance(key_parts[0], int) else 'text'}:{key_parts[0]}"


def read_ref(ref: str) -> tuple[KeyPart, ...]:
    """Return the parts of a key from :func:`write_ref`; for any other text, a key that no record has."""
    parts = _PARTS.fullmatch(ref)
    if parts is not None:
        try:
            return tuple(part if type(part) is int else str(part) for part in json.loads(parts[1]))
        except ValueError:
            return (ref,)
    form, _, text = ref.partition(":")
    number = number_in(text) if form == "number" else None
    if number is not None:
        return (number,)
    return (text if form in {"number", "text"} else ref,)


def key_part(value: object) -> KeyPart:
    """Return one part of a key without its padding: a number, or a text; a GUID in lower case with hyphens.

    Bytes become text if possible, else a GUID if they are 16, else hexadecimal as in PostgreSQL. Raises
    :class:`Unreadable`.
    """
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return int(plain_text(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _part_of_bytes(bytes(value))
    return _part_of_text(_day_text(value) if isinstance(value, date) else plain_text("" if value is None else value))


def same_part(one: KeyPart, other: KeyPart) -> bool:
    """Return whether two parts are equal: two texts exactly, a number and another part by value."""
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    return number_in(one) == number_in(other) is not None


def number_in(part: KeyPart) -> int | None:
    """Return a part as a number, if it is one in plain decimals without leading zeros."""
    if isinstance(part, int):
        return part
    whole = _NUMBER.fullmatch(part)
    return int(whole[1]) if whole else None


def guid_in(part: KeyPart) -> UUID | None:
    """Return a text as a GUID, with or without hyphens and braces."""
    match = _GUID.fullmatch(part) if isinstance(part, str) else None
    return UUID(match[1]) if match else None


def bytes_of(part: KeyPart) -> tuple[bytes, ...]:
    """Return the bytes, without padding, that :func:`key_part` may read as this part."""
    text = str(part)
    raw = dict.fromkeys([text.encode(errors="surrogatepass"), *_windows_bytes(text)])
    if (guid := guid_in(part)) is not None:
        return (*raw, guid.bytes)
    hexadecimal = _HEX.fullmatch(text)
    return (*raw, bytes.fromhex(hexadecimal[1])) if hexadecimal else tuple(raw)


def _windows_bytes(text: str) -> tuple[bytes, ...]:
    try:
        return (text.encode("cp1252"),)
    except UnicodeEncodeError:
        return ()


def _part_of_text(text: str) -> str:
    tidy = text.strip(PADDING)
    if not tidy:
        raise Unreadable("is missing")
    guid = guid_in(tidy)
    return tidy if guid is None else str(guid)


def _part_of_bytes(raw: bytes) -> str:
    text = _text_in(raw)
    if text is not None:
        return _part_of_text(text)
    if len(raw) == _GUID_BYTES:
        return str(UUID(bytes=raw))
    if _text_in(raw.rstrip(b"\0")):  # a padded text or a number: two different keys could become one
        raise Unreadable("is a text that is padded with zero bytes")
    return f"\\x{raw.hex()}"


def _text_in(raw: bytes) -> str | None:
    """Return bytes as a text, or ``None``: a text has no controls but line breaks and tabs around it."""
    try:
        text = decode(raw)
    except Unreadable:
        return None
    if len(raw) == _GUID_BYTES and text.encode(errors="replace") != raw:  # more likely a GUID than Windows-1252
        return None
    tidy = text.strip(_AROUND_BYTES)
    return text if tidy.isprintable() and (tidy or raw.isspace() or not raw) else None


def _day_text(value: date) -> str:
    """Return a day, or a moment at midnight, as an ISO day; a moment with a zone in UTC."""
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is not None:
        return value.astimezone(UTC).isoformat(sep=" ")
    midnight = value == datetime.combine(value.date(), datetime.min.time())
    return value.date().isoformat() if midnight else value.isoformat(sep=" ")
