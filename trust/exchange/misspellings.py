"""Words that are one slip of the pen from a listed one: a letter left out, put in, or exchanged with its neighbour."""

from collections.abc import Collection, Iterator
from typing import Final

_SHORTEST: Final = 5
"""Letters of a listed word from which a slip is told; shorter words are too near to names."""
_LONG: Final = 7
"""Letters from which a wrong letter is told too: below, Blank would be Black, and Sister be Lister."""


class Misspellings:
    """The misspellings of a set of words, without those that are ``names``."""

    def __init__(self, words: Collection[str], *, names: Collection[str]) -> None:
        """Prepare to tell misspellings of those of ``words`` that are long enough and of plain letters."""
        self._words = frozenset(word for word in words if word.isascii() and len(word) >= _SHORTEST)
        self._slips = frozenset(slip for word in self._words for slip in (*_shortened(word), *_swapped(word)))
        self._with_gap = frozenset(gap for word in self._words if len(word) >= _LONG for gap in _gaps(word))
        self._names = frozenset(names) | frozenset(words)

    def __contains__(self, word: str) -> bool:
        """Say whether a word is one slip from a listed one, and neither listed nor a name itself."""
        if word in self._names:
            return False
        if word in self._slips or not self._words.isdisjoint(_shortened(word)):
            return True
        return len(word) >= _LONG and not self._with_gap.isdisjoint(_gaps(word))


def _shortened(word: str) -> Iterator[str]:
    """Yield a word without one of its letters, for each of them."""
    return (word[:at] + word[at + 1 :] for at in range(len(word)))


def _swapped(word: str) -> Iterator[str]:
    """Yield a word with two neighbouring letters exchanged, for each pair."""
    return (word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1))


def _gaps(word: str) -> Iterator[str]:
    """Yield a word with a gap in place of one of its letters, for each of them."""
    return (f"{word[:at]}_{word[at + 1 :]}" for at in range(len(word)))
