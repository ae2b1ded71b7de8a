"""Names, postcodes and dates are compared in one normal form."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.matching.normalise import are_short_forms, is_doubtful_form, is_slip_of, postcode_key
from trust.exchange.person_names import name_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("O'Brien", ("obrien",)),
        ("O\u2019BRIEN", ("obrien",)),
        ("Flint-Smith", ("flint", "smith")),
        ("  Zoë  Anaïs ", ("zoe", "anais")),
        ("Łukasz Müller-Øst", ("lukasz", "muller", "ost")),
        ("Strauß", ("strauss",)),
        ("", ()),
        (None, ()),
        ("...", ()),
    ],
)
def test_names_lose_case_accents_and_punctuation(text: str | None, tokens: tuple[str, ...]) -> None:
    assert name_tokens(text) == tokens


@given(st.text(max_size=40))
def test_a_normalised_name_stays_as_it_is(text: str) -> None:
    once = name_tokens(text)
    assert name_tokens(" ".join(once)) == once


@pytest.mark.parametrize(("one", "other"), [("bob", "robert"), ("robert", "bob"), ("liz", "elizabeth"), ("bob", "rob")])
def test_short_forms_are_known_both_ways(one: str, other: str) -> None:
    assert are_short_forms(one, other)


@pytest.mark.parametrize(("one", "other"), [("alexander", "alexandra"), ("nicholas", "nicola"), ("tom", "robert")])
def test_two_full_names_do_not_meet_in_a_short_form(one: str, other: str) -> None:
    assert not are_short_forms(one, other)


def test_a_short_form_that_is_given_to_children_proves_nothing() -> None:
    assert is_doubtful_form("jack")
    assert not is_doubtful_form("bob")


def test_a_postcode_is_compared_without_its_space() -> None:
    assert postcode_key("kt21 1ja") == postcode_key("KT211JA") == "KT211JA"
    assert postcode_key(None) == ""


@pytest.mark.parametrize(
    ("one", "other", "slip"),
    [
        (date(2008, 9, 20), date(2008, 9, 20), False),
        (date(2008, 9, 2), date(2008, 2, 9), True),
        (date(2008, 9, 20), date(2008, 9, 21), True),
        (date(2008, 9, 20), date(1908, 9, 20), False),
        (date(2008, 9, 20), date(2009, 9, 21), False),
    ],
)
def test_one_slip_of_the_pen_is_told_from_another_date(one: date, other: date, slip: bool) -> None:
    assert is_slip_of(one, other) is slip
