"""Descriptions that find a record by the same detail share a bucket, and strangers share none."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Candidate
from adapters.matching.decide import MatchResult, match
from gateway.accountability.subject_buckets import person_keys, record_key
from trust.exchange.person import Address, Name, Subject
from trust.identifiers import EntityId, ServiceRef, ServiceSlug

KEY = b"k" * 32
BORN = date(2008, 9, 20)
PERSON = Subject(
    nhs_number="9691292211",
    family_name="Chislett",
    given_names="Octavia Grace",
    birth_date=BORN,
    address=Address(uprn="100061", postcode="KT21 1JA"),
)
BY_NAME = replace(PERSON, nhs_number=None)
WORDS = ["Chislett", "CHÍSLETT", "Chis-lett", "Chisslett", "Octavia Grace", "octavia", "Øctavia", "Flindall", "Grace"]
names = st.sampled_from([None, *WORDS])
described = st.builds(
    Subject,
    nhs_number=st.sampled_from([None, PERSON.nhs_number, "9449306494"]),
    upn=st.sampled_from([None, "H801200001001"]),
    family_name=names,
    given_names=names,
    birth_date=st.sampled_from([None, BORN, BORN + timedelta(days=1)]),
    address=st.sampled_from([None, PERSON.address]),
    aliases=st.lists(st.builds(Name, family_name=names, given_names=names), max_size=3).map(tuple),
)


def keys(subject: Subject) -> set[str]:
    return set(person_keys(KEY, subject))


@given(subject=described, verified=st.booleans())
def test_a_description_that_finds_a_record_shares_a_bucket_with_all_that_the_record_says(
    subject: Subject, verified: bool
) -> None:
    found = match(subject, [Candidate(ref="1", person=PERSON, identifiers_verified=verified)])
    assert found.outcome is not MatchResult.UNIQUE or keys(subject) & keys(PERSON)


def test_descriptions_by_name_share_a_bucket_however_they_are_worded() -> None:
    worded = [
        BY_NAME,
        replace(BY_NAME, family_name="CHÍSLETT", given_names="Octavia"),
        replace(BY_NAME, given_names="O."),
        replace(BY_NAME, address=None, aliases=(Name(family_name="Flindall"),)),
        replace(BY_NAME, family_name="Flindall", aliases=(Name(family_name="Chis-lett"),)),
        replace(BY_NAME, upn="H801200001001"),
    ]
    assert all(keys(one) & keys(other) for one, other in combinations(worded, 2))


def test_other_people_share_none() -> None:
    others = [
        replace(BY_NAME, birth_date=BORN + timedelta(days=1)),
        replace(BY_NAME, family_name="Flindall", given_names="Una"),
        Subject(nhs_number="9449306494"),
        Subject(upn="H801200001001"),
    ]
    assert not any(keys(PERSON) & keys(other) for other in others)
    assert not keys(Subject(family_name="Chislett"))  # without a birth date a name is anybody's


def test_a_bucket_names_no_person_and_is_another_under_another_key() -> None:
    assert not keys(PERSON) & set(person_keys(b"x" * 32, PERSON))
    assert not [each for each in keys(PERSON) if "chislett" in each.lower() or "969129" in each]


RECORD = ServiceRef(entity=EntityId("https://trust.example"), service=ServiceSlug("mental-health"))


def test_an_invisible_or_a_compatible_character_makes_no_other_person() -> None:
    spelt = [
        replace(BY_NAME, family_name=name)
        for name in ("Chis\u200blett", "\uff23hislett", "Chis\u00adlett", "Chi-s-lett")
    ]
    assert {person_keys(KEY, each) for each in spelt} == {person_keys(KEY, BY_NAME)}


def test_an_identifier_has_one_key_however_a_record_writes_it_and_what_is_none_has_no_key() -> None:
    assert keys(Subject(nhs_number="969 129 2211")) == keys(Subject(nhs_number="9691292211"))
    assert not keys(Subject(nhs_number="9691292212"))


def test_a_record_has_a_key_of_its_own_at_each_service_and_node() -> None:
    other = replace(RECORD, service=ServiceSlug("crisis-team"))
    made = {
        record_key(KEY, RECORD, "1"),
        record_key(KEY, RECORD, "2"),
        record_key(KEY, other, "1"),
        record_key(b"x" * 32, RECORD, "1"),
    }
    assert len(made) == 4
    assert record_key(KEY, RECORD, "1") in made
