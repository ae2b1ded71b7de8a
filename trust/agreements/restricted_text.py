"""Search of free text for the values that a location restriction protects: addresses, schools, telephone numbers.

1. Postcodes are found with any spaces, points or hyphens in them; telephone numbers with any grouping, with 0 or +44.
2. Names and address lines are found word by word, without regard to case, accents, punctuation and the usual short
   forms (Rd, St), or run together. An address line is also found without its house number.
3. A place in a text is shown by its characters, and never the value itself.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from trust.claims import strip_ignorable

LEAST_LETTERS: Final = 4
"""Letters and digits of the shortest text that can be restricted; a shorter one would be found everywhere."""
LEAST_DIGITS: Final = 7
"""Digits of the shortest telephone number that can be restricted, without its prefix."""
_RUN_TOGETHER: Final = 8
"""Letters and digits from which words are also found run together."""
_POSTCODE: Final = re.compile(r"[A-Z]{1,2}[0-9][0-9A-Z]?[0-9][A-Z]{2}", re.IGNORECASE)
_SHORT_FORMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "rd": "road",
        "st": "street",
        "saint": "street",  # St is both, so that both are one word
        "ave": "avenue",
        "av": "avenue",
        "ln": "lane",
        "cl": "close",
        "dr": "drive",
        "ct": "court",
        "pl": "place",
        "sq": "square",
        "cres": "crescent",
        "ter": "terrace",
        "terr": "terrace",
        "gdns": "gardens",
        "gdn": "garden",
        "hse": "house",
        "ho": "house",
        "bldgs": "buildings",
        "apt": "flat",
        "apartment": "flat",
        "sch": "school",
        "pri": "primary",
        "prim": "primary",
        "acad": "academy",
        "med": "medical",
        "ctr": "centre",
        "center": "centre",
    }
)
_APOSTROPHES: Final = "'\N{RIGHT SINGLE QUOTATION MARK}"
_NUMBER_WORDS: Final = frozenset({"flat", "unit", "room", "no", "number"})
_PREFIXES: Final = ("0044", "44", "0")


@dataclass(frozen=True, slots=True)
class _Word:
    """One word of a text in its plain form, and where it stands."""

    plain: str
    start: int
    end: int


@dataclass(frozen=True)
class RestrictedValues:
    """Values that must not stand in any text: postcodes, telephone numbers, and names or address lines.

    Made by :meth:`of`. Its repr shows none of them.
    """

    postcodes: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    phrases: frozenset[tuple[str, ...]] = frozenset()

    @classmethod
    def of(cls, *, texts: Iterable[str] = (), telephones: Iterable[str] = ()) -> "RestrictedValues":
        """Return the values in these texts and numbers; a text that is a postcode or a UPRN is found as one."""
        postcodes, numbers, phrases = set(), {_significant(each) for each in telephones}, set()
        for text in texts:
            compact = "".join(word.plain for word in _words(text))
            if _POSTCODE.fullmatch(compact):
                postcodes.add(compact)
            elif compact.isdigit() and len(compact) >= LEAST_DIGITS:
                numbers.add(compact.lstrip("0"))
            else:
                phrases |= set(_phrases(text))
        return cls(
            frozenset(postcodes), frozenset(each for each in numbers if len(each) >= LEAST_DIGITS), frozenset(phrases)
        )

    @classmethod
    def union(cls, values: Iterable["RestrictedValues"]) -> "RestrictedValues":
        """Return all of these values."""
        every = tuple(values)
        return cls(
            frozenset().union(*(each.postcodes for each in every)),
            frozenset().union(*(each.numbers for each in every)),
            frozenset().union(*(each.phrases for each in every)),
        )

    def __repr__(self) -> str:
        """Show how many values there are, and none of them."""
        return f"<RestrictedValues {len(self.postcodes) + len(self.numbers) + len(self.phrases)}>"

    def find(self, text: str) -> tuple[tuple[int, int], ...]:
        """Return where restricted values stand in a text: the first and the last character, counted from 1."""
        if not self._is_any:
            return ()
        words = tuple(_words(text))
        places = {*self._find_compact(words), *self._find_phrases(words), *self._find_numbers(text)}
        return tuple(sorted((start + 1, end) for start, end in places))

    @cached_property
    def _is_any(self) -> bool:
        return bool(self.postcodes or self.numbers or self.phrases)

    @cached_property
    def _compact(self) -> frozenset[str]:
        runs = ("".join(each) for each in self.phrases)
        return self.postcodes | {each for each in runs if len(each) >= _RUN_TOGETHER}

    def _find_compact(self, words: tuple[_Word, ...]) -> Iterator[tuple[int, int]]:
        """Find postcodes and long phrases in the text as if it had no spaces."""
        letters = "".join(word.plain for word in words)
        origin = [word for word in words for _ in word.plain]
        for value in self._compact:
            at = letters.find(value)
            while at >= 0:
                yield origin[at].start, origin[at + len(value) - 1].end
                at = letters.find(value, at + 1)

    def _find_phrases(self, words: tuple[_Word, ...]) -> Iterator[tuple[int, int]]:
        plain = tuple(word.plain for word in words)
        for phrase in self.phrases:
            for at in range(len(plain) - len(phrase) + 1):
                if plain[at : at + len(phrase)] == phrase:
                    yield words[at].start, words[at + len(phrase) - 1].end

    def _find_numbers(self, text: str) -> Iterator[tuple[int, int]]:
        if not self.numbers:
            return
        digits = [
            (str(unicodedata.digit(char)), at) for at, char in enumerate(text) if unicodedata.digit(char, -1) >= 0
        ]
        number_text = "".join(digit for digit, _ in digits)
        for number in self.numbers:
            at = number_text.find(number)
            while at >= 0:
                yield digits[at][1], digits[at + len(number) - 1][1] + 1
                at = number_text.find(number, at + 1)


def is_long_enough(text: str) -> bool:
    """Say whether a text is long enough to be restricted without being found everywhere."""
    return sum(len(word.plain) for word in _words(text)) >= LEAST_LETTERS


def _phrases(text: str) -> Iterator[tuple[str, ...]]:
    """Yield an address line or name as words, and without the number of the house if words are left."""
    words = tuple(word.plain for word in _words(text))
    if sum(map(len, words)) < LEAST_LETTERS:
        return
    yield words
    street = words
    while street and (street[0] in _NUMBER_WORDS or street[0][0].isdigit() or len(street[0]) == 1):
        street = street[1:]
    if street != words and len(street) > 1:
        yield street


def _words(text: str) -> Iterator[_Word]:
    """Yield the words of a text: letters and digits, without case and accents, in their usual long form."""
    start, letters = 0, ""
    for at, char in enumerate(f"{text} "):
        plain = _plain(char)
        if plain:
            start = start if letters else at
            letters += plain
        elif letters and not _joins(char):
            yield _Word(_SHORT_FORMS.get(letters, letters), start, at)
            letters = ""


def _plain(char: str) -> str:
    decomposed = unicodedata.normalize("NFKD", strip_ignorable(char)).casefold()
    return "".join(each for each in decomposed if each.isalnum())


def _joins(char: str) -> bool:
    """Say whether a character stands inside a word: an apostrophe, an accent, or one that shows nothing."""
    return char in _APOSTROPHES or not strip_ignorable(char) or bool(unicodedata.combining(char))


def _significant(telephone: str) -> str:
    digits = "".join(str(digit) for char in telephone if (digit := unicodedata.digit(char, -1)) >= 0)
    prefix = next((each for each in _PREFIXES if digits.startswith(each)), "")
    return digits[len(prefix) :].lstrip("0")


NO_VALUES: Final = RestrictedValues()
