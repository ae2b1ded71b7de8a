"""Identifiers that are valid in form and belong to no real person.

This code follows the same published rules as :mod:`trust.exchange.check_digits` independently, so that each tests the
other.
"""

from typing import Final

_LETTERS: Final = "ABCDEFGHJKLMNPQRTUVWXYZ"
_NO_CHECK_DIGIT: Final = 10


def nhs_number(serial: int) -> str | None:
    """Return an NHS number of the test range (999...) for a serial below 1,000,000.

    One serial in eleven has no check digit and gives ``None``.
    """
    stem = f"999{serial:06}"
    check = -sum(int(digit) * (10 - place) for place, digit in enumerate(stem)) % 11
    return None if check == _NO_CHECK_DIGIT else f"{stem}{check}"


def upn(year: int, serial: int) -> str:
    """Return a unique pupil number of the invented authority 999, for a serial below 10,000,000."""
    digits = f"999{serial // 1000:04}{year % 100:02}{serial % 1000:03}"
    total = sum(int(digit) * weight for weight, digit in enumerate(digits, start=2))
    return _LETTERS[total % 23] + digits


def nino(serial: int) -> str:
    """Return a National Insurance number in form, for a serial below 1,000,000."""
    return f"XG{serial:06}{'ABCD'[serial % 4]}"


def pnc_id(year: int, serial: int) -> str:
    """Return a Police National Computer id, for a serial below 10,000,000."""
    return f"{year:04}/{serial:07}{_LETTERS[int(f'{year % 100:02}{serial:07}') % 23 - 1]}"


def postcode(number: int) -> str:
    """Return a postcode of Shetland (ZE) in districts that do not exist: 2,000 of them, for numbers from 0."""
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    return f"ZE{4 + number // 400 % 5} {number // 40 % 10}{letters[number // 20 % 2]}{letters[number % 20]}"


def uprn(number: int) -> str:
    """Return a unique property reference number beyond those in use."""
    return str(999_000_000_000 + number)


def mobile(number: int) -> str:
    """Return one of the 1,000 mobile numbers that Ofcom reserves for fiction."""
    return f"07700 900 {number:03}"


def landline(number: int) -> str:
    """Return one of the 1,000 landline numbers that Ofcom reserves for fiction."""
    return f"01632 960 {number:03}"
