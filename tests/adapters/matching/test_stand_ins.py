"""Stand-ins for names, numbers and homes are evidence of nothing, and never link twins."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.contract import Candidate
from adapters.matching.compare import Level, compare, compare_profiles, profile
from adapters.matching.decide import Match, MatchResult, match
from adapters.matching.normalise import _SHORT_FORMS, _SPELLINGS, is_doubtful_form, stands_for_several
from trust.exchange.person import Address, Gender, Name, Subject
from trust.exchange.person_names import _ALIKE, _STAND_INS

BORN = date(2019, 5, 14)
HOME = Address(uprn="999000000021", postcode="ZE5 4QA")
NHS, TWINS_NHS = "9691292211", "9449306494"
MARSH = Subject(family_name="Marsh", given_names="Olivia", birth_date=BORN, address=HOME)


def decide(subject: Subject, *people: Subject, institutions: frozenset[str] = frozenset()) -> Match:
    candidates = [Candidate(ref=str(number), person=person) for number, person in enumerate(people)]
    return match(subject, candidates, institutions=institutions)


@pytest.mark.holds("A73")
@pytest.mark.parametrize(
    "number",
    [
        *({"nhs_number": str(digit) * 10} for digit in range(10)),
        {"nhs_number": "0123456789"},
        {"upn": "A000000000000"},
        {"nino": "AA000000A"},
        {"nino": "AB123456C"},
        {"nhs_number": "1231231238"},
        {"upn": "N99900000000A"},
        {"pnc_id": "2001/1234567K"},
        {"pnc_id": "0000/0000000Z"},
    ],
)
def test_a_stand_in_number_neither_links_nor_keeps_apart(number: dict[str, Any]) -> None:
    other = replace(MARSH, family_name="Tern", address=None, **number)
    assert decide(replace(MARSH, address=None, **number), other).outcome is MatchResult.NONE
    real = {"nhs_number": NHS, "upn": "P207000016049", "nino": "JT518427C", "pnc_id": "2001/0171310W"}
    (field,) = number
    names: dict[str, Any] = {field: real[field]}
    held = replace(MARSH, **names)
    assert decide(replace(MARSH, **number), held).outcome is MatchResult.UNIQUE


@pytest.mark.holds("A73")
@pytest.mark.parametrize("postcode", ["ZZ99 3VZ", "ZZ99 3WZ", "ZZ993VZ", "BFPO 57", "ZZZSECUR", "UN1 1AA"])
def test_no_home_is_not_a_shared_home(postcode: str) -> None:
    homeless = replace(MARSH, address=Address(postcode=postcode))
    without = decide(replace(MARSH, address=None), replace(MARSH, address=None))
    found = decide(homeless, homeless)
    assert (found.outcome, found.score) == (MatchResult.REVIEW, without.score)


@pytest.mark.holds("A73")
@pytest.mark.parametrize("family", ["Temp", "Demo", "Sample", "Blank", "Hospital", "Child", "Minor", "Person", "Lads"])
def test_a_family_name_that_may_be_none_goes_to_a_human(family: str) -> None:
    person = replace(MARSH, family_name=family)
    assert decide(person, person).outcome is MatchResult.REVIEW
    numbered = replace(person, nhs_number=NHS)
    assert decide(numbered, numbered).outcome is MatchResult.UNIQUE
    also = replace(person, aliases=(Name(family_name="Marsh"),))
    assert decide(also, also).outcome is MatchResult.UNIQUE


@pytest.mark.holds("A73")
@pytest.mark.parametrize("institution", ["ZE54QA", "999000000021"])
def test_an_institution_is_not_a_shared_home(institution: str) -> None:
    assert decide(MARSH, MARSH).outcome is MatchResult.UNIQUE
    assert decide(MARSH, MARSH, institutions=frozenset({institution})).outcome is MatchResult.REVIEW
    elsewhere = replace(MARSH, address=Address(postcode="ZE4 1AA"))
    listed = frozenset({institution})
    found = compare_profiles(profile(elsewhere, institutions=listed), profile(MARSH, institutions=listed))
    assert (found.postcode, found.uprn) == (Level.UNKNOWN, Level.UNKNOWN)


@pytest.mark.parametrize("side", [0, 1])
def test_a_restricted_address_takes_no_part(side: int) -> None:
    pair = [MARSH, MARSH]
    pair[side] = replace(MARSH, address_restricted=True)
    found = compare(*pair)
    assert (found.postcode, found.uprn) == (Level.UNKNOWN, Level.UNKNOWN)
    same, other = decide(*pair), decide(replace(pair[0], address=Address(postcode="ZE4 1AA")), pair[1])
    assert side == 0 or (same.outcome, same.score) == (other.outcome, other.score)


@pytest.mark.parametrize("names", [{"family_name": "Tern", "given_names": None}, {"family_name": "Tern"}])
def test_an_address_and_a_birth_date_do_not_name_the_resident(names: dict[str, Any]) -> None:
    asked = replace(MARSH, gender=Gender.FEMALE, **names)
    assert decide(asked, replace(MARSH, gender=Gender.FEMALE)).outcome is MatchResult.NONE


@given(
    family=st.sampled_from(["Tern", "Quillfeather", "Unknown", "M", "Baby", "Ng", "Zzz"]),
    given_names=st.sampled_from([None, "Baby", "Unknown", "X", "Imogen", "Oliver"]),
    gender=st.sampled_from([None, Gender.FEMALE]),
)
def test_below_a_name_that_agrees_no_address_leads_to_a_human(
    family: str, given_names: str | None, gender: Gender | None
) -> None:
    asked = replace(MARSH, family_name=family, given_names=given_names, gender=gender)
    assert decide(asked, replace(MARSH, gender=gender)).outcome is MatchResult.NONE


LISTED_STAND_INS = st.sampled_from(
    ["Baby", "Infant", "Boy", "Girl", "Twin", "Twin 1", "Twin One", "Unknown", "Not Known", "Test", "XX", "N/A", "NFN",
     "Baby Marsh", "Marsh", "Baby of Jane", "B/O Jane", "Male", "Female Infant", "Newborn", "Unborn", "TBC", "Anon",
     "?", "Baban", "Noworodek", "Bebe", "Not yet named", "Baby 2", "Baby A", "Unknown Marsh", "No name", "1"]
)  # fmt: skip
LONG_STAND_INS = sorted(word for word in _STAND_INS if len(word) > 4 and word.isascii())


@st.composite
def unlisted(draw: st.DrawFn) -> str:
    """Make a stand-in that no list has: misspelt, in the plural, numbered, or put together of two."""
    word = draw(st.sampled_from(LONG_STAND_INS))
    at = draw(st.integers(0, len(word) - 2))
    made = draw(
        st.sampled_from(
            [
                word[:at] + word[at + 1 :],
                word[:at] + draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz")) + word[at:],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                f"{word}s",
                f"{word} {draw(st.integers(0, 99))}",
                f"{draw(st.sampled_from(['Bed', 'Pod', 'Marsh', 'Olivia']))} {draw(st.integers(0, 99))}",
                word + draw(st.sampled_from(LONG_STAND_INS)),
            ]
        )
    )
    assume(made not in _STAND_INS | _ALIKE)
    return draw(st.sampled_from([made, made.title(), made.upper()]))


STAND_INS = st.one_of(LISTED_STAND_INS, unlisted())
NAMES = sorted({name for short, full in _SHORT_FORMS.items() for name in (short, *full)} | {
    "kayden", "jayden", "danielle", "olivia", "imogen", "ella", "ellie", "mohammad ali", "mary-ann", "jo", "bo", "zoe",
})  # fmt: skip


def may_be(name: str) -> frozenset[str]:
    """Return the full names that a twin so called can have, one for each set of spellings."""
    full = _SHORT_FORMS.get(name, frozenset()) | {name}
    return frozenset(next((min(group) for group in _SPELLINGS if each in group), each) for each in full)


@st.composite
def recorded(draw: st.DrawFn, name: str) -> str | None:
    """Write a twin's given name as some clerk would: in full, shortened, as initials, or as a stand-in for it."""
    full = _SHORT_FORMS.get(name, frozenset())
    shorter = [short for short, names in _SHORT_FORMS.items() if name in names]
    initials = [
        name[0].upper(),
        f"{name[0]}.",
        f"{name[0]} m",
        f"{name[0]}M",
        f"{name[0]}. M. B.",
        *([] if name[0] in "aeiouy" else [f"{name[0]}mb"]),
    ]
    written = st.sampled_from([name, name.title(), name.upper(), f"{name} M", *shorter, *sorted(full)])
    return draw(st.one_of(written, st.sampled_from(initials), STAND_INS, st.none()))


def _is_alex(first: str | None, second: str | None) -> bool:
    """Recognise twins who are both called by a name in full: Alex and Alex, of Alexander and Alexandra."""
    words = {(written or "").lower().split(" ")[0] for written in (first, second)}
    return len(words) == 1 and all(is_doubtful_form(word) and not stands_for_several(word) for word in words)


@st.composite
def twins(draw: st.DrawFn) -> tuple[Subject, Subject]:
    """Give two children of one birth, each as one agency recorded them: all alike but the names they truly have."""
    one, other = draw(st.sampled_from(NAMES)), draw(st.sampled_from(NAMES))
    assume(may_be(one).isdisjoint(may_be(other)))
    first, second = draw(recorded(one)), draw(recorded(other))
    assume(not _is_alex(first, second))
    family = draw(st.sampled_from(["Marsh", "Marsh", "Marsh-Vane", "Unknown", "Baby", "M", "Ng"]))
    if "Marsh" not in family:  # without a family name, the family's name is a given name like any other
        assume("Marsh" not in {first, second})
    gender = draw(st.sampled_from([None, Gender.MALE, Gender.FEMALE]))
    common = replace(MARSH, family_name=family, gender=gender)
    return replace(common, given_names=first), replace(common, given_names=second)


@pytest.mark.holds("A73", "S10")
@given(pair=twins(), beside=st.booleans(), numbered=st.booleans())
def test_no_way_of_recording_twins_links_one_to_the_other(
    pair: tuple[Subject, Subject], beside: bool, numbered: bool
) -> None:
    asked, held = pair
    if numbered:
        asked, held = replace(asked, nhs_number=NHS), replace(held, nhs_number=TWINS_NHS)
    others = [replace(MARSH, given_names="Aloysius", birth_date=date(1950, 1, 1))] if beside else []
    assert decide(asked, held, *others).outcome is not MatchResult.UNIQUE


@pytest.mark.holds("A73", "S10")
@given(pair=twins(), verified=st.booleans(), with_birth_date=st.booleans(), right_one=st.booleans())
def test_exchanged_numbers_of_twins_never_link_a_name_that_is_given(
    pair: tuple[Subject, Subject], verified: bool, with_birth_date: bool, right_one: bool
) -> None:
    """Each child's number stands in the other's record; what is asked has the right one."""
    asked, twin = pair
    assume(compare(asked, twin).given_names is not Level.UNKNOWN)  # only then can a matcher know
    held = replace(twin, nhs_number=NHS, birth_date=BORN if with_birth_date else None)
    candidates = [Candidate(ref="twin", person=held, identifiers_verified=verified)]
    if right_one:
        candidates.append(Candidate(ref="right", person=replace(asked, nhs_number=TWINS_NHS)))
    assert match(replace(asked, nhs_number=NHS), candidates).ref is None


@pytest.mark.holds("A73", "S10")
@pytest.mark.parametrize(
    ("asked", "held"),
    [
        *(("Jayden", "Kayden"), ("Jack", "John"), ("Daniel", "Danielle"), ("Alan", "Al"), ("Fred", "Alfred")),
        *(("Gareth", "Gaz"), ("Edward", "Ed"), ("J", "J"), ("J", "James"), ("JM", "JM"), ("Mary Jane", "Mary Rose")),
        *(("Olivia", "Twin 2"), ("Twin 1", "Twin 2"), ("Baby 1", None), ("Md", "Md")),
    ],
)
@pytest.mark.parametrize("verified", [False, True])
def test_a_similar_name_under_the_right_number_goes_to_a_human(asked: str, held: str | None, verified: bool) -> None:
    one, other = replace(MARSH, given_names=asked, nhs_number=NHS), replace(MARSH, given_names=held, nhs_number=NHS)
    for first, second in ((one, other), (other, one)):
        candidate = Candidate(ref="0", person=second, identifiers_verified=verified)
        assert match(first, [candidate]).outcome is MatchResult.REVIEW


@pytest.mark.holds("A73", "S10")
@pytest.mark.parametrize(
    "other", [{"gender": Gender.MALE}, {"given_names": "Baby Boy"}, {"given_names": None, "gender": Gender.MALE}]
)
def test_a_number_never_links_against_the_gender(other: dict[str, Any]) -> None:
    girl = replace(MARSH, gender=Gender.FEMALE, nhs_number=NHS)
    held = replace(MARSH, nhs_number=NHS, **other)
    assert decide(girl, held).outcome is MatchResult.REVIEW


@pytest.mark.holds("A73")
@given(written=unlisted())
def test_a_stand_in_that_no_list_has_links_no_one(written: str) -> None:
    as_given, as_family = replace(MARSH, given_names=written), replace(MARSH, family_name=written)
    assert decide(as_given, as_given).outcome is MatchResult.REVIEW
    assert decide(as_family, as_family).outcome is MatchResult.REVIEW


@pytest.mark.parametrize("held", ["Olivia", "OLIVIA", "Olivia Jane", None, "Baby", "Unknown", "Baby Girl"])
def test_a_number_links_with_the_same_name_or_none(held: str | None) -> None:
    girl = replace(MARSH, gender=Gender.FEMALE, nhs_number=NHS)
    assert decide(girl, Subject(nhs_number=NHS, birth_date=BORN, given_names=held)).outcome is MatchResult.UNIQUE


def test_a_known_short_form_confirms_a_number() -> None:
    bob = replace(MARSH, given_names="Bob", nhs_number=NHS)
    assert decide(bob, replace(bob, given_names="Robert")).outcome is MatchResult.UNIQUE


@pytest.mark.holds("A73", "S10")
def test_a_stand_in_beside_another_name_of_the_record_does_not_hide_the_twin() -> None:
    held = replace(MARSH, given_names="Baby", nhs_number=NHS, aliases=(Name(family_name="Tern", given_names="Imogen"),))
    assert decide(replace(MARSH, nhs_number=NHS), held).outcome is MatchResult.REVIEW
