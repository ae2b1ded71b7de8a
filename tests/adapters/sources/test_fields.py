"""Fields as case systems write them: read into one form, or the row is unreadable; no value is repeated."""

from datetime import date
from decimal import Decimal

import pytest

from adapters.sources.days import DayForms
from adapters.sources.fields import Defaults, merge_people, most_recent_first, read_involvement_row, read_person
from adapters.sources.text import Unreadable, read_text
from trust.exchange.involvement import Involvement
from trust.exchange.person import Address, Gender, Name, Subject

DEFAULTS = Defaults(organisation="Riverbank Homes", service_type="housing", duty_phone="01632 960 100")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), ("", None), ("  ", None), (" Ann  Lee ", "Ann Lee"), (17, "17"), ("Zoe\u0308", "Zoë")],
)
def test_text_is_tidied(value: object, text: str | None) -> None:
    assert read_text(value) == text


@pytest.mark.parametrize("control", ["\r\n", "\x1b[2J", "\u202e", "\u2028", "\x00", "\ud800"])
def test_controls_and_direction_overrides_become_spaces(control: str) -> None:
    assert read_text(f"Ann{control}Lee") in {"Ann Lee", "Ann [2JLee"}


@pytest.mark.parametrize("value", [True, 1.5, float("nan"), Decimal("NaN"), b"\x81", ["x"], "x" * 201])
def test_what_is_not_a_short_text_is_unreadable(value: object) -> None:
    with pytest.raises(Unreadable):
        read_text(value)


def test_a_person_is_normalised() -> None:
    row = {"nhs_number": "969 129 2211", "pnc_id": "03/11985X", "gender": "M", "postcode": "kt211ja", "birth_date": ""}
    assert read_person(row) == Subject(
        nhs_number="9691292211", pnc_id="2003/0011985X", gender=Gender.MALE, address=Address(postcode="KT21 1JA")
    )


def test_an_unreadable_field_is_named() -> None:
    with pytest.raises(Unreadable, match="birth_date is not a date"):
        read_person({"birth_date": "Whitsun"})


def test_an_involvement_is_completed_from_the_service() -> None:
    row = {"worker": "Alex Patel", "last_contact": "2026-10-31"}
    involvement, faults = read_involvement_row(row, DEFAULTS, DayForms())
    assert not faults
    assert involvement == Involvement(
        organisation="Riverbank Homes",
        service_type="housing",
        worker="Alex Patel",
        duty_phone="01632 960 100",
        last_contact_month="2026-10",
    )


def test_the_most_recent_comes_first_and_none_twice() -> None:
    old, new, undated = (
        Involvement(worker="old", since=date(2020, 1, 1)),
        Involvement(worker="new", last_contact_month="2026-10"),
        Involvement(worker="undated"),
    )
    assert most_recent_first([undated, old, new, old]) == (new, old, undated)


class TestMergingRows:
    def test_gaps_are_filled_and_further_names_are_aliases(self) -> None:
        (person,) = merge_people(
            [
                Subject(nhs_number="1", family_name="Ash"),
                Subject(nhs_number="1", birth_date=date(2008, 9, 20)),
                Subject(family_name="Birch", given_names="Kit", birth_date=date(2008, 9, 20)),
            ]
        )
        assert person == Subject(
            nhs_number="1",
            family_name="Ash",
            given_names="Kit",
            birth_date=date(2008, 9, 20),
            aliases=(Name(family_name="Birch", given_names="Kit"),),
        )

    @pytest.mark.parametrize(
        "other",
        [Subject(nhs_number="2"), Subject(birth_date=date(2001, 1, 1))],
    )
    def test_rows_that_contradict_each_other_stay_apart(self, other: Subject) -> None:
        one = Subject(nhs_number="1", birth_date=date(2008, 9, 20))
        assert merge_people([one, other]) == (one, other)


@pytest.mark.parametrize(
    ("held", "read"),
    [
        (1632960008, "01632960008"),
        (1632960008.0, "01632960008"),
        (Decimal(163296000), "0163296000"),
        (441632960008, "441632960008"),
        (101, "101"),
        ("1632 960 008", "1632 960 008"),
        ("01632 960008", "01632 960008"),
    ],
)
def test_a_telephone_number_that_is_stored_as_a_number_has_its_zero(held: object, read: str) -> None:
    row = {"phone": held, "duty_phone": held}
    involvement, faults = read_involvement_row(row, DEFAULTS, DayForms())
    assert (involvement.phone, involvement.duty_phone, faults) == (read, read, ())
