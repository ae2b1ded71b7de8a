"""Two records are compared field by field, with every habit of writing names in mind."""

from datetime import date

import pytest

from adapters.matching.compare import Level, compare
from trust.exchange.person import Address, Gender, Name, Subject


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("Octavia", "OCTAVIA", Level.SAME),
        ("Anne-Marie", "Annemarie", Level.SAME),
        ("Octavia Jane", "Octavia", Level.SAME),
        ("Octavia Jane", "Octavia J", Level.SAME),
        ("Octavia Jane", "Octavia Rose", Level.SIMILAR),
        ("Robert", "Bob", Level.VARIANT),
        ("Jack", "John", Level.SIMILAR),
        ("Jane Octavia", "Octavia", Level.SIMILAR),
        ("Octavia", "Ocatvia", Level.SIMILAR),
        ("O", "Octavia", Level.SIMILAR),
        ("Octavia", "Imogen", Level.DIFFERENT),
        ("Octavia", None, Level.UNKNOWN),
        ("Octavia", "?", Level.UNKNOWN),
    ],
)
def test_given_names(one: str, other: str | None, level: Level) -> None:
    found = compare(Subject(family_name="Ash", given_names=one), Subject(family_name="Ash", given_names=other))
    assert found.given_names is level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("Flint-Smith", "FLINT SMITH", Level.SAME),
        ("O'Brien", "OBrien", Level.SAME),
        ("Flint-Smith", "Flint", Level.SIMILAR),
        ("Anderton", "Andertan", Level.SIMILAR),
        ("Anderton", "Flindall", Level.DIFFERENT),
        ("Anderton", None, Level.UNKNOWN),
    ],
)
def test_family_names(one: str, other: str | None, level: Level) -> None:
    assert compare(Subject(family_name=one), Subject(family_name=other)).family_name is level


def test_family_and_given_names_the_wrong_way_round_are_recognised() -> None:
    found = compare(
        Subject(family_name="Nguyen", given_names="Thi Lan"), Subject(family_name="Thi Lan", given_names="Nguyen")
    )
    assert (found.family_name, found.given_names) == (Level.SAME, Level.SAME)


def test_a_middle_name_that_one_side_lacks_does_not_hide_names_the_wrong_way_round() -> None:
    asked = Subject(family_name="Nguyen", given_names="Lan Thi")
    found = compare(asked, Subject(family_name="Lan", given_names="Nguyen"))
    assert (found.family_name, found.given_names) == (Level.SAME, Level.SAME)
    other = compare(asked, Subject(family_name="Mai", given_names="Nguyen"))
    assert other.given_names is Level.DIFFERENT


def test_an_alias_on_either_side_counts_as_a_name() -> None:
    born = Subject(family_name="Chislett", given_names="Octavia")
    married = Subject(family_name="Flindall", given_names="Octavia", aliases=(Name(family_name="Chislett"),))
    assert compare(born, married).family_name is Level.SAME
    assert compare(married, born).family_name is Level.SAME


def test_identifiers_are_compared_in_their_normal_form() -> None:
    assert compare(Subject(nhs_number="9691292211"), Subject(nhs_number="969 129 2211")).identifiers_same == (
        "nhs_number",
    )


def test_an_identifier_with_a_wrong_check_digit_is_no_evidence() -> None:
    found = compare(Subject(nhs_number="9691292212"), Subject(nhs_number="9691292212"))
    assert found.identifiers_same == found.identifiers_different == ()


def test_addresses_genders_and_dates() -> None:
    found = compare(
        Subject(birth_date=date(2008, 9, 20), gender=Gender.FEMALE, address=Address(uprn="1", postcode="KT21 1JA")),
        Subject(birth_date=date(2008, 9, 21), gender=Gender.UNKNOWN, address=Address(uprn="2", postcode="KT211JA")),
    )
    assert (found.birth_date, found.gender) == (Level.SIMILAR, Level.UNKNOWN)
    assert (found.uprn, found.postcode) == (Level.DIFFERENT, Level.SAME)
