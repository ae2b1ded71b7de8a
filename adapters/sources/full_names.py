"""Split a whole name in one column into the family name and the given names."""

import re
from enum import StrEnum
from typing import Final

from adapters.sources.text import Unreadable, read_text
from trust.exchange.person import Name


class NameOrder(StrEnum):
    """The first part of a whole name. A comma always follows the family name."""

    FAMILY_FIRST = "family-first"
    GIVEN_FIRST = "given-first"


_TITLES: Final = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "rev"})
_PARTICLES: Final = frozenset({"van", "von", "der", "den", "de", "del", "della", "dos", "bin", "ibn"})
_BRACKETS: Final = re.compile(r"[(\[][^)\]]*[)\]]")


def read_full_name(value: object, order: str) -> Name | None:
    """Split a whole name, or return ``None`` for a blank.

    Titles and text in brackets are left out, and particles such as ``van der`` belong to the family name. A family name
    of several words without a comma looks like given names: the matcher then sends it to a human.
    """
    text = read_text(value)
    if text is None:
        return None
    family, comma, given_names = (part.strip() for part in _BRACKETS.sub(" ", text).partition(","))
    if comma:
        given_names = " ".join(_without_titles(given_names.replace(",", " ").split()))
        return Name(family_name=" ".join(_without_titles(family.split())) or None, given_names=given_names or None)
    words = _without_titles(family.split())
    if not words:
        raise Unreadable("has no name in it")
    if order == NameOrder.FAMILY_FIRST:
        split = next((place for place, word in enumerate(words, 1) if not _is_particle(word)), len(words))
        return Name(family_name=" ".join(words[:split]), given_names=" ".join(words[split:]) or None)
    split = len(words) - 1
    while split > 1 and _is_particle(words[split - 1]):
        split -= 1
    return Name(family_name=" ".join(words[split:]), given_names=" ".join(words[:split]) or None)


def _without_titles(words: list[str]) -> list[str]:
    while words and words[0].rstrip(".").lower() in _TITLES and len(words) > 1:
        words = words[1:]
    return words


def _is_particle(word: str) -> bool:
    return word.lower() in _PARTICLES
