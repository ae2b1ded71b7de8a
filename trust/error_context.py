"""The statement and the rule that a refusal names."""

from collections.abc import Iterator
from contextlib import contextmanager

from trust.errors import TrustError

PROFILE = "exchange profile section 1"
"""The rule where it is ours and not the standard's."""
ROLLBACK = BOUNDS = "exchange profile section 6"


def section(number: str) -> str:
    """Return how a refusal names a section of OpenID Federation 1.0."""
    return f"OpenID Federation 1.0 section {number}"


@contextmanager
def about_statement(statement: str, rule: str) -> Iterator[None]:
    """Add this statement and this rule to any refusal inside, unless it names others already."""
    try:
        yield
    except TrustError as refused:
        refused.place(statement=statement, rule=rule)
        raise
