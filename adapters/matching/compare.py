"""Compare one subject with one candidate, field by field; nothing is weighed here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.matching.normalise import are_short_forms, is_own_name, is_slip_of, name_tokens, postcode_key
from trust.exchange.person import (
    Address,
    Gender,
    Subject,
    nhs_number_ok,
    nino_ok,
    normal_identifier,
    normal_pnc_id,
    pnc_id_ok,
    upn_ok,
)

_SIMILAR_ENOUGH: Final = 0.85
"""Jaro similarity from which two different spellings may be one name; it only ever leads to a human.

Jaro 1989, "Advances in record-linkage methodology"; one wrong letter in a name of five gives 0.87."""


class Level(StrEnum):
    """How well one field of two records agrees."""

    SAME = "same"
    VARIANT = "variant"
    """An everyday other form: a short form of a given name."""
    SIMILAR = "similar"
    """Close enough to be a slip of the pen, or agreeing only in part."""
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    """Missing, or unusable, on either side."""


IDENTIFIERS: Final[dict[str, tuple[Callable[[str], str], Callable[[str], bool]]]] = {
    "nhs_number": (normal_identifier, nhs_number_ok),
    "upn": (normal_identifier, upn_ok),
    "nino": (normal_identifier, nino_ok),
    "pnc_id": (normal_pnc_id, pnc_id_ok),
}
"""The identifiers that are compared, each with its normal form and its check digit or, where it has none, its form."""

_KNOWN_GENDERS: Final = frozenset({Gender.FEMALE, Gender.MALE})
_RANK: Final = {Level.SAME: 4, Level.VARIANT: 3, Level.SIMILAR: 2, Level.DIFFERENT: 1, Level.UNKNOWN: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a subject and a candidate agree; identifiers are listed by name where both sides have a valid one."""

    identifiers_same: tuple[str, ...]
    identifiers_different: tuple[str, ...]
    birth_date: Level
    family_name: Level
    given_names: Level
    uprn: Level
    postcode: Level
    gender: Level


def compare(subject: Subject, person: Subject) -> Comparison:
    """Compare every field that tells people apart."""
    same, different = _identifiers(subject, person)
    family, given = _best_names(subject, person)
    own, theirs = subject.address or Address(), person.address or Address()
    return Comparison(
        identifiers_same=same,
        identifiers_different=different,
        birth_date=_birth_dates(subject, person),
        family_name=family,
        given_names=given,
        uprn=_exact(own.uprn, theirs.uprn),
        postcode=_exact(postcode_key(own.postcode), postcode_key(theirs.postcode)),
        gender=_genders(subject, person),
    )


def _identifiers(subject: Subject, person: Subject) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split the identifiers that both sides hold and that pass their check digits into same and different."""
    same: list[str] = []
    different: list[str] = []
    for name, (normal, is_ok) in IDENTIFIERS.items():
        asked, held = getattr(subject, name), getattr(person, name)
        if asked is None or held is None:
            continue
        one, other = normal(asked), normal(held)
        if is_ok(one) and is_ok(other):
            (same if one == other else different).append(name)
    return tuple(same), tuple(different)


def _birth_dates(subject: Subject, person: Subject) -> Level:
    one, other = subject.birth_date, person.birth_date
    if one is None or other is None:
        return Level.UNKNOWN
    if one == other:
        return Level.SAME
    return Level.SIMILAR if is_slip_of(one, other) else Level.DIFFERENT


def _genders(subject: Subject, person: Subject) -> Level:
    if subject.gender not in _KNOWN_GENDERS or person.gender not in _KNOWN_GENDERS:
        return Level.UNKNOWN
    return Level.SAME if subject.gender == person.gender else Level.DIFFERENT


def _exact(one: str | None, other: str | None) -> Level:
    if not one or not other:
        return Level.UNKNOWN
    return Level.SAME if one == other else Level.DIFFERENT


_Words = tuple[tuple[str, ...], tuple[str, ...]]


def _names(person: Subject) -> Iterator[_Words]:
    """Yield every name the person is known by, as family and given tokens."""
    yield name_tokens(person.family_name), name_tokens(person.given_names)
    for alias in person.aliases:
        yield name_tokens(alias.family_name or person.family_name), name_tokens(alias.given_names or person.given_names)


def _best_names(subject: Subject, person: Subject) -> tuple[Level, Level]:
    """Return the levels of the best-agreeing pair of names, the right way round or family and given exchanged."""
    theirs = tuple(_names(person))
    pairs = [
        (_families(family, their_family), _givens(given, their_given))
        for family, given in _names(subject)
        for left, right in theirs
        for their_family, their_given in ((left, right), (right, left))
        if (their_family, their_given) == (left, right) or _is_exchanged((family, given), (their_family, their_given))
    ]
    return max(pairs, key=lambda pair: (_RANK[pair[0]] + _RANK[pair[1]], _RANK[pair[1]]))


def _is_exchanged(ours: _Words, theirs: _Words) -> bool:
    """Accept family and given names the wrong way round only where both then agree word for word."""
    return all(ours) and ours == theirs


def _families(one: tuple[str, ...], other: tuple[str, ...]) -> Level:
    if not one or not other:
        return Level.UNKNOWN
    if "".join(one) == "".join(other):
        return Level.SAME
    if set(one) & set(other) or _looks_like("".join(one), "".join(other)):
        return Level.SIMILAR
    return Level.DIFFERENT


def _givens(one: tuple[str, ...], other: tuple[str, ...]) -> Level:
    """Compare given names: the first must agree, and further ones must not contradict each other."""
    if not one or not other:
        return Level.UNKNOWN
    if "".join(one) == "".join(other):
        return Level.SAME
    first = _given(one[0], other[0])
    if first in (Level.SAME, Level.VARIANT):
        later = all(_may_be_same(a, b) for a, b in zip(one[1:], other[1:], strict=False))
        return first if later else Level.SIMILAR
    crossed = one[0] in other or other[0] in one
    return Level.SIMILAR if crossed else first


def _given(one: str, other: str) -> Level:
    if one == other:
        return Level.SAME
    if are_short_forms(one, other):
        return Level.SIMILAR if is_own_name(one) or is_own_name(other) else Level.VARIANT
    if min(len(one), len(other)) == 1:
        return Level.SIMILAR if one[0] == other[0] else Level.DIFFERENT
    return Level.SIMILAR if _looks_like(one, other) else Level.DIFFERENT


def _may_be_same(one: str, other: str) -> bool:
    """Accept a middle name that agrees, or an initial for it."""
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0]) or are_short_forms(one, other)


def _looks_like(one: str, other: str) -> bool:
    """Say whether two words may be spellings of one name."""
    shared = sum(char in other for char in one)
    most = (shared / len(one) + min(shared, len(other)) / len(other) + 1) / 3  # no Jaro similarity exceeds this
    return most >= _SIMILAR_ENOUGH and _jaro(one, other) >= _SIMILAR_ENOUGH


def _jaro(one: str, other: str) -> float:
    """Return the Jaro similarity of two texts, from 0.0 to 1.0."""
    window = max(0, max(len(one), len(other)) // 2 - 1)
    taken = [False] * len(other)
    ours: list[str] = []
    for place, char in enumerate(one):
        for there in range(max(0, place - window), min(len(other), place + window + 1)):
            if not taken[there] and other[there] == char:
                taken[there] = True
                ours.append(char)
                break
    if not ours:
        return 0.0
    theirs = [char for char, used in zip(other, taken, strict=True) if used]
    swaps = sum(a != b for a, b in zip(ours, theirs, strict=True)) / 2
    found = len(ours)
    return (found / len(one) + found / len(other) + (found - swaps) / found) / 3
