"""Trust marks that an agreement requires of its parties beyond their signatures.

An agency that joined also holds those of its class. Both sides check: a holder does not answer an agency without a
mark, and an asker does not ask one.
"""

from collections.abc import Collection, Iterable

from trust.agreements.denial import Denial, DenialCode, deny
from trust.federation.trust_mark import name_mark
from trust.identifiers import EntityId


def missing_marks(required: Iterable[str], marks: Collection[str]) -> tuple[str, ...]:
    """Return the types of mark that are required and not among ``marks``, which are valid now."""
    return tuple(mark_type for mark_type in required if mark_type not in marks)


def deny_missing(entity: EntityId, missing: tuple[str, ...]) -> Denial:
    """Return the refusal that names the agency and every mark that it lacks."""
    return deny(DenialCode.MARK_MISSING, detail=f"{entity} lacks {' and '.join(map(name_mark, missing))}.")
