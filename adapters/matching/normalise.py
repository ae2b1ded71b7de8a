"""Normalise names, postcodes and dates for comparison.

Normalised values are never shown or sent: they exist only during one comparison.
"""

import re
from datetime import date
from typing import Final

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
"""Short forms in everyday British use and their full names, a deliberately short list of this project.

A short form matches its full name or another short form of it. Two full names never match through a shared short form
(Alexander is not Alexandra).
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
"""Short forms that are also names of their own: one twin can be Jack and the other John."""

_SPELLINGS: Final = (
    {"catherine", "katherine", "kathryn"},
    {"stephen", "steven"},
    {"mohammed", "muhammad", "mohamed", "mohammad"},
    {"susan", "susanna", "susannah"},
    {"kimberley", "kimberly"},
)
"""Spellings of one name, which siblings do not share."""

_ONE_SPELLING: Final = {name: min(spellings) for spellings in _SPELLINGS for name in spellings}
_SAME_SOUND: Final = (
    (re.compile(r"(?<=[^aeiouy])([aou])e(?=[^aeiouy])"), r"\1"),  # Mueller, as Müller without its dots
    (re.compile(r"ph"), "f"),
    (re.compile(r"ck?"), "k"),
    (re.compile(r"y"), "i"),
    (re.compile(r"([^aeiou])\1"), r"\1"),
)

_OF_SEVERAL: Final = frozenset(
    short
    for short, full in _SHORT_FORMS.items()
    if len(full) > 1 and not any(full <= spellings for spellings in _SPELLINGS)
)
"""Short forms of several names: Fred may be Frederick, or his twin Alfred."""

_SHARED: Final = frozenset(
    {
        "abdel",
        "abdul",
        "md",
        "mo",
        "mohamad",
        "mohamed",
        "mohammad",
        "mohammed",
        "mohd",
        "muhammad",
        "muhammed",
        "sayed",
        "sayyid",
        "syed",
    }
)
"""First names that brothers share; the next name distinguishes them."""

_HALVES: Final = frozenset({"abdel", "abdul", "md", "mohd", "sayed", "sayyid", "syed"})


def are_short_forms(one: str, other: str) -> bool:
    """Return whether two different normalised given names are everyday forms of the same name."""
    full_of_one = _SHORT_FORMS.get(one, frozenset())
    full_of_other = _SHORT_FORMS.get(other, frozenset())
    return one in full_of_other or other in full_of_one or not full_of_one.isdisjoint(full_of_other)


def spelling_key(name: str) -> str:
    """Return a key that spellings of one name share: Mueller, Robyn, Stephen.

    A brother and a sister may share it (Tony, Toni), so that it only supports a matching identifier.
    """
    key = _ONE_SPELLING.get(name, name)
    for pattern, plain in _SAME_SOUND:
        key = pattern.sub(plain, key)
    return key


def is_doubtful_form(name: str) -> bool:
    """Return whether a short form is ambiguous: a name by itself, or short for several."""
    return name in _OWN_NAMES or name in _OF_SEVERAL


def stands_for_several(name: str) -> bool:
    """Return whether a short form that is no name by itself is short for several: Al and Al may be brothers."""
    return name in _OF_SEVERAL and name not in _OWN_NAMES


def is_shared(name: str) -> bool:
    """Return whether brothers often share this first name."""
    return name in _SHARED


def stands_alone(name: str) -> bool:
    """Return whether a first name that brothers share is a whole name by itself: Mohammed is, Abdul is half of one."""
    return name not in _HALVES


def postcode_key(text: str | None) -> str:
    """Return a postcode without its space and in upper case; an empty text if there is none."""
    plain = text.replace(" ", "") if text else ""
    return (plain if plain.isalnum() else "".join(char for char in plain if char.isalnum())).upper()


def is_slip_of(one: date, other: date) -> bool:
    """Return whether two different dates are one typing error apart.

    That is day and month exchanged, or one of the eight digits different.
    """
    if one == other:
        return False
    swapped = one.year == other.year and (one.day, one.month) == (other.month, other.day)
    differing = sum(a != b for a, b in zip(one.isoformat(), other.isoformat(), strict=True))
    return swapped or differing == 1
