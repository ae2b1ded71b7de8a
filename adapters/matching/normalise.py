"""Bring names, postcodes and dates to the form in which they are compared.

Nothing here is ever shown or sent: a normalised value lives only as long as one comparison.
"""

import unicodedata
from datetime import date
from typing import Final

_LETTERS: Final = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i", "ħ": "h", "ß": "ss"}
)
"""Latin letters that Unicode does not decompose; case folding has already turned the capital forms into these."""

_APOSTROPHES: Final = frozenset("'\u2018\u2019\u02bc\u00b4`")

_SHORT_FORMS: Final[dict[str, frozenset[str]]] = {
    short: frozenset(full.split())
    for short, full in {
        "abby": "abigail",
        "al": "alan albert alexander alfred",
        "alex": "alexander alexandra alexis",
        "andy": "andrew",
        "becky": "rebecca",
        "ben": "benjamin",
        "beth": "elizabeth bethany",
        "betty": "elizabeth",
        "bill": "william",
        "billy": "william",
        "bob": "robert",
        "bobby": "robert",
        "charlie": "charles charlotte",
        "chris": "christopher christine christina christian",
        "dan": "daniel",
        "danny": "daniel",
        "dave": "david",
        "debbie": "deborah",
        "ed": "edward edwin edmund",
        "eddie": "edward edwin",
        "fred": "frederick alfred",
        "gaz": "gareth gary",
        "harry": "harold henry",
        "jack": "john",
        "jake": "jacob",
        "jamie": "james",
        "jen": "jennifer",
        "jenny": "jennifer",
        "jess": "jessica",
        "jim": "james",
        "jimmy": "james",
        "joe": "joseph",
        "jon": "jonathan",
        "josh": "joshua",
        "kate": "katherine catherine kathryn",
        "katie": "katherine catherine kathryn",
        "kathy": "katherine catherine kathryn",
        "ken": "kenneth",
        "kim": "kimberley kimberly",
        "liz": "elizabeth",
        "lizzie": "elizabeth",
        "maggie": "margaret",
        "matt": "matthew",
        "mick": "michael",
        "mike": "michael",
        "mo": "mohammed muhammad mohamed mohammad",
        "nat": "nathan nathaniel natalie natasha",
        "nick": "nicholas",
        "nicky": "nicholas nicola",
        "pat": "patrick patricia",
        "pete": "peter",
        "ray": "raymond",
        "rich": "richard",
        "rick": "richard",
        "rob": "robert",
        "robbie": "robert",
        "ron": "ronald",
        "sam": "samuel samantha",
        "sandy": "alexander alexandra sandra",
        "steph": "stephanie",
        "steve": "stephen steven",
        "sue": "susan susanna susannah",
        "ted": "edward theodore",
        "terry": "terence",
        "tim": "timothy",
        "tom": "thomas",
        "tommy": "thomas",
        "tony": "anthony",
        "vicky": "victoria",
        "will": "william",
        "zach": "zachary",
    }.items()
}
"""Short forms in everyday British use and the names they stand for, written for this project and deliberately few.

A pair counts only between a short form and a full name that it stands for, or between two short forms of one name: two
full names never become one another through a short form that they share (Alexander is not Alexandra).
"""


_OWN_NAMES: Final = frozenset(
    {
        "abby",
        "alex",
        "ben",
        "beth",
        "billy",
        "bobby",
        "charlie",
        "chris",
        "dan",
        "danny",
        "harry",
        "jack",
        "jake",
        "jamie",
        "jess",
        "joe",
        "jon",
        "josh",
        "kate",
        "katie",
        "kim",
        "lizzie",
        "maggie",
        "nat",
        "nicky",
        "pat",
        "robbie",
        "sam",
        "sandy",
        "ted",
        "tommy",
        "will",
        "zach",
    }
)
"""Short forms that are also given to a child in their own right: one twin can be Jack and the other John."""


def name_tokens(text: str | None) -> tuple[str, ...]:
    """Return the words of a name in lower case, without accents, apostrophes, hyphens or other punctuation."""
    if not text:
        return ()
    if text.isascii() and text.replace(" ", "").isalpha():  # as most names are
        return tuple(text.lower().split())
    folded = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
    kept = (
        "" if unicodedata.combining(char) or char in _APOSTROPHES else char if char.isalnum() else " "
        for char in folded
    )
    return tuple("".join(kept).split())


def are_short_forms(one: str, other: str) -> bool:
    """Say whether two different normalised given names are everyday forms of the same name."""
    full_of_one = _SHORT_FORMS.get(one, frozenset())
    full_of_other = _SHORT_FORMS.get(other, frozenset())
    return one in full_of_other or other in full_of_one or not full_of_one.isdisjoint(full_of_other)


def is_own_name(name: str) -> bool:
    """Say whether a short form is also a full name by itself, so that it does not prove the name it is short for."""
    return name in _OWN_NAMES


def postcode_key(text: str | None) -> str:
    """Return a postcode without its space and in upper case; an empty text if there is none."""
    plain = text.replace(" ", "") if text else ""
    return (plain if plain.isalnum() else "".join(char for char in plain if char.isalnum())).upper()


def is_slip_of(one: date, other: date) -> bool:
    """Say whether two different dates are one slip of the pen apart.

    A slip is day and month the wrong way round, or one single digit of the eight that differs.
    """
    if one == other:
        return False
    swapped = one.year == other.year and (one.day, one.month) == (other.month, other.day)
    differing = sum(a != b for a, b in zip(one.isoformat(), other.isoformat(), strict=True))
    return swapped or differing == 1
