"""Decide what of a person's record may be released, now that the person has been looked for.

It knows the person's restrictions, so what it withholds looks like absence wherever existence itself is not to be told.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trust.agreements.clause import Existence
from trust.agreements.decision_facts import MatchOutcome, Permit, PersonRestrictions, Release, ReleaseStatus
from trust.agreements.location import LocationRuling, rule_on_location


def decide_release(permit: Permit, *, match: MatchOutcome, restrictions: PersonRestrictions) -> Release:
    """Decide what to answer, now that the person has been looked for: the first rule that applies gives the status.

    The rules are those of :data:`RELEASE_RULES`. Under a conditional clause everything but a release is answered alike.
    Under another one, a person who may be meant or whose record is restricted is ``review``: a human must decide, and
    "not known" would be untrue. A restricted place is hidden unless
    :func:`trust.agreements.location.rule_on_location` releases it to the asker.
    """
    place = rule_on_place(permit, restrictions)
    reasons = (f"match:{match}", *restrictions.reasons, *([] if place is None else [str(place)]))
    status = next(rule.status for rule in RELEASE_RULES if rule.applies(permit, match, restrictions))
    fields = permit.fields if status is ReleaseStatus.KNOWN else frozenset()
    hides = place is not None and place.hides
    return Release(status=status, fields=fields, reasons=reasons, place=restrictions.place if hides else None)


def trace_release(
    permit: Permit, *, match: MatchOutcome, restrictions: PersonRestrictions
) -> tuple[tuple["ReleaseRule", bool], ...]:
    """Return the rules of :func:`decide_release` to the first that applies, each with whether it applies."""
    results = []
    for rule in RELEASE_RULES:
        applies = rule.applies(permit, match, restrictions)
        results.append((rule, applies))
        if applies:
            break
    return tuple(results)


def rule_on_place(permit: Permit, restrictions: PersonRestrictions) -> LocationRuling | None:
    """Return whether the place of a restricted person may go to the asker, or none where no place is restricted."""
    restriction = restrictions.location
    if restriction is None:
        return None
    if permit.asker is None:
        return LocationRuling.NOT_AUTHORISED
    return rule_on_location(restriction, permit.clause, permit.asker)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRule:
    """One rule of :func:`decide_release`: the status that it gives where it applies."""

    number: str
    text: str
    status: ReleaseStatus
    applies: Callable[[Permit, MatchOutcome, PersonRestrictions], bool]


def _is_withheld(permit: Permit, restrictions: PersonRestrictions) -> bool:
    """Say whether the record is withheld, also because the service tells a hidden place by saying that it has one."""
    place, restriction = rule_on_place(permit, restrictions), restrictions.location
    is_told = place is not None and place.hides and restriction is not None and restriction.tells_by_itself
    return restrictions.withhold(permit.clause) or is_told


def _discloses(permit: Permit, match: MatchOutcome, restrictions: PersonRestrictions) -> bool:
    return match is MatchOutcome.UNIQUE and not _is_withheld(permit, restrictions)


def _is_conditional(permit: Permit, _match: MatchOutcome, _restrictions: PersonRestrictions) -> bool:
    return permit.clause.existence is Existence.CONDITIONAL


def _is_absent(_permit: Permit, match: MatchOutcome, _restrictions: PersonRestrictions) -> bool:
    return match is MatchOutcome.NONE


def _is_past(permit: Permit, match: MatchOutcome, restrictions: PersonRestrictions) -> bool:
    return match is MatchOutcome.NOT_CURRENT and not _is_withheld(permit, restrictions)


def _is_left(_permit: Permit, _match: MatchOutcome, _restrictions: PersonRestrictions) -> bool:
    return True


RELEASE_RULES: Final[tuple[ReleaseRule, ...]] = (
    ReleaseRule(
        number="1", text="One record is the person's, unrestricted.", status=ReleaseStatus.KNOWN, applies=_discloses
    ),
    ReleaseRule(
        number="2",
        text="The clause does not let existence be told.",
        status=ReleaseStatus.NOTHING_TO_SHARE,
        applies=_is_conditional,
    ),
    ReleaseRule(number="3a", text="No record is the person's.", status=ReleaseStatus.NOT_KNOWN, applies=_is_absent),
    ReleaseRule(
        number="3b",
        text="One record is the person's, unrestricted, without a current involvement.",
        status=ReleaseStatus.NOT_CURRENT,
        applies=_is_past,
    ),
    ReleaseRule(
        number="4",
        text="A record may be the person's, or is restricted: a human must decide.",
        status=ReleaseStatus.REVIEW,
        applies=_is_left,
    ),
)
"""The rules of a release, in order; the last one always applies."""
