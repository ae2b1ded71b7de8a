"""Spellings of a searched value in a source, as limited lists of texts."""

import re
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Final

from adapters.sources.days import today
from trust.exchange.check_digits import nhs_number_ok
from trust.exchange.keyed_digits import is_keyed_in
from trust.exchange.person_identifiers import normal_pnc_id
from trust.exchange.person_names import normal_name

_PNC_ID: Final = re.compile(r"([0-9]{2})([0-9]{2})/([0-9]{7})([A-Z])")
_NINO: Final = re.compile(r"([A-Z]{2}[0-9]{6})[A-D]?")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_APOSTROPHES: Final = ("'", "\u2019", "", " ", "\u2018", "\u02bc", "`", "\u00b4")
_HYPHENS: Final = ("-", " ", "", "\u2010", "\u2011", "\u2013", "\u00a0", " - ")
_DECIMALS: Final = 4
"""The most zeros after the point of a number, as a spreadsheet writes it (9434765919.00)."""
_PLAIN_MARKS: Final = str.maketrans(
    dict.fromkeys((*_APOSTROPHES[4:], "\u2019"), "'") | dict.fromkeys(_HYPHENS[3:6], "-")
)


def identifier_spellings(field: str, value: str) -> tuple[str, ...]:
    """Return the spellings of an identifier in a column, reduced to letters and digits."""
    spell = _SPELLINGS.get(field)
    return (value,) if spell is None else spell(value)


def with_its_zero(number: str) -> str:
    """Return an NHS number with its lost leading zero, if the check digit is then right.

    A number has one leading zero at most: a health number of Scotland has it for the first nine days of a month. A
    pattern such as 123456789 is a stand-in.
    """
    whole = f"0{number}"
    return whole if nhs_number_ok(whole) and not is_keyed_in(number) else number


def _nhs_numbers(value: str) -> tuple[str, ...]:
    numbers = (value, value[1:]) if with_its_zero(value[1:]) == value else (value,)
    return tuple(f"{number}{'0' * decimals}" for number in numbers for decimals in range(_DECIMALS + 1))


def _ninos(value: str) -> tuple[str, ...]:
    """Return a National Insurance number without a suffix and with each; the suffix distinguishes no people."""
    parts = _NINO.fullmatch(value)
    return (value,) if parts is None else tuple(f"{parts[1]}{suffix}" for suffix in ("", "A", "B", "C", "D"))


def _pnc_ids(value: str) -> tuple[str, ...]:
    parts = _PNC_ID.fullmatch(value)
    if parts is None:
        return (value,)
    century, year, serial, letter = parts.groups()
    normal_form = partial(normal_pnc_id, this_year=today().year)
    spelled = product((century + year, year), (serial, serial.lstrip("0") or "0"))
    forms = (
        f"{years}{number}{letter}"
        for years, number in spelled
        if value in {normal_form(f"{years}/{number}{letter}"), normal_form(f"{years}{number}{letter}")}
    )
    return tuple(dict.fromkeys(forms))


_SPELLINGS: Final[dict[str, Callable[[str], tuple[str, ...]]]] = {
    "nhs_number": _nhs_numbers,
    "nino": _ninos,
    "pnc_id": _pnc_ids,
}


def family_name_spellings(name: str) -> tuple[str, ...]:
    """Return a family name in lower case, with each kind of apostrophe and hyphen.

    In some locales databases lower only ASCII letters, so that names with accented capitals are there twice.
    """
    plain = normal_name(name).translate(_PLAIN_MARKS)
    with_apostrophes = dict.fromkeys(plain.replace("'", mark) for mark in _APOSTROPHES)
    spellings = dict.fromkeys([name, *(each.replace("-", mark) for each in with_apostrophes for mark in _HYPHENS)])
    return tuple(dict.fromkeys(text for each in spellings for text in (each.lower(), _lower_ascii(each.upper()))))


def _lower_ascii(text: str) -> str:
    return text.lower() if text.isascii() else "".join(char.lower() if char.isascii() else char for char in text)


def whole_number(text: str) -> int | None:
    """Return a plain decimal text as a number, if a database can hold it."""
    number = int(text) if _WHOLE.fullmatch(text) else None
    return number if number is not None and str(number) == text else None
