"""Trust marks that an agreement requires of its parties beyond their signatures.

Both sides check: a holder does not answer an agency without a mark, and an asker does not ask one.
"""

from collections.abc import Collection
from typing import Protocol

from trust.agreements.denial import Denial, DenialCode, deny
from trust.federation.trust_mark import name_mark
from trust.identifiers import EntityId


class DemandsMarks(Protocol):
    """An agreement, or the choice of one of its clauses."""

    @property
    def required_marks(self) -> tuple[str, ...]:
        """The types of the marks that are demanded."""


def missing_marks(agreement: DemandsMarks, marks: Collection[str]) -> tuple[str, ...]:
    """Return the types of mark that the agreement demands and that are not among ``marks``, which are valid now."""
    return tuple(mark_type for mark_type in agreement.required_marks if mark_type not in marks)


def deny_missing(entity: EntityId, missing: tuple[str, ...]) -> Denial:
    """Return the refusal that names the agency and every mark that it lacks."""
    return deny(DenialCode.MARK_MISSING, detail=f"{entity} lacks {' and '.join(map(name_mark, missing))}.")
