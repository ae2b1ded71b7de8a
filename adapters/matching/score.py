"""Weight of a comparison: the likelihood of one person against that of two.

The weights are those of Fellegi and Sunter (1969, "A theory for record linkage"): ``log2(m / u)``, in bits. ``m`` is
the frequency of a field's level if two records are one person, ``u`` if they are not. The model takes fields as
independent, which those of twins, families and namesakes are not. Therefore :mod:`adapters.matching.decide` has rules
beside the sum, and the sum alone never links.

The figures are cautious assumptions, each with its reason; the evaluation on FEBRL replaces them by measured ones.
"""

from collections.abc import Mapping
from math import log2
from typing import Final

from adapters.matching.compare import Comparison, Level

LINK_AT: Final = 30.0
"""The bits that a link needs: 20 to select one of a million records (2**20), and 10 more for odds of a thousand to
one that it is the right one."""

REVIEW_AT: Final = 20.0
"""The bits at which a human must decide: even odds among a million records."""


def _bits(m: float, u: float) -> float:
    return log2(m / u)


_GIVEN_NAMES: Final = {
    # The most common name of a year of birth is borne by about one child in a hundred; one record in twenty that
    # belongs to the same person has another spelling or form.
    Level.SAME: _bits(0.90, 0.010),
    # A short form is rarer than the full name, and less telling, because it stands for several people's names.
    Level.VARIANT: _bits(0.04, 0.002),
    Level.SIMILAR: _bits(0.04, 0.020),
    Level.DIFFERENT: _bits(0.02, 0.968),
}
_FAMILY_NAME: Final = {
    # No family name in Great Britain is borne by much more than one person in a hundred, and most by far fewer.
    Level.SAME: _bits(0.88, 0.005),
    Level.SIMILAR: _bits(0.06, 0.020),
    # Marriage, adoption and separation change a name: one record in sixteen.
    Level.DIFFERENT: _bits(0.06, 0.975),
}
_BIRTH_DATE: Final = {
    # 90 years of 365 days, halved because births and caseloads crowd into some years.
    Level.SAME: _bits(0.96, 1 / 16_000),
    # Seventy to eighty dates are one slip away from any given one.
    Level.SIMILAR: _bits(0.03, 80 / 16_000),
    Level.DIFFERENT: _bits(0.01, 0.995),
}
_POSTCODE: Final = {
    # A council has some 5,000 postcodes of about 15 households; families share one, so it tells households apart, not
    # people. One record in five is from before a move.
    Level.SAME: _bits(0.80, 1 / 5_000),
    Level.DIFFERENT: _bits(0.20, 0.999),
}
_UPRN: Final = {
    # One dwelling out of some 50,000; a whole family has the same one.
    Level.SAME: _bits(0.80, 1 / 50_000),
    Level.DIFFERENT: _bits(0.20, 0.999),
}
_GENDER: Final = {
    Level.SAME: _bits(0.98, 0.5),
    Level.DIFFERENT: _bits(0.02, 0.5),
}
_IDENTIFIER_SAME: Final = _bits(0.98, 1e-9)
"""Ten digits with a check digit: two people share a number only by an undetected mistake."""
_IDENTIFIER_DIFFERENT: Final = _bits(0.02, 0.999)


def score(comparison: Comparison) -> float:
    """Return the weight of the evidence in bits; a field that is unknown on either side has none."""
    total = _weight(_GIVEN_NAMES, comparison.given_names)
    total += _weight(_FAMILY_NAME, comparison.family_name)
    total += _weight(_BIRTH_DATE, comparison.birth_date)
    total += _place(comparison)
    total += _weight(_GENDER, comparison.gender)
    if comparison.identifiers_same:  # counted once: a second number of the same person is hardly independent
        total += _IDENTIFIER_SAME
    if comparison.identifiers_different:
        total += _IDENTIFIER_DIFFERENT
    return total


def _place(comparison: Comparison) -> float:
    """Weigh the address once, by its UPRN if both sides have it, because a UPRN lies in one postcode."""
    if comparison.uprn is Level.SAME or comparison.postcode is Level.UNKNOWN:
        return _weight(_UPRN, comparison.uprn)
    return _weight(_POSTCODE, comparison.postcode)


def _weight(weights: Mapping[Level, float], level: Level) -> float:
    return weights.get(level, 0.0)
