"""The leaving of one party: the agreement goes on between the others, without it.

1. A party leaves one version by its own signed notice (:mod:`trust.agreements.ending`, ``closure`` ``left``), at each
   node from the instant at which it takes the notice in, and for good: no signature of it counts again there.
2. The others see the agreement without the leaver: no service of it asks, answers or learns a restricted place.
3. Where fewer than two parties are left, nothing flows.
4. Who leaves an overarching agreement leaves every schedule under it.

A notice that lacks the leaver's own signature changes nothing (assertion A72).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from trust.agreements.agreement import Agreement, Closure, InForce, NotInForce
from trust.agreements.clause import Clause
from trust.identifiers import EntityId, ServiceRef, service_set

_FEWEST = 2


def leavers_of(agreement: Agreement, days: Mapping[EntityId, datetime]) -> Mapping[EntityId, str]:
    """Return a sentence for each party that has left, from the instants at which they did."""
    return {
        party.entity: f"{party.name} left it on {days[party.entity].astimezone(UTC).date().isoformat()}."
        for party in agreement.parties
        if party.entity in days
    }


def without_leavers(
    standing: InForce | NotInForce,
    leavers: Mapping[EntityId, str],
    *,
    own: EntityId | None,
    closure: Closure | None = Closure.LEFT,
) -> InForce | NotInForce:
    """Return how an agreement in force stands at ``own`` without these parties; ``closure`` is its own leaving's."""
    if isinstance(standing, NotInForce) or leavers.keys().isdisjoint(
        each.entity for each in standing.agreement.parties
    ):
        return standing
    agreement = without_parties(standing.agreement, leavers)
    if own is not None and own in leavers:
        return NotInForce(agreement=agreement, missing=(), reason=leavers[own], closure=closure)
    return InForce(agreement=agreement)


def while_parties_are_left(standing: InForce | NotInForce) -> InForce | NotInForce:
    """Return how an agreement stands, out of force where fewer than two of its parties are left (rule 3)."""
    agreement = standing.agreement
    if isinstance(standing, NotInForce) or not agreement.leavers or len(agreement.parties) >= _FEWEST:
        return standing
    reasons = " ".join(agreement.leavers[entity] for entity in sorted(agreement.leavers))
    return NotInForce(agreement=agreement, missing=(), reason=f"{reasons} No other party is left.")


def without_parties(agreement: Agreement, leavers: Mapping[EntityId, str]) -> Agreement:
    """Return the agreement without these parties and their services (rule 2)."""
    if not leavers:
        return agreement
    services_left = frozenset(service for service in agreement.services if service.entity in leavers)
    names = {party.entity for party in agreement.parties}
    return replace(
        agreement,
        parties=tuple(party for party in agreement.parties if party.entity not in leavers),
        services=service_set(agreement.services - services_left),
        clauses=tuple(_without_services(clause, services_left) for clause in agreement.clauses),
        leavers={**agreement.leavers, **{entity: text for entity, text in leavers.items() if entity in names}},
    )


def _without_services(clause: Clause, services_left: frozenset[ServiceRef]) -> Clause:
    if services_left.isdisjoint(clause.askers | clause.holders):
        return clause
    return replace(
        clause,
        askers=service_set(clause.askers - services_left),
        holders=service_set(clause.holders - services_left),
        subject_by_holder={
            holder: each for holder, each in clause.subject_by_holder.items() if holder not in services_left
        },
        location_recipients=clause.location_recipients - services_left,
    )
