"""Free text is searched for restricted values in every usual spelling, and the place is shown without the value."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.agreements.restricted_text import NO_VALUES, RestrictedValues, is_long_enough

HOME = RestrictedValues.of(
    texts=["ZE7 1QB", "14 Ash Lane", "St Brannoc's Primary School", "100012345678"], telephones=["+44 1700 900123"]
)


@pytest.mark.parametrize(
    "text",
    [
        "She is at ZE7 1QB now.",
        "She is at ze71qb now.",
        "ZE7-1QB",
        "Z E 7 1 Q B",
        "(ZE7.1QB)",
        "ZE7\u00a01QB",
        "ZE7\u200b1QB",
        "\uff3a\uff25\uff17 \uff11\uff31\uff22",
        "at 14, Ash Lane",
        "in ash ln",
        "ASH LANE",
        "Àsh Lane",
        "14AshLane",
        "goes to St. Brannocs Pri School",
        "Saint Brannoc's primary school",
        "st brannoc\u2019s primary sch",
        "UPRN 100012345678",
        "UPRN 0100012345678",
        "ring 01700 900123",
        "ring 01700900123",
        "ring +44 (0)1700-900.123",
        "ring 0044 1700 900 123",
        "ring \u0660\u0661\u0667\u0660\u0660 \u0669\u0660\u0660\u0661\u0662\u0663",
    ],
)
def test_a_restricted_value_is_found_in_every_usual_spelling(text: str) -> None:
    assert HOME.find(text)


@pytest.mark.parametrize(
    "text",
    [
        "She left the wash lanes of the car park.",
        "ZE7 is at risk.",
        "The primary school rang.",
        "Ring 01700 900124.",
        "She was 14 when they met.",
        "",
    ],
)
def test_other_texts_are_not_held_back(text: str) -> None:
    assert not HOME.find(text)
    assert not NO_VALUES.find(text)


def test_the_place_is_shown_by_its_characters() -> None:
    text = "Now at ZE7 1QB, near Ash Lane."
    assert [text[first - 1 : last] for first, last in HOME.find(text)] == ["ZE7 1QB", "Ash Lane"]


def test_no_representation_shows_a_value() -> None:
    assert repr(HOME) == "<RestrictedValues 6>"


def test_a_text_that_would_be_found_everywhere_is_too_short() -> None:
    assert [is_long_enough(text) for text in ("Oak", "1 A", "Ash Lane")] == [False, False, True]
    assert not RestrictedValues.of(texts=["Oak"], telephones=["999"]).find("The oak at 999")


WORDS = st.text(alphabet=string.ascii_letters + " .,-", max_size=30)


@given(before=WORDS, after=WORDS, gap=st.text(alphabet=" .-\u00a0\u200b", max_size=3), upper=st.booleans())
def test_nothing_around_a_postcode_hides_it(before: str, after: str, gap: str, upper: bool) -> None:
    postcode = f"ZE7{gap}1QB" if upper else f"ze7{gap}1qb"
    assert HOME.find(f"{before} {postcode} {after}")
