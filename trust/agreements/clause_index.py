"""The clauses of all agreements in force, by asking service and kind of exchange.

The choice of services to ask then reads the clauses of one asker and kind, however many agreements there are.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from trust.agreements.agreement import Agreement, InForce
from trust.agreements.clause import Clause
from trust.identifiers import AgreementId, EntityId, KindName, ServiceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseGrant:
    """One clause, with the agreement that has it."""

    agreement: Agreement
    clause: Clause


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseIndex:
    """What agreements in force let each service ask; ``names`` are the parties' names.

    Of clauses that give the same, only the first by agreement and clause id is here: no question would choose another.
    """

    grants: Mapping[tuple[ServiceRef, KindName], tuple[ClauseGrant, ...]]
    names: Mapping[EntityId, str]

    def of(self, asker: ServiceRef, kind: KindName) -> tuple[ClauseGrant, ...]:
        """Return the clauses under which a service may ask, in the order of their agreements."""
        return self.grants.get((asker, kind), ())


def index_clauses(agreements: Iterable[InForce]) -> ClauseIndex:
    """Index the newest version of each agreement. A party is called what the last agreement calls it."""
    binding = tuple(agreements)
    grants: dict[tuple[ServiceRef, KindName], dict[Hashable, ClauseGrant]] = {}
    for standing in sorted(newest(binding), key=lambda each: each.agreement.id):
        for clause in sorted(standing.agreement.clauses, key=lambda each: each.id):
            grant, terms = ClauseGrant(agreement=standing.agreement, clause=clause), _terms(clause)
            for asker in clause.askers:
                grants.setdefault((asker, clause.kind), {}).setdefault(terms, grant)
    names = {party.entity: party.name for standing in binding for party in standing.agreement.parties}
    return ClauseIndex(grants={key: tuple(each.values()) for key, each in grants.items()}, names=names)


def _terms(clause: Clause) -> Hashable:
    """Return all that the choice among clauses of one asker and kind depends on, but their names."""
    return (
        clause.purpose,
        clause.holders,
        tuple(sorted(clause.fields_by_role.items(), key=itemgetter(0))),
        bool(clause.consent_roles),
        clause.existence,
        tuple(sorted(clause.lists.items(), key=itemgetter(0))),
    )


def newest(agreements: Iterable[InForce]) -> tuple[InForce, ...]:
    """Return the highest version of each agreement."""
    highest: dict[AgreementId, InForce] = {}
    for standing in sorted(agreements, key=lambda each: each.agreement.version):
        highest[standing.agreement.id] = standing
    return tuple(highest.values())
