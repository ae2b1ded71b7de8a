"""Homes: one way of writing postcodes and UPRNs, and those at which no one has a home."""

import re
import unicodedata
from typing import Final

from trust.claims import strip_ignorable
from trust.exchange.keyed_digits import is_keyed_in


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AREAS: Final = _codes(
    "AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G "
    "GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW "
    "OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC "
    "WD WF WN WR WS WV YO ZE"
)
"""Royal Mail's 121 postcode areas and the three of the Crown dependencies (GY, IM, JE).

No one has a home in others: forces' post offices (BF), post alone (BX, GIR), overseas territories (GX11), and the
pseudo-postcodes of the NHS (ZZ99) and of others who fill a field.
"""
_WITH_DISTRICT_0: Final = _codes("BL BS CM CR FY HA PR SL SS")
_ONE_DIGIT: Final = _codes("BR FY HA HD HG HR HS HX JE LD SM SR WC WN ZE")
"""Areas whose districts have one digit only, but for those that are kept for post alone."""
_TWO_DIGITS: Final = _codes("AB LL SO")
_WITH_LETTER: Final = _codes("E1 N1 W1 NW1 SE1 SW1 EC1 EC2 EC3 EC4 WC1 WC2")
"""Districts of London that a letter may divide."""
_UNITED_KINGDOM: Final = re.compile(r"(([A-Z]{1,2})([0-9]|[1-9][0-9]))([A-Z]?) [0-9][ABD-HJLNP-UW-Z]{2}")
"""Area, district, its letter, and the inward code, which has none of C, I, K, M, O and V."""
_LIKE_A_POSTCODE: Final = re.compile(
    r"(?<![A-Z0-9])[A-Z]{1,2}[0-9][0-9A-Z]?[ .-]{0,3}[0-9][A-Z]{2}(?![A-Z0-9])", re.IGNORECASE | re.ASCII
)
_POST_ALONE: Final = re.compile(r"[A-Z]+99 ")
"""Districts that Royal Mail keeps for large receivers of post."""
_UPRN_DIGITS: Final = 12
_KEYED_UPRN: Final = 6
"""Digits from which a pattern such as 111111 is no UPRN; shorter ones of the kind are issued."""


def normal_postcode(text: str) -> str:
    """Return a postcode in upper case with the one space before its last three characters."""
    tidy = text.replace(" ", "").upper()
    if not (tidy.isascii() and tidy.isalnum()):  # as nearly every postcode is
        tidy = "".join(char for char in unicodedata.normalize("NFKC", strip_ignorable(text)) if char.isalnum()).upper()
    return f"{tidy[:-3]} {tidy[-3:]}"


def holds_postcode(text: str) -> bool:
    """Say whether a text has a postcode of a home somewhere in it."""
    plain = unicodedata.normalize("NFKC", strip_ignorable(text))
    return any(home_postcode(each[0]) for each in _LIKE_A_POSTCODE.finditer(plain))


def home_postcode(text: str) -> str | None:
    """Return the normal form of a postcode at which people can have a home; ``None`` for any other text.

    Forces' post office numbers, overseas codes, codes of other countries and pseudo-postcodes (ZZ99: no fixed abode, or
    not known) tell nothing about where a person lives.
    """
    postcode = normal_postcode(text)
    read = _UNITED_KINGDOM.fullmatch(postcode)
    if read is None or _POST_ALONE.match(postcode) or not _is_district(*read.groups()):
        return None
    return postcode


def _is_district(district: str, area: str, digits: str, letter: str) -> bool:
    """Say whether a district has the form that its area's districts have."""
    if area not in _AREAS or (letter and district not in _WITH_LETTER) or (area == "WC" and not letter):
        return False
    if digits == "0":
        return area in _WITH_DISTRICT_0
    return area not in (_TWO_DIGITS if len(digits) == 1 else _ONE_DIGIT)


def normal_uprn(text: str) -> str | None:
    """Return a UPRN without padding; ``None`` for what is not one: 0, digits in a pattern, or more than 12 digits.

    A whole number written with decimals (``10001234567.0``) is what some systems make of it.
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", strip_ignorable(text))
    whole, _, decimals = "".join(plain.split()).partition(".")
    number = whole.lstrip("0")
    if not (whole.isascii() and whole.isdigit()) or decimals.strip("0") or not 0 < len(number) <= _UPRN_DIGITS:
        return None
    return None if len(number) >= _KEYED_UPRN and is_keyed_in(number) else number


def institution_key(text: str) -> str | None:
    """Return an institution's postcode or UPRN as the matcher compares them; ``None`` for what is neither."""
    return normal_uprn(text) or (home_postcode(text) or "").replace(" ", "") or None
