"""The spellings in which a source may hold what is searched for, as bounded lists of texts."""

import re
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Final

from adapters.sources.days import today
from trust.exchange.person_identifiers import normal_pnc_id
from trust.exchange.person_names import normal_name

_PNC_ID: Final = re.compile(r"([0-9]{2})([0-9]{2})/([0-9]{7})([A-Z])")
_NINO: Final = re.compile(r"([A-Z]{2}[0-9]{6})[A-D]?")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
GUID: Final = re.compile(r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
_APOSTROPHES: Final = ("'", "\u2019", "", " ", "\u2018", "\u02bc", "`", "\u00b4")
_HYPHENS: Final = ("-", " ", "", "\u2010", "\u2011", "\u2013", "\u00a0", " - ")
_PLAIN_MARKS: Final = str.maketrans(
    dict.fromkeys((*_APOSTROPHES[4:], "\u2019"), "'") | dict.fromkeys(_HYPHENS[3:6], "-")
)
_AFTER_KEY: Final = ("\r\n", "\n", "\r", "\t", "\u00a0")
_PADDED_WIDTH: Final = 32
_PADDINGS: Final = tuple(" " * width for width in range(1, _PADDED_WIDTH + 1))


def identifier_spellings(field: str, value: str) -> tuple[str, ...]:
    """Return how an identifier may stand in a column once all but its letters and digits are taken out."""
    spell = _SPELLINGS.get(field)
    return (value,) if spell is None else spell(value)


def _nhs_numbers(value: str) -> tuple[str, ...]:
    return value, f"{value}0", f"{value}00"  # 9434765919.0, which a spreadsheet made of it


def _ninos(value: str) -> tuple[str, ...]:
    """Return a National Insurance number without a suffix and with each, which tells no two people apart."""
    parts = _NINO.fullmatch(value)
    return (value,) if parts is None else tuple(f"{parts[1]}{suffix}" for suffix in ("", "A", "B", "C", "D"))


def _pnc_ids(value: str) -> tuple[str, ...]:
    parts = _PNC_ID.fullmatch(value)
    if parts is None:
        return (value,)
    century, year, serial, letter = parts.groups()
    read = partial(normal_pnc_id, this_year=today().year)
    spelled = product((century + year, year), (serial, serial.lstrip("0") or "0"))
    forms = (
        f"{years}{number}{letter}"
        for years, number in spelled
        if value in {read(f"{years}/{number}{letter}"), read(f"{years}{number}{letter}")}
    )
    return tuple(dict.fromkeys(forms))


_SPELLINGS: Final[dict[str, Callable[[str], tuple[str, ...]]]] = {
    "nhs_number": _nhs_numbers,
    "nino": _ninos,
    "pnc_id": _pnc_ids,
}


def family_name_spellings(name: str) -> tuple[str, ...]:
    """Return a family name in small letters, with each apostrophe and hyphen that systems write.

    Databases make small only the letters of ASCII in some locales, so capitals with accents are there twice.
    """
    plain = normal_name(name).translate(_PLAIN_MARKS)
    marked = dict.fromkeys(plain.replace("'", mark) for mark in _APOSTROPHES)
    written = dict.fromkeys([name, *(each.replace("-", mark) for each in marked for mark in _HYPHENS)])
    return tuple(dict.fromkeys(text for each in written for text in (each.lower(), _lower_ascii(each.upper()))))


def _lower_ascii(text: str) -> str:
    return text.lower() if text.isascii() else "".join(char.lower() if char.isascii() else char for char in text)


def key_spellings(key: str) -> tuple[str, ...]:
    """Return a key as it may stand in a column of fixed width, padded on either side; a GUID in each of its forms."""
    if GUID.fullmatch(key):
        return key, key.upper(), f"{{{key}}}", f"{{{key.upper()}}}"
    after = _AFTER_KEY + _PADDINGS[: max(0, _PADDED_WIDTH - len(key))]
    before = after[len(_AFTER_KEY) :]
    return key, *[key + padding for padding in after], *[padding + key for padding in before]


def whole_number(text: str) -> int | None:
    """Return the number of which ``text`` is the plain decimal form, if it is one that a database can hold."""
    number = int(text) if _WHOLE.fullmatch(text) else None
    return number if number is not None and str(number) == text else None
