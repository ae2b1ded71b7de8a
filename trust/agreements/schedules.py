"""Schedules under an overarching agreement: two tiers, of which only a schedule permits anything.

1. A schedule names its overarching agreement by id and digest: the wording that its parties read.
2. It binds while a version of that agreement, this one or a later one, binds every party of the schedule.
3. What a schedule leaves out of its texts, the overarching agreement says.
4. Who left the overarching agreement has left the schedule.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from trust.agreements.agreement import PROSE, Agreement, InForce, NotInForce, Under
from trust.agreements.leaving import without_leavers
from trust.identifiers import EntityId


def with_overarching(
    standings: Sequence[InForce | NotInForce], own: EntityId | None = None
) -> tuple[InForce | NotInForce, ...]:
    """Return how agreements stand at ``own``, with each schedule out of force whose overarching one does not bind."""
    return tuple(_with_reason(each, standings, own) for each in standings)


def _with_reason(
    standing: InForce | NotInForce, others: Sequence[InForce | NotInForce], own: EntityId | None
) -> InForce | NotInForce:
    schedule = standing.agreement
    if isinstance(standing, NotInForce) or schedule.under is None:
        return standing
    leavers = _leavers(schedule.under, others)
    rest = without_leavers(standing, leavers, own=own, closure=None)
    reason = "" if isinstance(rest, NotInForce) else why_not_under(rest.agreement, others)
    return NotInForce(agreement=schedule, missing=(), reason=reason) if reason else rest


def _leavers(under: Under, standings: Iterable[InForce | NotInForce]) -> Mapping[EntityId, str]:
    """Return who left the overarching agreement of a schedule, in the highest version that binds here or was left."""
    versions = [each for each in standings if each.agreement.id == under.id and each.agreement.leavers]
    highest = max(versions, key=lambda each: each.agreement.version, default=None)
    binding = max(
        (each.agreement.version for each in standings if each.agreement.id == under.id and isinstance(each, InForce)),
        default=0,
    )
    return {} if highest is None or highest.agreement.version < binding else highest.agreement.leavers


def why_not_under(schedule: Agreement, standings: Iterable[InForce | NotInForce]) -> str:
    """Say why a schedule does not bind for want of its overarching agreement; an empty text where it may."""
    under = schedule.under
    if under is None:
        return ""
    sentence = f"The overarching agreement {under.id} that it is under"
    versions = [each for each in standings if each.agreement.id == under.id]
    wording = next((each.agreement for each in versions if each.agreement.ref.digest == under.digest), None)
    if wording is None:
        return f"{sentence} is not held here in the wording of that digest."
    if not wording.overarching:
        return f"{sentence} is no overarching agreement."
    later = [each for each in versions if each.agreement.version >= wording.version and each.agreement.overarching]
    binding = [each.agreement for each in later if isinstance(each, InForce)]
    if not binding:
        return f"{sentence} is not in force."
    if not any(_covers(agreement, schedule) for agreement in binding):
        return f"{sentence} does not have all its parties."
    return ""


def filled_in(schedule: Agreement, overarching: Agreement) -> Agreement:
    """Return a schedule with the texts that it leaves to its overarching agreement."""
    common = {name: getattr(overarching, name) for name in (*PROSE, "policy_document") if not getattr(schedule, name)}
    return replace(schedule, **common)


def _covers(overarching: Agreement, schedule: Agreement) -> bool:
    return {party.entity for party in schedule.parties} <= {party.entity for party in overarching.parties}
