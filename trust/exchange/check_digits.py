"""Tell a mistyped identifier from a possible one, by its check digit or its form.

Each function takes the normalised form: no spaces, upper case. A ``True`` says only that the number could have been
issued, never that it was, or to which person.
"""

import re

LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
"""The 23 check letters of the UPN and of the PNC id: the alphabet without I, O and S."""

_NHS_NUMBER = re.compile(r"[0-9]{10}")
_UPN = re.compile(r"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]")
_NINO = re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]?")
_NINO_PREFIXES_NEVER_USED = ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
_PNC_ID = re.compile(r"[0-9]{4}/[0-9]{7}[A-HJ-NP-RT-Z]")


def nhs_number_ok(number: str) -> bool:
    """Check the tenth digit of an NHS number: modulus 11 over the first nine (NHS Data Dictionary, NHS NUMBER)."""
    if not _NHS_NUMBER.fullmatch(number):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False))
    check = -total % 11
    return check == int(number[9])


def upn_ok(number: str) -> bool:
    """Check the first letter of a unique pupil number: modulus 23 over the rest, weighted 2 to 13.

    The last place of a temporary number is a letter and counts by its position among the check letters (DfE, "Unique
    pupil numbers: a guide for schools and local authorities"; school census rule 1510).
    """
    if not _UPN.fullmatch(number):
        return False
    values = [LETTERS.index(place) if place in LETTERS else int(place) for place in number[1:]]
    total = sum(value * weight for value, weight in zip(values, range(2, 14), strict=True))
    return LETTERS[total % 23] == number[0]


def nino_ok(number: str) -> bool:
    """Check the form of a National Insurance number, which has no check digit (HMRC manual NIM39110).

    The suffix may be missing: it tells no one apart, and many systems do not hold it.
    """
    return bool(_NINO.fullmatch(number)) and not number.startswith(_NINO_PREFIXES_NEVER_USED)


def pnc_id_ok(number: str) -> bool:
    """Check the last letter of a Police National Computer id, written ``YYYY/NNNNNNNL``.

    The two-digit year followed by the seven-digit serial, modulus 23, picks the letter; a remainder of 0 is Z, 1 is A.
    """
    if not _PNC_ID.fullmatch(number):
        return False
    remainder = int(number[2:4] + number[5:12]) % 23
    return LETTERS[remainder - 1] == number[12]
