"""A person is linked to one certain record only; otherwise a human decides, or no record is found."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.contract import Candidate
from adapters.matching.decide import Match, MatchResult, match
from trust.exchange.person import Address, Gender, Name, Subject
from trust.exchange.person_names import name_tokens

NHS, OTHER_NHS = "9691292211", "9449306494"
OCTAVIA = Subject(
    nhs_number=NHS,
    family_name="Chislett",
    given_names="Octavia",
    birth_date=date(2008, 9, 20),
    gender=Gender.FEMALE,
    address=Address(uprn="100061", postcode="KT21 1JA"),
)
BY_NAME = replace(OCTAVIA, nhs_number=None)


def decide(subject: Subject, *people: Subject, verified: bool = False) -> Match:
    candidates = [
        Candidate(ref=str(number), person=person, identifiers_verified=verified) for number, person in enumerate(people)
    ]
    return match(subject, candidates)


def test_no_candidate_is_none() -> None:
    assert decide(OCTAVIA).outcome is MatchResult.NONE


class TestByIdentifier:
    def test_the_same_identifier_and_birth_date_link(self) -> None:
        found = decide(OCTAVIA, Subject(nhs_number=NHS, birth_date=OCTAVIA.birth_date))
        assert (found.outcome, found.ref) == (MatchResult.UNIQUE, "0")

    def test_another_family_name_does_not_stand_in_the_way(self) -> None:
        assert decide(OCTAVIA, replace(OCTAVIA, family_name="Flindall")).outcome is MatchResult.UNIQUE

    def test_without_a_birth_date_on_the_record_a_human_decides(self) -> None:
        assert decide(OCTAVIA, replace(OCTAVIA, birth_date=None)).outcome is MatchResult.REVIEW

    def test_without_a_birth_date_in_the_question_a_human_decides(self) -> None:
        assert decide(Subject(nhs_number=NHS), OCTAVIA).outcome is MatchResult.REVIEW

    def test_a_source_with_verified_identifiers_needs_no_birth_date(self) -> None:
        assert decide(OCTAVIA, Subject(nhs_number=NHS), verified=True).outcome is MatchResult.UNIQUE

    @pytest.mark.parametrize("verified", [False, True])
    @pytest.mark.parametrize("born", [date(1988, 11, 1), date(2008, 9, 21)])
    def test_a_contradicting_birth_date_needs_a_human(self, born: date, verified: bool) -> None:
        assert decide(OCTAVIA, replace(OCTAVIA, birth_date=born), verified=verified).outcome is MatchResult.REVIEW

    def test_a_twin_under_the_wrong_number_needs_a_human(self) -> None:
        assert decide(OCTAVIA, replace(OCTAVIA, given_names="Imogen"), verified=True).outcome is MatchResult.REVIEW

    def test_one_identifier_that_agrees_and_one_that_does_not_need_a_human(self) -> None:
        found = decide(replace(OCTAVIA, nino="AB518427C"), replace(OCTAVIA, nino="AB518428C"))
        assert found.outcome is MatchResult.REVIEW

    def test_an_identifier_with_a_wrong_check_digit_links_no_one(self) -> None:
        wrong = Subject(nhs_number="9691292212", birth_date=OCTAVIA.birth_date)
        assert decide(wrong, wrong).outcome is MatchResult.NONE

    def test_the_same_identifier_on_two_records_needs_a_human(self) -> None:
        assert decide(OCTAVIA, OCTAVIA, Subject(nhs_number=NHS)).outcome is MatchResult.REVIEW
        assert decide(OCTAVIA, OCTAVIA, OCTAVIA).outcome is MatchResult.REVIEW

    def test_a_namesake_with_another_number_does_not_stand_in_the_way(self) -> None:
        assert decide(OCTAVIA, OCTAVIA, replace(OCTAVIA, nhs_number=OTHER_NHS, birth_date=None)).ref == "0"


class TestByLikeness:
    def test_name_birth_date_and_place_link(self) -> None:
        assert decide(BY_NAME, BY_NAME).outcome is MatchResult.UNIQUE

    @pytest.mark.parametrize(
        "written",
        [
            {"family_name": "CHISLETT", "given_names": "octavia"},
            {"family_name": "Chislett", "given_names": "Octavia Jane"},
            {"family_name": "Octavia", "given_names": "Chislett"},
            {"family_name": "Flindall", "aliases": (Name(family_name="Chislett"),)},
        ],
    )
    def test_habits_of_writing_names_do_not_matter(self, written: dict) -> None:
        assert decide(BY_NAME, replace(BY_NAME, **written)).outcome is MatchResult.UNIQUE

    def test_a_short_form_that_stands_for_one_name_links(self) -> None:
        bob = replace(BY_NAME, given_names="Bob", gender=Gender.MALE)
        assert decide(bob, replace(bob, given_names="Robert")).outcome is MatchResult.UNIQUE

    @pytest.mark.parametrize(
        "differing",
        [
            {"address": None},
            {"address": Address(postcode="S2 2TD")},
            {"birth_date": date(2008, 9, 21)},
            {"birth_date": None},
            {"family_name": "Chizlett"},
            {"given_names": "Ocatvia"},
            {"given_names": None},
            {"gender": Gender.MALE},
            {"nhs_number": OTHER_NHS},
        ],
    )
    def test_anything_less_needs_a_human(self, differing: dict) -> None:
        subject = OCTAVIA if "nhs_number" in differing else BY_NAME
        assert decide(subject, replace(BY_NAME, **differing)).outcome is MatchResult.REVIEW

    def test_father_and_son_of_one_name_at_one_address_are_two_people(self) -> None:
        assert decide(BY_NAME, replace(BY_NAME, birth_date=date(1978, 1, 3))).outcome is MatchResult.NONE

    def test_a_stranger_who_shares_a_birth_date_is_no_match(self) -> None:
        assert decide(BY_NAME, Subject(given_names="Kit", birth_date=BY_NAME.birth_date)).outcome is MatchResult.NONE


class TestTwinsAndNamesakes:
    def test_the_twin_alone_is_never_linked(self) -> None:
        assert decide(BY_NAME, replace(BY_NAME, given_names="Imogen")).outcome is MatchResult.REVIEW

    def test_beside_the_twin_the_person_is_found(self) -> None:
        assert decide(BY_NAME, replace(BY_NAME, given_names="Imogen"), BY_NAME).ref == "1"

    def test_a_twin_of_a_similar_name_makes_it_a_humans_decision(self) -> None:
        ella = replace(BY_NAME, given_names="Eleanor")
        found = decide(ella, replace(ella, given_names="Eleanora"), replace(ella, given_names="Eleanor"))
        assert found.outcome is MatchResult.REVIEW

    def test_namesakes_born_on_one_day_are_a_humans_decision(self) -> None:
        nameonly = replace(BY_NAME, address=None)
        assert decide(nameonly, BY_NAME, replace(BY_NAME, address=Address(postcode="S2 2TD"))).ref is None

    @given(one=st.text(min_size=1, max_size=12), other=st.text(min_size=1, max_size=12), both=st.booleans())
    def test_no_pair_of_given_names_links_a_twin(self, one: str, other: str, both: bool) -> None:
        assume("".join(name_tokens(one)) != "".join(name_tokens(other)))
        assume(not set(name_tokens(one)) & set(name_tokens(other)))
        twin = replace(BY_NAME, given_names=other, nhs_number=OTHER_NHS if both else None)
        asked = replace(BY_NAME, given_names=one, nhs_number=NHS if both else None)
        assert decide(asked, twin).outcome is not MatchResult.UNIQUE


PEOPLE = st.builds(
    Subject,
    nhs_number=st.sampled_from([None, NHS, OTHER_NHS]),
    nino=st.sampled_from([None, "AB518427C", "AB518428C"]),
    family_name=st.sampled_from([None, "Chislett", "Chizlett", "Octavia", "Ash"]),
    given_names=st.sampled_from([None, "Octavia", "Octavia Jane", "Imogen", "Chislett"]),
    birth_date=st.sampled_from([None, date(2008, 9, 20), date(2008, 9, 21), date(1970, 1, 1)]),
    gender=st.sampled_from([None, Gender.FEMALE, Gender.MALE]),
    address=st.sampled_from([None, Address(postcode="KT21 1JA"), Address(uprn="7"), Address(postcode="S2 2TD")]),
)


def candidates_of(people: Sequence[Subject], flags: Sequence[bool]) -> list[Candidate]:
    pairs = enumerate(zip(people, flags, strict=True))
    return [Candidate(ref=f"r{i}", person=person, identifiers_verified=flag) for i, (person, flag) in pairs]


@given(asked=PEOPLE, people=st.lists(st.tuples(PEOPLE, st.booleans()), min_size=1, max_size=4))
def test_the_order_of_the_candidates_does_not_matter(asked: Subject, people: list[tuple[Subject, bool]]) -> None:
    candidates = candidates_of([p for p, _ in people], [f for _, f in people])
    first = match(asked, candidates)
    for order in permutations(candidates):
        found = match(asked, order)
        assert (found.outcome, found.ref) == (first.outcome, first.ref)


@given(asked=PEOPLE, person=PEOPLE, others=st.lists(PEOPLE, max_size=3), verified=st.booleans())
def test_a_second_equally_good_candidate_is_never_unique(
    asked: Subject, person: Subject, others: list[Subject], verified: bool
) -> None:
    people = [person, person, *others]
    found = match(asked, candidates_of(people, [verified] * len(people)))
    assert found.ref not in {"r0", "r1"}


@given(asked=PEOPLE, person=PEOPLE)
def test_one_record_given_twice_is_one_person(asked: Subject, person: Subject) -> None:
    candidate = Candidate(ref="same", person=person)
    assert match(asked, [candidate, candidate]) == match(asked, [candidate])


@given(asked=PEOPLE, people=st.lists(PEOPLE, max_size=3))
def test_no_explanation_repeats_a_value(asked: Subject, people: list[Subject]) -> None:
    found = match(asked, candidates_of(people, [False] * len(people)))
    text = " ".join(found.explanation)
    for value in ("Chislett", "Octavia", "Imogen", NHS, OTHER_NHS, "2008", "KT21", "AB518427C"):
        assert value not in text
    assert (found.ref is not None) == (found.outcome is MatchResult.UNIQUE)


class TestRecordsThatCannotBeReadInFull:
    ASKED = Subject(nhs_number="9434765919", family_name="Ash", given_names="Corvin", birth_date=date(2004, 11, 23))

    def test_nothing_against_it_is_no_absence(self) -> None:
        candidate = Candidate(
            ref="1", person=Subject(birth_date=date(2004, 11, 23)), unreadable=frozenset({"given_names"})
        )
        assert match(self.ASKED, [candidate]).outcome is MatchResult.REVIEW
        assert match(self.ASKED, [replace(candidate, unreadable=frozenset())]).outcome is MatchResult.NONE

    @pytest.mark.parametrize(
        "other", [{"family_name": "Tern"}, {"given_names": "Odile"}, {"birth_date": date(1950, 1, 1)}]
    )
    def test_what_speaks_against_it_counts(self, other: dict[str, Any]) -> None:
        candidate = Candidate(ref="1", person=Subject(**other), unreadable=frozenset({"nhs_number"}))
        assert match(self.ASKED, [candidate]).outcome is MatchResult.NONE

    def test_it_costs_no_other_record_its_link(self) -> None:
        good = Candidate(ref="1", person=self.ASKED)
        odd = Candidate(ref="2", person=Subject(birth_date=date(2004, 11, 23)), unreadable=frozenset({"family_name"}))
        assert match(self.ASKED, [good, odd]).ref == "1"

    def test_a_record_without_a_key_is_never_linked(self) -> None:
        found = match(self.ASKED, [Candidate(ref="x", person=self.ASKED, unreadable=frozenset({"ref"}))])
        assert (found.outcome, found.ref) == (MatchResult.REVIEW, None)
