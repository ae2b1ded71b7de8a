"""Break-glass: a question in an emergency, past the asking agency's own limits, and reviewed by a second person.

It lifts nothing at the holder: agreement, clause, role, consent and restrictions decide as ever. The holder sees the
code, and not the reason.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final

REVIEW_WITHIN: Final = timedelta(hours=72)
"""The time in which a second person reviews each use."""
FRESH_SIGN_IN: Final = timedelta(minutes=5)
"""How old the sign-in of the person may be (a step-up as in RFC 9470)."""


class BreakGlassCode(StrEnum):
    """The emergency, as the holder sees it."""

    LIFE_AT_RISK = "life-at-risk"
    CHILD_AT_RISK = "child-at-risk"
    ADULT_AT_RISK = "adult-at-risk"
    MISSING_PERSON = "missing-person"
