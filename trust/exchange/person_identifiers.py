"""Identifiers of people: one normal form for each, and the stand-ins that are keyed in where there is none.

A stand-in passes every check digit and belongs to no one, or to everyone who has none: it is no evidence on either
side and is not searched by (assertion A73).
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from trust.exchange.check_digits import nhs_number_ok, nino_ok, pnc_id_ok, upn_ok
from trust.exchange.keyed_digits import is_keyed_in

_WRITTEN_PNC_ID: Final = re.compile(r"([0-9]{4}|[0-9]{2})/([0-9]{1,7})([A-Z])")
_BARE_PNC_ID: Final = re.compile(r"([0-9]{3,11})([A-Z])")
_LONG_BARE_PNC_ID: Final = 9
"""Digits from which an id without a slash is more likely to begin with all four digits of its year."""
_PNC_YEARS: Final = ("19", "20")
_NINO_PROPER: Final = 8
"""Places of a National Insurance number that tell people apart; the suffix does not (HMRC manual NIM39110)."""
_KEYED: Final = 3
"""Equal digits from which a number of any length was keyed in for none; fewer may be the beginning of one."""
_PATTERN: Final = 6
"""Digits from which a pattern such as 123456 was keyed in: as many as the shortest identifier has."""


def normal_identifier(text: str) -> str:
    """Return an NHS number, UPN or NINO as it is stored and compared: upper case, no spaces, dashes or other marks."""
    return text.upper() if text.isascii() and text.isalnum() else _bare(text)


def _bare(text: str, keep: str = "") -> str:
    """Leave out all but letters and digits; full-width forms become plain ones.

    What is left out may have kept a letter and its mark apart, so it is repeated until nothing changes.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    kept = "".join(char for char in plain if char in keep or char.isalnum())
    return kept if kept == text else _bare(kept, keep)


def normal_pnc_id(text: str, *, this_year: int | None) -> str:
    """Return a PNC id in its full form ``YYYY/NNNNNNNL``; text that is not one comes back only tidied.

    A two-digit year is the latest such year up to ``this_year``; without ``this_year`` it stays, and the id passes no
    check. Without a slash the check letter decides where the year ends.
    """
    tidy = _bare(text, keep="/")
    if written := _WRITTEN_PNC_ID.fullmatch(tidy):
        return _full_pnc_id(*written.groups(), this_year=this_year)
    bare = _BARE_PNC_ID.fullmatch(tidy)
    if bare is None:
        return tidy
    digits, letter = bare.groups()
    forms = [
        _full_pnc_id(digits[:years], digits[years:], letter, this_year=this_year)
        for years in ((4, 2) if len(digits) >= _LONG_BARE_PNC_ID else (2, 4))
        if 1 <= len(digits) - years <= len("NNNNNNN")
    ]
    fitting = [form for form in forms if pnc_id_ok(form) and form.startswith(_PNC_YEARS)]
    return (fitting or forms or [tidy])[0]


def _full_pnc_id(year: str, serial: str, letter: str, *, this_year: int | None) -> str:
    if len(year) == len("YY") and this_year is not None:
        year = str(this_year - (this_year - int(year)) % 100)
    return f"{year}/{serial:0>7}{letter}"


IDENTIFIERS: Final[dict[str, Callable[[str], bool]]] = {
    "nhs_number": nhs_number_ok,
    "upn": upn_ok,
    "nino": nino_ok,
    "pnc_id": pnc_id_ok,
}
"""The identifiers by which people are told apart, each with the check of its normal form."""

_TELLING: Final[dict[str, tuple[slice, ...]]] = {
    "nhs_number": (slice(None), slice(None, -1)),
    "upn": (slice(1, None), slice(1, -1), slice(len("LNNN"), None)),
    "nino": (slice(2, _NINO_PROPER),),
    "pnc_id": (slice(len("YYYY/"), -1),),
}
"""The places of a normal form that differ from person to person: with and without what was put to fit a check, the
letter of a temporary UPN and the number of a local authority."""


_NEVER_ISSUED: Final[dict[str, tuple[str, ...]]] = {
    "nhs_number": ("00",),  # a health number that begins so is neither of a range nor of a day of birth
    "upn": ("000",),  # no local authority has this number
    "nino": (),
    "pnc_id": (),
}


def read_identifier(field: str, text: str, *, this_year: int | None) -> str:
    """Return the normal form of the identifier ``field``; ``this_year`` is as in :func:`normal_pnc_id`."""
    return normal_pnc_id(text, this_year=this_year) if field == "pnc_id" else normal_identifier(text)


def is_stand_in(field: str, number: str) -> bool:
    """Say whether a normal form stands where there is no number: digits in a pattern (123456), or no digit at all."""
    if IDENTIFIERS[field](number):
        return _is_keyed_in(field, number)
    digits = digits_in(number)  # of a slip of the pen, or of what is no number
    if not digits.strip("0") or (len(digits) >= _KEYED and len(set(digits)) == 1):
        return True
    return len(digits) >= _PATTERN and is_keyed_in(digits)


def _is_keyed_in(field: str, number: str) -> bool:
    """Say it of a number that passes its check."""
    parts = (digits_in(number[places]) for places in _TELLING[field])
    if number[_TELLING[field][0]].startswith(_NEVER_ISSUED[field]) or any(is_keyed_in(digits) for digits in parts):
        return True
    return field == "pnc_id" and not number.startswith(_PNC_YEARS)


def identifier_evidence(field: str, text: str) -> str | None:
    """Return what two identifiers are compared by; ``None`` for a stand-in, or a number that cannot have been issued.

    A National Insurance number is compared without its suffix, which many systems do not hold. A PNC id needs the four
    digits of its year: only those who read it know the present year (:func:`read_identifier`).
    """
    number = read_identifier(field, text, this_year=None)
    if not IDENTIFIERS[field](number) or _is_keyed_in(field, number):
        return None
    return number[:_NINO_PROPER] if field == "nino" else number


def digits_in(text: str) -> str:
    """Return the digits of a number, in order."""
    return text if text.isascii() and text.isdigit() else "".join(place for place in text if place in "0123456789")
