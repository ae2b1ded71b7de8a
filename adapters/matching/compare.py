"""Comparison of one subject with one candidate, field by field, without weights."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from adapters.matching.normalise import (
    are_short_forms,
    is_doubtful_form,
    is_shared,
    is_slip_of,
    postcode_key,
    stands_alone,
    stands_for_several,
)
from trust.exchange.addresses import home_postcode, normal_uprn
from trust.exchange.person import Gender, Name, Subject
from trust.exchange.person_identifiers import IDENTIFIERS, identifier_evidence
from trust.exchange.person_names import (
    Sex,
    family_name_words,
    given_name_words,
    is_initial,
    is_one_of_several,
    is_uncertain,
    sex_in,
)

_SIMILAR_ENOUGH: Final = 0.85
"""The Jaro similarity at which two spellings may be one name, for a human to decide.

Jaro 1989, "Advances in record-linkage methodology"; one wrong letter in a name of five gives 0.87."""


class Level(StrEnum):
    """The agreement of one field in two records."""

    SAME = "same"
    VARIANT = "variant"
    """An everyday other form: a short form of a given name."""
    SIMILAR = "similar"
    """A likely typing error, or a partial agreement."""
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    """Missing, or unusable, on either side."""


_SOME_NAME: Final = ("(some name)",)
"""A token for given names of any child (Twin 1) or possible stand-ins (Bed 12); no name has a bracket."""
_KNOWN_GENDERS: Final = frozenset({Gender.FEMALE, Gender.MALE})
_GENDER_OF: Final = {Sex.BOY: Gender.MALE, Sex.GIRL: Gender.FEMALE}
_RANK: Final = {Level.SAME: 4, Level.VARIANT: 3, Level.SIMILAR: 2, Level.DIFFERENT: 1, Level.UNKNOWN: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The agreement of a subject and a candidate; identifiers are listed if both sides have a valid one."""

    identifiers_same: tuple[str, ...]
    identifiers_different: tuple[str, ...]
    birth_date: Level
    family_name: Level
    given_names: Level
    uprn: Level
    postcode: Level
    gender: Level
    given_names_contradicted: bool = False
    """The best family name has no given names, and under another name the given names do not agree."""
    family_name_uncertain: bool = False
    """The best family name may be a stand-in (Child, Sample)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One side of a comparison: the evidence of a description, normalised."""

    identifiers: Mapping[str, str]
    names: "tuple[_Words, ...]"
    birth_date: date | None
    uprn: str
    postcode: str
    gender: Gender | None


def profile(person: Subject, *, institutions: Collection[str] = frozenset()) -> Profile:
    """Return the evidence of a description, without a restricted address or one in ``institutions``.

    Institutions are postcodes and UPRNs at which many unrelated people live, in the form of
    :func:`trust.exchange.addresses.institution_key`.
    """
    texts = ((name, getattr(person, name)) for name in IDENTIFIERS)
    evidence = ((name, identifier_evidence(name, text)) for name, text in texts if text is not None)
    uprn, postcode = _home(person, institutions)
    return Profile(
        identifiers={name: number for name, number in evidence if number is not None},
        names=tuple(_words(name) for name in person.names()),
        birth_date=person.birth_date,
        uprn=uprn,
        postcode=postcode,
        gender=_gender(person),
    )


def compare(subject: Subject, person: Subject) -> Comparison:
    """Compare the fields of two descriptions that distinguish people."""
    return compare_profiles(profile(subject), profile(person))


def compare_profiles(one: Profile, other: Profile) -> Comparison:
    """Compare the fields of two profiles."""
    names = _best_names(one.names, other.names)
    shared = [name for name in one.identifiers if name in other.identifiers]
    same = tuple(name for name in shared if one.identifiers[name] == other.identifiers[name])
    return Comparison(
        identifiers_same=same,
        identifiers_different=tuple(name for name in shared if name not in same),
        birth_date=_birth_dates(one.birth_date, other.birth_date),
        family_name=names.family,
        given_names=names.given,
        given_names_contradicted=names.contradicted,
        family_name_uncertain=names.uncertain,
        uprn=_exact(one.uprn, other.uprn),
        postcode=_exact(one.postcode, other.postcode),
        gender=_exact(one.gender, other.gender),
    )


def _home(person: Subject, institutions: Collection[str]) -> tuple[str, str]:
    """Return UPRN and postcode of a home that distinguishes people, each empty if there is none."""
    address = person.address
    if address is None or person.address_restricted:
        return "", ""
    uprn, postcode = normal_uprn(address.uprn or "") or "", postcode_key(home_postcode(address.postcode or ""))
    return ("", "") if uprn in institutions or postcode in institutions else (uprn, postcode)


def _birth_dates(one: date | None, other: date | None) -> Level:
    if one is None or other is None:
        return Level.UNKNOWN
    if one == other:
        return Level.SAME
    return Level.SIMILAR if is_slip_of(one, other) else Level.DIFFERENT


def _gender(person: Subject) -> Gender | None:
    """Return the gender, or the one in a stand-in for given names (Baby Girl)."""
    if person.gender in _KNOWN_GENDERS:
        return person.gender
    if person.given_names is None or given_name_words(person.given_names):
        return None
    sex = sex_in(person.given_names)
    return _GENDER_OF[sex] if sex is not None else None


def _exact(one: str | None, other: str | None) -> Level:
    if not one or not other:
        return Level.UNKNOWN
    return Level.SAME if one == other else Level.DIFFERENT


class _Words(NamedTuple):
    """The words of one name, and whether the family name may be a stand-in."""

    family: tuple[str, ...]
    given: tuple[str, ...]
    uncertain: bool


class _NamesCompared(NamedTuple):
    """The levels of the best-agreeing pair of names; see :class:`Comparison`."""

    family: Level
    given: Level
    uncertain: bool
    contradicted: bool = False


def _words(name: Name) -> _Words:
    """Return a name as family and given words, without stand-ins."""
    family = family_name_words(name.family_name)
    given_words = given_name_words(name.given_names, family=family)
    if is_uncertain(given_words) or (not given_words and is_one_of_several(name.given_names)):
        given_words = _SOME_NAME
    return _Words(family, given_words, is_uncertain(family, family=True))


def _best_names(ours: tuple[_Words, ...], theirs: tuple[_Words, ...]) -> _NamesCompared:
    """Compare the best-agreeing pair of names, also with family and given names exchanged."""
    pairs = [
        _NamesCompared(_families(one.family, family), _givens(one.given, given), one.uncertain or other.uncertain)
        for one in ours
        for other in theirs
        for family, given in ((other.family, other.given), (other.given, other.family))
        if (family, given) == (other.family, other.given) or _is_exchanged(one, family, given)
    ]
    best = max(pairs, key=lambda pair: (_RANK[pair.family] + _RANK[pair.given], _RANK[pair.given], not pair.uncertain))
    known_levels = [pair.given for pair in pairs if pair.given is not Level.UNKNOWN]
    return best._replace(contradicted=best.given is Level.UNKNOWN and bool(known_levels))


def _is_exchanged(ours: _Words, family: tuple[str, ...], given: tuple[str, ...]) -> bool:
    """Accept exchanged family and given names only if they agree word for word, except middle names."""
    return bool(ours.family and ours.given and given) and ours.family == family and ours.given[0] == given[0]


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
    if _SOME_NAME in (one, other):
        return Level.SIMILAR
    if not one or not other:
        return Level.UNKNOWN
    first = _first_given(one[0], other[0])
    if first in (Level.SAME, Level.VARIANT) and (is_shared(one[0]) or is_shared(other[0])):
        return _after_shared(first, one, other)
    if "".join(one) == "".join(other) and not any(_tells_little(words[0]) for words in (one, other)):
        return Level.SAME
    if first in (Level.SAME, Level.VARIANT):
        later = all(_may_be_same(a, b) for a, b in zip(one[1:], other[1:], strict=False))
        return first if later else Level.SIMILAR
    crossed = one[0] in other or other[0] in one
    return Level.SIMILAR if crossed else first


def _tells_little(word: str) -> bool:
    return is_initial(word) or stands_for_several(word)


def _after_shared(first: Level, one: tuple[str, ...], other: tuple[str, ...]) -> Level:
    """Compare the names after a first name that brothers share; without them, either brother may be meant."""
    if len(one) == len(other) == 1:
        return first if stands_alone(one[0]) and stands_alone(other[0]) else Level.SIMILAR
    return _givens(one[1:], other[1:]) if min(len(one), len(other)) > 1 else Level.SIMILAR


def _first_given(one: str, other: str) -> Level:
    if is_initial(one) or is_initial(other):
        return Level.SIMILAR if one[0] == other[0] else Level.DIFFERENT
    if one == other:
        return Level.SIMILAR if stands_for_several(one) else Level.SAME
    if are_short_forms(one, other):
        return Level.SIMILAR if is_doubtful_form(one) or is_doubtful_form(other) else Level.VARIANT
    return Level.SIMILAR if _looks_like(one, other) else Level.DIFFERENT


def _may_be_same(one: str, other: str) -> bool:
    """Accept a middle name that agrees, or an initial for it."""
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0]) or are_short_forms(one, other)


def _looks_like(one: str, other: str) -> bool:
    """Return whether two words may be spellings of one name."""
    shared = sum(char in other for char in one)
    most = (shared / len(one) + min(shared, len(other)) / len(other) + 1) / 3  # no Jaro similarity exceeds this
    return most >= _SIMILAR_ENOUGH and _jaro(one, other) >= _SIMILAR_ENOUGH


def _jaro(one: str, other: str) -> float:
    """Return the Jaro similarity of two texts, from 0.0 to 1.0."""
    window = max(0, max(len(one), len(other)) // 2 - 1)
    is_matched = [False] * len(other)
    ours: list[str] = []
    for place, char in enumerate(one):
        for there in range(max(0, place - window), min(len(other), place + window + 1)):
            if not is_matched[there] and other[there] == char:
                is_matched[there] = True
                ours.append(char)
                break
    if not ours:
        return 0.0
    theirs = [char for char, used in zip(other, is_matched, strict=True) if used]
    swaps = sum(a != b for a, b in zip(ours, theirs, strict=True)) / 2
    matches = len(ours)
    return (matches / len(one) + matches / len(other) + (matches - swaps) / matches) / 3
