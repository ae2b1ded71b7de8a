"""The persons of a queued message: each with a part, and with views, telling, safe contact and consent of their own."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.queued_examples import CHILD, PERPETRATOR, PERSONS, VICTIM
from tests.trust.exchange.strategies import JSON, changed
from trust.exchange.person import Subject
from trust.exchange.persons import (
    CONSENT,
    MAX_PERSONS,
    PERSON_FIELDS,
    SAFE_CONTACT,
    TOLD,
    VIEWS,
    ConcernedPerson,
    Part,
    cut_persons,
    person_fields,
    persons_for_holder,
    persons_to_json,
    read_persons,
)
from trust.exchange.reader import Reader

WIRE = persons_to_json(PERSONS)


def read(persons: object) -> tuple[tuple[ConcernedPerson, ...], list[str]]:
    reader = Reader({"persons": persons})
    found = read_persons(reader, this_year=2026)
    return found, [str(fault) for fault in reader.faults]


def one(**changes: Any) -> list[dict[str, Any]]:
    return [{**WIRE[0], **changes}]


def test_persons_are_read_back_as_they_were_written() -> None:
    assert read(WIRE) == (PERSONS, [])


def test_an_alleged_perpetrator_may_be_unknown() -> None:
    unknown = replace(PERPETRATOR, subject=Subject())
    assert read(persons_to_json([unknown])) == ((unknown,), [])


@pytest.mark.parametrize(
    ("persons", "path"),
    [
        (None, "persons"),
        ([], "persons"),
        ({}, "persons"),
        ([WIRE[0], WIRE[0]], "persons"),
        (WIRE * 11, "persons"),
        (["p1"], "persons[0]"),
        (one(ref="p33"), "persons[0].ref"),
        (one(ref="P1"), "persons[0].ref"),
        (one(ref="p01"), "persons[0].ref"),
        (one(part="witness"), "persons[0].part"),
        (one(subject=None), "persons[0].subject"),
        (one(subject={"nhs_number": "1"}), "persons[0].subject.nhs_number"),
        (one(views={"sought": False}), "persons[0].views.why"),
        (one(views={"sought": True, "why": "unsafe"}), "persons[0].views.why"),
        (one(views={"why": "unsafe"}), "persons[0].views.sought"),
        (one(views={"sought": "no"}), "persons[0].views.sought"),
        (one(told={"told": False, "why": "He would have heard it from her mother."}), "persons[0].told.why"),
        (one(told={"told": False, "why": "unsafe", "note": "more"}), "persons[0].told.note"),
        (one(safe_contact={"times": "weekdays"}), "persons[0].safe_contact.method"),
        (one(safe_contact={"method": "text", "times": "t" * 101}), "persons[0].safe_contact.times"),
        (one(consent={"roles": ["pinky_promise"]}), "persons[0].consent.roles"),
        (one(note="a narrative"), "persons[0].note"),
    ],
)
def test_a_person_that_breaks_a_rule_is_named_by_its_path(persons: object, path: str) -> None:
    _, faults = read(persons)
    assert path in [fault.partition(": ")[0] for fault in faults]


def test_there_are_32_persons_at_most() -> None:
    many = [replace(CHILD, ref=f"p{number}") for number in range(1, MAX_PERSONS + 1)]
    assert read(persons_to_json(many)) == (tuple(many), [])


def test_the_fields_of_persons_are_what_a_clause_must_grant() -> None:
    assert person_fields([VICTIM]) == {"persons.victim", VIEWS, TOLD, SAFE_CONTACT}
    assert person_fields([PERPETRATOR]) == {"persons.alleged_perpetrator", TOLD}
    assert person_fields(PERSONS) <= PERSON_FIELDS
    assert CONSENT not in PERSON_FIELDS


def test_a_holder_is_sent_of_each_person_what_its_kind_may_have() -> None:
    school = persons_for_holder(PERSONS, "school")
    assert [person.subject.nhs_number for person in school] == [None, None, None]
    health = persons_for_holder(PERSONS, "mental-health", listed=["nhs_number"])
    assert health[0].subject == Subject(nhs_number=VICTIM.subject.nhs_number, nhs_number_verified=True)
    assert health[1].subject == Subject()


@given(fields=st.frozensets(st.sampled_from(sorted(PERSON_FIELDS | {CONSENT}))))
def test_no_person_or_value_passes_that_is_not_granted_and_a_second_cut_changes_nothing(fields: frozenset[str]) -> None:
    cut = cut_persons(PERSONS, fields)
    assert [person.ref for person in cut] == [person.ref for person in PERSONS if person.part.field in fields]
    assert person_fields(cut) <= fields
    assert all(person.consent is None for person in cut) or CONSENT in fields
    assert cut_persons(cut, fields) == cut


def test_every_part_is_a_field() -> None:
    assert {part.field for part in Part} <= PERSON_FIELDS


@given(persons=st.lists(st.one_of(changed(WIRE[0]), changed(WIRE[1]), JSON), max_size=3) | JSON)
def test_any_json_gives_persons_or_faults(persons: object) -> None:
    found, faults = read(persons)
    if not faults:
        assert read(persons_to_json(found)) == (found, [])
