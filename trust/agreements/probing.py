"""Notice somebody who tries out people instead of asking about the ones they work with (assertion A44).

What is remembered of a question is never the person: each feature is a keyed digest of a block of neighbouring numbers,
or of a name as it sounds, and two questions share a feature when their subjects lie close together. Many different
subjects in one feature within a day is what guessing looks like: identifiers counted through, or one name with every
birth date. A large family, asked about as often as one likes, is a handful of subjects and stays below each threshold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from trust.claims import keyed_digest
from trust.exchange.person import Subject
from trust.strict_json import dumps

WINDOW = timedelta(hours=24)
_BLOCK = 100
_DOMAIN = "hearthgate probing 1"
_DIGITS = re.compile(r"[0-9]+")
_NOT_A_LETTER = re.compile(r"[^a-z]+")
_SOUNDS = str.maketrans({**dict.fromkeys("bfpv", "1"), **dict.fromkeys("cgjkqsxz", "2"), "d": "3", "t": "3", "l": "4"})
_MORE_SOUNDS = str.maketrans({"m": "5", "n": "5", "r": "6"})
_REPEATED = re.compile(r"(.)\1+")
_SILENT = re.compile(r"[aeiouyhw]")
_SOUND_LENGTH = 4


class Pattern(StrEnum):
    """What a shared feature shows; neighbouring numbers count for a whole agency, a name for one practitioner."""

    NEIGHBOURING_NUMBERS = "neighbouring_numbers"
    ONE_NAME = "one_name"


THRESHOLDS: Mapping[Pattern, int] = {Pattern.NEIGHBOURING_NUMBERS: 6, Pattern.ONE_NAME: 15}
"""Different subjects within the window from which on a feature is flagged.

A block holds 100 neighbouring numbers. Of a million patients of one area, whose numbers lie scattered over some ten
million blocks, six in one block by chance is not to be expected in a lifetime of lookups. A name is counted for one
practitioner: of the people of England about one in a hundred is called Smith, so fifteen different ones in a day are a
thousand lookups, or a search.
"""


@dataclass(frozen=True, slots=True)
class Feature:
    """One keyed digest that neighbouring subjects share."""

    pattern: Pattern
    digest: str


def features(hmac_key: bytes, subject: Subject) -> tuple[Feature, ...]:
    """Return what this subject has in common with its neighbours; nothing where it names neither number nor name."""
    found = [
        _feature(hmac_key, Pattern.NEIGHBOURING_NUMBERS, name, str(int(number) // _BLOCK))
        for name in ("nhs_number", "upn", "nino", "pnc_id")
        if (number := _running_number(name, getattr(subject, name)))
    ]
    if subject.family_name and (sound := _sound(subject.family_name)):
        found.append(_feature(hmac_key, Pattern.ONE_NAME, sound))
    return tuple(found)


def _running_number(name: str, identifier: str | None) -> str:
    """Return the part of an identifier that is counted up, without its check digit."""
    digits = "".join(_DIGITS.findall(identifier or ""))
    return digits[:-1] if name == "nhs_number" else digits


def _sound(name: str) -> str:
    """Write a name roughly as it sounds in English, by the American Soundex of the National Archives."""
    letters = _NOT_A_LETTER.sub("", name.casefold())
    if not letters:
        return ""
    coded = _REPEATED.sub(r"\1", letters.translate(_SOUNDS).translate(_MORE_SOUNDS))
    return (letters[0] + _SILENT.sub("", coded[1:]))[:_SOUND_LENGTH]


def _feature(hmac_key: bytes, pattern: Pattern, *parts: str) -> Feature:
    return Feature(pattern, keyed_digest(hmac_key, dumps([_DOMAIN, pattern, *parts])))
