"""Neighbours share a feature, strangers do not, and no feature gives a person away."""

from datetime import date
from itertools import combinations

from trust.agreements.probing import THRESHOLDS, Pattern, features
from trust.exchange.person import Subject

KEY = bytes(range(32))


def digests(pattern: Pattern, *subjects: Subject) -> set[str]:
    return {feature.digest for subject in subjects for feature in features(KEY, subject) if feature.pattern is pattern}


def nhs(body: int) -> Subject:
    """Return a subject with the number made of nine digits and any tenth: the check digit plays no part."""
    return Subject(nhs_number=f"{body:09d}0")


def test_numbers_counted_through_share_their_block() -> None:
    assert len(digests(Pattern.NEIGHBOURING_NUMBERS, *map(nhs, range(969129200, 969129300)))) == 1
    assert len(digests(Pattern.NEIGHBOURING_NUMBERS, *map(nhs, range(969129200, 969139200, 100)))) == 100


def test_numbers_of_different_kinds_are_no_neighbours() -> None:
    kinds = [Subject(nhs_number="9691292211"), Subject(pnc_id="2096/9129221Q"), Subject(upn="H969129221100")]
    for one, other in combinations(kinds, 2):
        assert not digests(Pattern.NEIGHBOURING_NUMBERS, one) & digests(Pattern.NEIGHBOURING_NUMBERS, other)


def test_one_name_however_it_is_spelt_with_any_birth_date_is_one_feature() -> None:
    tried = [
        Subject(family_name=name, given_names="Sam", birth_date=date(2001, month, 1))
        for month, name in enumerate(("Thistlethwaite", "Thistlewaite", "THISTLETHWAITE", "Thistlethwayt"), start=1)
    ]
    assert len(digests(Pattern.ONE_NAME, *tried)) == 1
    assert digests(Pattern.ONE_NAME, Subject(family_name="Okafor")) != digests(Pattern.ONE_NAME, tried[0])


def test_a_feature_holds_nothing_of_the_person_and_differs_from_node_to_node() -> None:
    subject = Subject(nhs_number="9691292211", family_name="Reed")
    found = features(KEY, subject)
    assert {feature.pattern for feature in found} == set(Pattern)
    assert not {feature.digest for feature in found} & {feature.digest for feature in features(bytes(32), subject)}
    assert all("969129" not in feature.digest and "Reed" not in feature.digest for feature in found)


def test_a_name_without_letters_has_no_feature() -> None:
    assert features(KEY, Subject(family_name="李")) == ()


def test_a_large_family_stays_below_every_threshold() -> None:
    family = [Subject(family_name="Reed", birth_date=date(2000 + child, 1, 1)) for child in range(12)]
    assert len(family) < THRESHOLDS[Pattern.ONE_NAME]
