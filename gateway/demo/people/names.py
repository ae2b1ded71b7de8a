"""Names of the invented residents and workers.

Every family name has two parts and at least six letters, so that a search of the nodes' stores finds that name and
nothing else. The lists say nothing about real people who need help.
"""

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_SHORTEST: Final = 6
FAMILY_NAMES: Final = tuple(
    front + back
    for front in _words("Ash Birk Cold Dun Elm Fair Gold Hazel Ingle Kel Lang Mar Oak Pen Ray Sel Whit Wether")
    for back in _words("beck brook burn croft dale garth hurst lock mond rigg shaw stone thwaite ward wick worth")
    if len(front + back) >= _SHORTEST
)
GIVEN_NAMES: Final = {
    "female": _words(
        "Abigail Aisha Amelia Bethany Carys Deborah Eleanor Farida Freya Grace Hannah Imogen Jennifer Keziah Leila "
        "Megan Nadia Olivia Paige Rebecca Samira Stephanie Tara Victoria Yasmin Zofia"
    ),
    "male": _words(
        "Andrew Anthony Callum Daniel David Ethan Finlay Gareth Hassan Ibrahim Jerome Kieran Liam Matthew Michael "
        "Nicholas Omar Owen Peter Richard Robert Stephen Thomas Timothy Tomasz Yusuf"
    ),
}
MIDDLE_NAMES: Final = {
    "female": ("Anne", "Louise", "Marie", "Rose", "Ruth", ""),
    "male": ("Alan", "Edward", "James", "Lee", "Paul", ""),
}
SHORT_FORMS: Final = {
    "Andrew": "Andy",
    "Anthony": "Tony",
    "David": "Dave",
    "Deborah": "Debbie",
    "Jennifer": "Jenny",
    "Matthew": "Matt",
    "Michael": "Mike",
    "Nicholas": "Nick",
    "Peter": "Pete",
    "Rebecca": "Becky",
    "Richard": "Rick",
    "Robert": "Rob",
    "Stephanie": "Steph",
    "Stephen": "Steve",
    "Thomas": "Tom",
    "Timothy": "Tim",
    "Victoria": "Vicky",
}
"""Short forms, none of which is also a given name here."""


def misspelt(name: str) -> str:
    """Return a family name with one slip: its fourth and fifth letters exchanged, or the fourth written twice."""
    fourth, fifth = name[3], name[4]
    return name[:4] + fourth + name[4:] if fourth == fifth else name[:3] + fifth + fourth + name[5:]
