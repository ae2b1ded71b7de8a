"""Homes: one way of writing postcodes and UPRNs, and those at which no one has a home."""

import re
import unicodedata
from typing import Final

from trust.claims import strip_ignorable
from trust.exchange.person_identifiers import digits_in, is_run

_UNITED_KINGDOM: Final = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}")
_NO_HOMES: Final = ("AA", "BF", "BX", "GX", "NF", "NO", "QQ", "UK", "XM", "XX", "YY", "ZZ")
"""Areas without homes: the pseudo-postcodes of the NHS (ZZ99) and of others who fill a field, forces' post offices
(BF), Gibraltar, which has one postcode for everyone, and addresses for post alone (BX, XM)."""
_POST_ALONE: Final = re.compile(r"[A-Z]+99 ")
"""Districts that Royal Mail keeps for large receivers of post."""
_UPRN_DIGITS: Final = 12
_KEYED_UPRN: Final = 6
"""Equal digits from which a UPRN stands for none; shorter ones of the kind are issued."""


def normal_postcode(text: str) -> str:
    """Return a postcode in upper case with the one space before its last three characters."""
    tidy = text.replace(" ", "").upper()
    if not (tidy.isascii() and tidy.isalnum()):  # as nearly every postcode is
        tidy = "".join(char for char in unicodedata.normalize("NFKC", strip_ignorable(text)) if char.isalnum()).upper()
    return f"{tidy[:-3]} {tidy[-3:]}"


def home_postcode(text: str) -> str | None:
    """Return the normal form of a postcode at which people can have a home; ``None`` for any other text.

    Forces' post office numbers, overseas codes, codes of other countries and pseudo-postcodes (ZZ99: no fixed abode, or
    not known) tell nothing about where a person lives.
    """
    postcode = normal_postcode(text)
    no_home = postcode.startswith(_NO_HOMES) or _POST_ALONE.match(postcode)
    if no_home or not _UNITED_KINGDOM.fullmatch(postcode):
        return None
    return postcode


def normal_uprn(text: str) -> str | None:
    """Return a UPRN without padding; ``None`` for what is not one: 0, one digit throughout, or no number of 12 digits.

    A whole number written with decimals (``10001234567.0``) is what some systems make of it.
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", strip_ignorable(text))
    whole, _, decimals = "".join(plain.split()).partition(".")
    number = whole.lstrip("0")
    if not (whole.isascii() and whole.isdigit()) or decimals.strip("0") or not 0 < len(number) <= _UPRN_DIGITS:
        return None
    digits = digits_in(number)
    keyed = len(digits) >= _KEYED_UPRN and len(set(digits)) == 1
    return None if keyed or is_run(digits) else number


def institution_key(text: str) -> str | None:
    """Return an institution's postcode or UPRN as the matcher compares them; ``None`` for what is neither."""
    return normal_uprn(text) or (home_postcode(text) or "").replace(" ", "") or None
