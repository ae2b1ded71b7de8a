"""Questions that try values share a feature and differ in its value, with any other details."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from

from trust.agreements.enumeration import (
    A_MONTH,
    THRESHOLDS,
    TODAY_AND_YESTERDAY,
    Askers,
    Feature,
    Pattern,
    features,
)
from trust.exchange.person import Address, Name, Subject
from trust.exchange.person_names import name_tokens

KEY = bytes(range(32))
ASKERS = Askers(agency="https://council.example", practitioner="https://council.example p-1")
PERSON = Subject(
    nhs_number="9691292211",
    family_name="Reed",
    given_names="Una",
    birth_date=date(2001, 1, 1),
    address=Address(uprn="100012345678", postcode="YO7 1AB"),
)


def found(subject: Subject, askers: Askers = ASKERS, persons: Iterable[str] = ()) -> tuple[Feature, ...]:
    return features(KEY, subject, askers, persons)


def digests(pattern: Pattern, *subjects: Subject) -> set[int]:
    return {feature.digest for subject in subjects for feature in found(subject) if feature.pattern is pattern}


def most_values(pattern: Pattern, subjects: Iterable[Subject], persons: Iterable[str] = ()) -> int:
    """Return how many different values the busiest feature of a pattern gets."""
    values: dict[int, set[int]] = {}
    for subject in subjects:
        for feature in found(subject, persons=persons):
            if feature.pattern is pattern:
                values.setdefault(feature.digest, set()).add(feature.value)
    return max(map(len, values.values()), default=0)


def nhs(body: int) -> Subject:
    """Return a subject with the number made of nine digits and any tenth: the check digit plays no part."""
    return Subject(nhs_number=f"{body:09d}0")


def test_numbers_counted_through_share_their_block() -> None:
    assert len(digests(Pattern.NEIGHBOURING_NUMBERS, *map(nhs, range(969129200, 969129300)))) == 1
    assert len(digests(Pattern.NEIGHBOURING_NUMBERS, *map(nhs, range(969129200, 969139200, 100)))) == 100
    assert most_values(Pattern.NEIGHBOURING_NUMBERS, map(nhs, range(969129200, 969129300))) == 100


def test_numbers_of_different_kinds_are_no_neighbours() -> None:
    kinds = [Subject(nhs_number="9691292211"), Subject(pnc_id="2096/9129221Q"), Subject(upn="H969129221100")]
    for one, other in combinations(kinds, 2):
        assert not digests(Pattern.NEIGHBOURING_NUMBERS, one) & digests(Pattern.NEIGHBOURING_NUMBERS, other)


def test_one_name_however_it_is_spelt_with_any_birth_date_is_one_feature() -> None:
    tried = [
        Subject(family_name=name, birth_date=date(2001, month, 1))
        for month, name in enumerate(("Thistlethwaite", "Thistlewaite", "THISTLETHWAITE", "Thistlethwayt"), start=1)
    ]
    assert len(digests(Pattern.ONE_NAME, *tried)) == 1
    assert most_values(Pattern.ONE_NAME, tried) == len(tried)
    assert not digests(Pattern.ONE_NAME, replace(tried[0], family_name="Okafor")) & digests(Pattern.ONE_NAME, *tried)


DECOYS = tuple(f"{first}ilk{last}" for first, last in zip("ABCDEFGHIJKLMNOPQRST", "mldrmldrmldrmldrmldr", strict=True))


def changed(number: int, change: Callable[[str], str]) -> str:
    """Return a name one of whose letters is changed, another one each time."""
    place = number % len("Hartley")
    return "Hartley"[:place] + change("Hartley"[place]) + "Hartley"[place + 1 :]


DISGUISES: Mapping[str, Callable[[int], Subject]] = {
    "plain": lambda _number: Subject(family_name="Hartley"),
    "another alias each": lambda number: Subject(family_name="Hartley", aliases=(Name(family_name=DECOYS[number]),)),
    "hidden in an alias": lambda number: Subject(family_name=DECOYS[number], aliases=(Name(family_name="Hartley"),)),
    "exchanged, as the matcher reads both": lambda number: Subject(
        family_name=DECOYS[number], aliases=(Name(family_name="Daniel", given_names="Hartley"),)
    ),
    "accents": lambda number: Subject(family_name=changed(number, lambda letter: letter + "\u0302")),
    "composed accents": lambda number: Subject(
        family_name=changed(number, lambda letter: unicodedata.normalize("NFC", letter + "\u0302"))
    ),
    "full width": lambda number: Subject(family_name=changed(number, lambda letter: chr(ord(letter) + 0xFEE0))),
    "a filler": lambda number: Subject(family_name=changed(number, lambda letter: "\u3164" + letter)),
    "zero width": lambda number: Subject(family_name=changed(number, lambda letter: "\u200b" + letter)),
    "hyphens": lambda number: Subject(family_name=changed(number, lambda letter: letter + "-")),
    "another second name": lambda number: Subject(family_name=f"Hartley-{DECOYS[number]}"),
    "before another name": lambda number: Subject(family_name=f"{DECOYS[number]} Hartley"),
    "a decoy number each": lambda number: replace(nhs(100 * number), family_name="Hartley"),
}


@pytest.mark.holds("A44")
@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_no_disguise_hides_that_one_name_is_tried_with_many_birth_dates(disguise: Callable[[int], Subject]) -> None:
    tried = [replace(disguise(number), birth_date=date(2001, 1, 1 + number)) for number in range(len(DECOYS))]
    assert most_values(Pattern.ONE_NAME, tried) == len(DECOYS)


def test_the_decoys_share_nothing() -> None:
    tried = [Subject(family_name=name, birth_date=date(2001, 1, 1 + day)) for day, name in enumerate(DECOYS)]
    assert most_values(Pattern.ONE_NAME, tried) == 1


@given(lists(sampled_from("-'\u200b\u200d\u00ad\u0301\u2060 ."), max_size=6))
def test_nothing_between_letters_hides_a_name(between: list[str]) -> None:
    plain = digests(Pattern.NAME_BIRTH_DATES, replace(PERSON, family_name="Hartley"))
    disguised = "".join(letter + mark for letter, mark in zip("Hartley", [*between, *[""] * 7], strict=False))
    assert plain <= digests(Pattern.NAME_BIRTH_DATES, replace(PERSON, family_name=disguised))
    assert "".join(name_tokens(unicodedata.normalize("NFD", disguised))) == "hartley"


@pytest.mark.holds("A44")
def test_birth_dates_counted_beside_an_address_are_values_of_it() -> None:
    tried = [replace(PERSON, family_name=f"N{day}", birth_date=date(2001, 1, day)) for day in range(1, 20)]
    assert most_values(Pattern.ADDRESS_BIRTH_DATES, tried) == most_values(Pattern.POSTCODE_BIRTH_DATES, tried) == 19


@pytest.mark.holds("A44")
def test_all_values_tried_beside_one_detail_of_a_person_are_descriptions_of_it() -> None:
    births = [replace(PERSON, birth_date=date(2001, 1, day)) for day in range(1, 20)]
    families = [replace(PERSON, family_name=f"N{chr(96 + number)}") for number in range(1, 20)]
    numbers = [replace(PERSON, nhs_number=f"{number:010d}") for number in range(1, 20)]
    for tried in (births, families, numbers):
        assert most_values(Pattern.PERSON_DESCRIPTIONS, tried, persons=("what they share",)) == 19


def test_addresses_of_one_person_are_values_of_each_of_its_keys() -> None:
    homes = [replace(PERSON, address=Address(postcode=f"YO7 {number}AB")) for number in range(1, 6)]
    assert most_values(Pattern.PERSON_ADDRESSES, homes, persons=("a", "b")) == 5
    assert most_values(Pattern.PERSON_ADDRESSES, [homes[0], replace(homes[0], family_name="Read")], persons=("a",)) == 1


def test_a_practitioner_is_counted_for_names_and_the_agency_for_all_else() -> None:
    other = replace(ASKERS, practitioner="https://council.example p-2")
    differing = {each.pattern for each in set(found(PERSON)) - set(found(PERSON, other))}
    assert differing == {Pattern.ONE_NAME}
    elsewhere = replace(ASKERS, agency="https://police.example")
    assert not {each.digest for each in found(PERSON, elsewhere)} & {
        each.digest for each in found(PERSON) if each.pattern is not Pattern.ONE_NAME
    }


def test_a_feature_holds_nothing_of_the_person_and_differs_from_node_to_node() -> None:
    shown = found(PERSON, persons=("key",))
    assert {feature.pattern for feature in shown} == set(Pattern)
    elsewhere = features(bytes(32), PERSON, ASKERS, ("key",))
    assert not {feature.digest for feature in shown} & {feature.digest for feature in elsewhere}
    assert not {feature.value for feature in shown} & {feature.value for feature in elsewhere}
    assert all("969129" not in f"{feature}" and "Reed" not in f"{feature}" for feature in shown)


def test_a_name_in_another_script_is_a_feature_too() -> None:
    tried = [Subject(family_name="李", birth_date=date(2001, 1, day)) for day in range(1, 9)]
    assert most_values(Pattern.ONE_NAME, tried) == 8


def test_a_large_family_stays_below_every_threshold() -> None:
    family = [replace(PERSON, nhs_number=None, birth_date=date(2000 + child, 1, 1)) for child in range(7)]
    for pattern in Pattern:
        assert most_values(pattern, family) < THRESHOLDS[pattern].values


@given(day=integers(700_000, 800_000), later=integers(0, 40))
def test_a_value_is_counted_through_its_days_and_erased_after_them(day: int, later: int) -> None:
    for window, least, most in ((TODAY_AND_YESTERDAY, 1, 1), (A_MONTH, 30, 34)):
        is_counted = window.until(day) in window.counted(day + later)
        assert is_counted == (window.until(day) >= day + later)
        assert (later > most or is_counted) if later <= least else (later <= most or not is_counted)
