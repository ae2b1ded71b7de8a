"""The life of an agreement's versions: which one binds, and which are retired for good.

1. A version takes effect once every party has signed it and its first day has come.
2. The highest version that ever took effect retires every lower one for good: neither its end nor its last day brings
   one back.
3. Ending a version that took effect ends the agreement: that version and every lower one are retired for good.
4. A version whose first day lies ahead replaces nothing before that day. Ended before it, it alone is withdrawn.
5. A version past its last day binds nothing, and keeps its place above the lower ones.

What is recorded as retired stays so, against later documents, signatures and clocks (assertion A72).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from trust.agreements.agreement import (
    Agreement,
    AgreementSignature,
    Closure,
    InForce,
    NotInForce,
    in_force,
    missing_parties,
)
from trust.identifiers import AgreementId, EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldVersion:
    """One version on record, with the verified signatures under it. ``ended_by`` is ``None`` where it is not known."""

    agreement: Agreement
    signatures: Mapping[EntityId, AgreementSignature]
    ended_at: datetime | None = None
    ended_by: EntityId | None = None


def took_effect(held: HeldVersion, now: datetime) -> bool:
    """Return whether the version has ever bound its parties by ``now``."""
    until = now if held.ended_at is None else min(now, held.ended_at)
    begun = held.agreement.valid_from <= until.astimezone(UTC).date()
    return begun and not missing_parties(held.agreement, held.signatures)


def retired_through(
    versions: Sequence[HeldVersion], now: datetime, *, recorded: Mapping[AgreementId, int]
) -> dict[AgreementId, int]:
    """Return for each agreement the version up to which every one is retired for good; it never goes down."""
    through = dict(recorded)
    for held in versions:
        if took_effect(held, now):
            agreement = held.agreement
            reached = agreement.version if held.ended_at is not None else agreement.version - 1
            through[agreement.id] = max(reached, through.get(agreement.id, 0))
    return {agreement_id: version for agreement_id, version in through.items() if version}


def standings(
    versions: Sequence[HeldVersion], now: datetime, *, recorded: Mapping[AgreementId, int]
) -> tuple[InForce | NotInForce, ...]:
    """Return how each version stands, in the order given; at most one version of an agreement is in force."""
    through = retired_through(versions, now, recorded=recorded)
    highest: dict[AgreementId, int] = {}
    for held in versions:
        if took_effect(held, now):
            highest[held.agreement.id] = max(held.agreement.version, highest.get(held.agreement.id, 0))
    return tuple(
        _standing(held, now, through=through.get(held.agreement.id, 0), highest=highest.get(held.agreement.id, 0))
        for held in versions
    )


def _standing(held: HeldVersion, now: datetime, *, through: int, highest: int) -> InForce | NotInForce:
    agreement = held.agreement
    if agreement.version < highest:
        return _closed(agreement, Closure.REPLACED, f"Version {highest} has replaced it.")
    if held.ended_at is not None:
        closure = Closure.ENDED if agreement.version <= through else Closure.WITHDRAWN
        return _closed(agreement, closure, f"{_name(agreement, held.ended_by)} has ended it.")
    if agreement.version <= through:
        return _closed(agreement, Closure.REPLACED, "It was ended or replaced, and never comes into force again.")
    return in_force(agreement, held.signatures, now)


def _closed(agreement: Agreement, closure: Closure, reason: str) -> NotInForce:
    return NotInForce(agreement=agreement, missing=(), reason=reason, closure=closure)


def _name(agreement: Agreement, entity: EntityId | None) -> str:
    party = None if entity is None else agreement.party(entity)
    return "A party" if party is None else party.name
