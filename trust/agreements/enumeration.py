"""Signs of enumeration: a caller that tries out people or details instead of asking about its own cases (A44).

Each sign counts the different values of one thing beside another that stays the same: numbers within one block, birth
dates of one name, addresses of one person. What stays is the *feature*, what changes is the *value*. Both are kept as
keyed digests. A decoy beside the true detail therefore hides nothing: each identifier, each name, each alias and each
address of a question is counted for itself.

Counted are details of the question alone, never of a record that was found.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from trust.claims import keyed_number
from trust.exchange.person import Subject
from trust.exchange.person_identifiers import IDENTIFIERS
from trust.exchange.person_names import name_tokens

MOST_ADDRESSES = 3
"""Addresses of one person that take part in a search for one agency in 30 days; more are left out of it."""
_BLOCK = 100
_DOMAIN = "hearthgate enumeration 1"
_DIGITS = re.compile(r"[0-9]+")
_NOT_LATIN = re.compile(r"[^a-z]+")
_SOUNDS = str.maketrans({**dict.fromkeys("bfpv", "1"), **dict.fromkeys("cgjkqsxz", "2"), "d": "3", "t": "3", "l": "4"})
_MORE_SOUNDS = str.maketrans({"m": "5", "n": "5", "r": "6"})
_REPEATED = re.compile(r"(.)\1+")
_SILENT = re.compile(r"[aeiouyhw]")
_SOUND_LENGTH = 4

_Name: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""The words of a family name, and those of the given names."""


class Pattern(StrEnum):
    """A sign of enumeration, as its flag is called."""

    NEIGHBOURING_NUMBERS = "neighbouring_numbers"
    """Different numbers of one block of 100."""
    ONE_NAME = "one_name"
    """Different birth dates beside a name as it sounds, of one practitioner."""
    NAME_BIRTH_DATES = "name_birth_dates"
    """Different birth dates beside a family name as it sounds and an initial, of the whole agency."""
    ADDRESS_BIRTH_DATES = "address_birth_dates"
    """Different birth dates beside one property."""
    POSTCODE_BIRTH_DATES = "postcode_birth_dates"
    """Different birth dates beside one postcode."""
    PERSON_DESCRIPTIONS = "person_descriptions"
    """Different descriptions that share an identifier, or a birth date and a name."""
    PERSON_ADDRESSES = "person_addresses"
    """Different addresses of one person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How long values are counted together: for so many days after theirs, and until the end of a step of days."""

    days: int = 1
    step: int = 1

    def until(self, day: int) -> int:
        """Return the last day, as an ordinal, on which a value of ``day`` is counted."""
        return day // self.step * self.step + self.step - 1 + self.days

    def counted(self, day: int) -> tuple[int, ...]:
        """Return the last days of all values that are counted on ``day``."""
        return tuple(range(self.until(day), day - 1, -self.step))


TODAY_AND_YESTERDAY = Window()
A_MONTH = Window(days=30, step=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From how many different values on a feature is flagged, within which time.

    Of an agency that asks much it is one value for each ``per`` questions of its day, where that is more: in a large
    city, people of one name come up by chance.
    """

    values: int
    window: Window = TODAY_AND_YESTERDAY
    per: int | None = None


THRESHOLDS: Mapping[Pattern, Threshold] = {
    Pattern.NEIGHBOURING_NUMBERS: Threshold(values=6),
    Pattern.ONE_NAME: Threshold(values=15),
    Pattern.NAME_BIRTH_DATES: Threshold(values=12, per=50),
    Pattern.ADDRESS_BIRTH_DATES: Threshold(values=8),
    Pattern.POSTCODE_BIRTH_DATES: Threshold(values=15, per=50),
    Pattern.PERSON_DESCRIPTIONS: Threshold(values=8, per=100),
    Pattern.PERSON_ADDRESSES: Threshold(values=MOST_ADDRESSES + 1, window=A_MONTH),
}
"""Of a million patients of one area, whose numbers lie scattered over some ten million blocks, six in one block by
chance are not to be expected in a lifetime of lookups. About one in a hundred people of England is called Smith, and
one of ten of them begins with a J: twelve birth dates of such in a day are twelve thousand people, or a search."""


@dataclass(frozen=True, slots=True)
class Feature:
    """What stays the same, as one keyed digest, and what changes, as another."""

    pattern: Pattern
    digest: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Askers:
    """Who asks: an agency, and the practitioner within it."""

    agency: str
    practitioner: str


def features(hmac_key: bytes, subject: Subject, askers: Askers, persons: Iterable[str]) -> tuple[Feature, ...]:
    """Return each pair of details that is counted; ``persons`` are the keyed digests by which the person is known."""
    values: dict[str, int] = {}
    found: list[Feature] = []
    for pattern, anchor, value in dict.fromkeys(_pairs(subject, tuple(persons))):
        asker = askers.practitioner if pattern is Pattern.ONE_NAME else askers.agency
        if value not in values:
            values[value] = _digest(hmac_key, "value", value)
        found.append(Feature(pattern, _digest(hmac_key, pattern, asker, anchor), values[value]))
    return tuple(found)


def _digest(hmac_key: bytes, *parts: str) -> int:
    return keyed_number(hmac_key, "\0".join((_DOMAIN, *parts)).encode())  # no part has a NUL


def _pairs(subject: Subject, persons: tuple[str, ...]) -> Iterator[tuple[Pattern, str, str]]:
    """Yield pattern, what stays the same and what changes, each as text."""
    numbers = {name: number for name in IDENTIFIERS if (number := getattr(subject, name))}
    for name, number in numbers.items():
        running = _running_number(name, number)
        if running:
            yield Pattern.NEIGHBOURING_NUMBERS, f"{name} {int(running) // _BLOCK}", number
    names = tuple(_names(subject))
    born = subject.birth_date.isoformat() if subject.birth_date else " ".join(numbers.values())
    if born:
        yield from _beside_names(names, born)
    address = subject.address
    if address is not None and subject.birth_date:
        if address.uprn:
            yield Pattern.ADDRESS_BIRTH_DATES, address.uprn, born
        if address.postcode:
            yield Pattern.POSTCODE_BIRTH_DATES, address.postcode, born
    described = " ".join((*numbers.values(), born, *("/".join(map("".join, name)) for name in names)))
    for person in persons:
        yield Pattern.PERSON_DESCRIPTIONS, person, described
        if address is not None:
            yield Pattern.PERSON_ADDRESSES, person, f"{address.uprn or ''} {address.postcode or ''}"


def _beside_names(names: Iterable[_Name], born: str) -> Iterator[tuple[Pattern, str, str]]:
    for family, given in names:
        initial = given[0][0] if given else ""
        for sound in _sounds(family):
            yield Pattern.ONE_NAME, sound, born
            yield Pattern.NAME_BIRTH_DATES, f"{sound} {initial}", born


def _names(subject: Subject) -> Iterator[_Name]:
    """Yield each name, aliases included, as the matcher pairs them; a part without a letter counts as left out."""
    family, given = name_tokens(subject.family_name), name_tokens(subject.given_names)
    for name in subject.names():
        yield name_tokens(name.family_name) or family, name_tokens(name.given_names) or given


def _running_number(name: str, identifier: str) -> str:
    """Return the part of an identifier that is counted up, without its check digit."""
    digits = "".join(_DIGITS.findall(identifier))
    return digits[:-1] if name == "nhs_number" else digits


def _sounds(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return how a name sounds as a whole, and each of its words: a hyphen more or another second name hides none."""
    if len(words) > 1:
        return tuple(dict.fromkeys(map(_sound, ("".join(words), *words))))
    return tuple(map(_sound, words))


def _sound(name: str) -> str:
    """Write a name roughly as it sounds in English, by the American Soundex of the National Archives.

    A name in another script is what it is.
    """
    letters = _NOT_LATIN.sub("", name)
    if not letters:
        return name
    coded = _REPEATED.sub(r"\1", letters.translate(_SOUNDS).translate(_MORE_SOUNDS))
    return (letters[0] + _SILENT.sub("", coded[1:]))[:_SOUND_LENGTH]
