"""Names have one normal form, and words that stand where a name was not given are no names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.common_names import FAMILY_NAMES, GIVEN_NAMES
from trust.exchange.person_names import (
    Sex,
    family_name_words,
    given_name_words,
    is_initial,
    is_no_name,
    is_one_of_several,
    is_uncertain,
    name_tokens,
    normal_name,
    sex_in,
)

NOT_GIVEN = [
    *("Baby", "BABY", "Infant", "Boy", "Girl", "Twin", "Twin 1", "Twin One", "TwinA", "Triplet 2", "Baby 2", "Unborn"),
    *("Baby Boy", "BabyGirl", "Male Infant", "Female", "Baby of Jane", "B/O Sarah", "Jane's Baby", "Newborn", "Bump"),
    *("Unknown", "Unkown", "unknown unknown", "Not Known", "not-given", "N/A", "N.K.", "NFN", "FNU", "No Name", "Name"),
    *("TBC", "To be confirmed", "Anon", "Redacted", "Test", "XX", "XXX", "zzz", "ZZTEST", "Test 3", "None", "NULL"),
    *("First name not known", "?", "-", "...", "123", "Miss", "Anhysbys", "Nieznane", "Necunoscut", "Inconnu", "Bebé"),
    *(
        "Bachgen",
        "Noworodek",
        "Неизвестно",
        "مجهول",
        "Ребенок",
        "बच्चा",
        "아기",
        "无名",
        "New Born",
        "Miss",
        "Ladka",
        "B\u200baby",
        "\uff22\uff41\uff42\uff59",
    ),
    *("Yet to be named", "Nofirstname", "Firstborn", "Brother", "Mother", "Foetal", "UASC 1", "Unknwn", "Unidentfied"),
    *("Asdf", "ABCD", "Ditto", "Placeholder", "Temp", "DNU", "Casualty", "#REF!", "#VALUE!", "Did not give"),
    *(
        "N'est pas connu",
        "Nouveau-n\u00e9",
        "Ok\u00e4nd",
        "Onbekend",
        "Nezn\u00e1m\u00fd",
        "\u0905\u091c\u094d\u091e\u093e\u0924",
        "Lama yaqaan",
    ),
    *(
        "Boys",
        "Girls",
        "Children",
        "Babys",
        "Infants",
        "NYN",
        "Noone",
        "Sons",
        "Mums",
        "No One",
        "Number 1",
        "Cot 1",
        "Wee One",
    ),
    *("Toddler", "Student", "Foundling", "Merged", "Merged Record", "Partner", "Next of kin", "Little One", "Bairn"),
]
UNCERTAIN = [
    *("Unamed", "Unnnamed", "Unkonwn", "Hospitel", "Infante", "Nebworn", "Childern", "Olivia 2", "Bed 12", "Bed Six"),
    *("Notyetnamed", "Nameunknown", "Testuser", "Childone", "Sdfg", "Hjkl", "Bcdf", "Ward", "Second", "Wean"),
]
GIVEN = [
    "Olivia",
    "Mia",
    "Jo",
    "Twinkle",
    "An",
    "Bo",
    "Zoë",
    "Mo",
    "Neo",
    "Tess",
    "Maleah",
    "Boyd",
    "Junior",
    "Prem",
    "Una",
    "Unathi",
    "伟",
    "준",
    "सुनीता",
]


@pytest.mark.holds("A73")
@pytest.mark.parametrize("text", NOT_GIVEN)
def test_words_that_stand_for_none_are_no_given_names(text: str) -> None:
    assert given_name_words(text) == ()


@pytest.mark.parametrize("text", GIVEN)
def test_names_are_given_names(text: str) -> None:
    assert given_name_words(text) == name_tokens(text) != ()
    assert not is_no_name(text)


@pytest.mark.holds("A73")
@pytest.mark.parametrize("text", UNCERTAIN)
def test_what_may_be_no_given_name_proves_nothing_and_is_enough_to_ask_about(text: str) -> None:
    assert is_uncertain(given_name_words(text))
    assert not is_no_name(text)


@pytest.mark.holds("A73")
@pytest.mark.parametrize("text", ["Child", "Parent", "Lad", "Sample", "Blank", "Minor", "Person", "Unamed", "Ward 4"])
def test_what_may_be_no_family_name_proves_nothing_and_is_enough_to_ask_about(text: str) -> None:
    assert is_uncertain(family_name_words(text), family=True)
    assert not is_no_name(text, family=True)


def test_common_names_are_names() -> None:
    given = {name: given_name_words(name) for name in (*GIVEN, *GIVEN_NAMES)}
    family = {name: family_name_words(name) for name in FAMILY_NAMES}
    assert len(GIVEN_NAMES) > 200 < len(FAMILY_NAMES)
    assert [name for name, words in given.items() if words != name_tokens(name) or is_uncertain(words)] == []
    assert [
        name for name, words in family.items() if words != name_tokens(name) or is_uncertain(words, family=True)
    ] == []


@pytest.mark.holds("A73")
@pytest.mark.parametrize("text", ["Baby Marsh", "Marsh", "Marsh Baby", "Twin Marsh", "Unknown Marsh", "Marsh Twin 2"])
def test_the_family_name_beside_a_stand_in_is_no_given_name(text: str) -> None:
    assert given_name_words(text, family=("marsh",)) == ()


def test_a_given_name_beside_a_note_is_still_one() -> None:
    assert given_name_words("Olivia NMN") == ("olivia",)


@pytest.mark.holds("A73")
@pytest.mark.parametrize(
    "text",
    [
        "Unknown",
        "Baby",
        "Not Known",
        "NA",
        "N/A",
        "XX",
        "M",
        "J.M.",
        "Test",
        "Twin",
        "Doe",
        "?",
        "UASC",
        "Ditto",
        "As above",
        "Temp",
        "Demo",
        "Hospital",
        "Boys",
        "Toddler",
    ],
)
def test_words_that_stand_for_none_are_no_family_names(text: str) -> None:
    assert family_name_words(text) == ()


@pytest.mark.parametrize(
    "text", ["Marsh", "Son", "Child", "Quin", "Infantino", "Ng", "Nguyen", "Goodwin", "Testa", "Parent", "Lad"]
)
def test_family_names_are_family_names(text: str) -> None:
    assert family_name_words(text) == name_tokens(text)


def test_a_stand_in_beside_a_family_name_is_left_out() -> None:
    assert family_name_words("Marsh Twin 1") == family_name_words("Baby Marsh") == ("marsh",)


@pytest.mark.parametrize(
    ("text", "told"), [("Twin", True), ("Baby 2", True), ("Infant B", True), ("Baby", False), ("Boys", True)]
)
def test_some_stand_ins_tell_of_several_children(text: str, told: bool) -> None:
    assert is_one_of_several(text) is told
    assert not is_one_of_several("Olivia B")


@pytest.mark.parametrize(
    ("text", "sex"), [("Baby Boy", Sex.BOY), ("BabyGirl", Sex.GIRL), ("Boy/Girl", None), ("Baby", None)]
)
def test_some_stand_ins_tell_boy_or_girl(text: str, sex: Sex | None) -> None:
    assert sex_in(text) is sex


@pytest.mark.parametrize(
    ("word", "initial"),
    [
        ("j", True),
        ("jm", True),
        ("jmk", True),
        ("aj", True),
        ("am", True),
        ("ma", True),
        ("ж", True),
        ("jo", False),
        ("伟", False),
        ("lynn", False),
    ],
)
def test_initials_are_told_from_short_names(word: str, initial: bool) -> None:
    assert is_initial(word) is initial


def test_a_stand_in_that_is_also_a_name_is_enough_to_ask_about() -> None:
    assert not is_no_name("Na")
    assert not is_no_name("O", family=True)
    assert is_no_name("Not known")
    assert is_no_name("Unknown", family=True)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Oli\u200bvia", "Olivia"),
        ("Oli\u00advia\ufeff", "Olivia"),
        ("\u3164Olivia", "Olivia"),
        ("  Anne   Marie ", "Anne Marie"),
        ("\uff2f\uff4c\uff49\uff56\uff49\uff41", "Olivia"),
        ("Zoe\u034f\u0308", "Zoë"),
    ],
)
def test_a_name_has_one_normal_form(written: str, normal: str) -> None:
    assert normal_name(written) == normal
    assert name_tokens(written) == name_tokens(normal)


@given(text=st.text(max_size=30), hidden=st.sampled_from("\u200b\u200d\u2060\ufeff\u00ad\u180e\ufe0f\U000e0041"))
def test_what_no_one_sees_changes_no_comparison(text: str, hidden: str) -> None:
    woven = hidden.join(text)
    assert normal_name(woven) == normal_name(text)
    assert name_tokens(woven) == name_tokens(text)
    assert given_name_words(woven) == given_name_words(text)


@given(text=st.text(max_size=40))
def test_any_text_is_read_and_a_normal_name_stays(text: str) -> None:
    assert normal_name(normal_name(text)) == normal_name(text)
    family_name_words(text)
    is_no_name(text)
