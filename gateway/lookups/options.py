"""Questions that an agency's own practitioners may ask today: purposes, roles, services and benefits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from gateway.agreements.registry import AgreementRegistry
from gateway.callers import Option, OptionsView
from gateway.exchange.fan_out import agreement_name
from trust.agreements.agreement import InForce
from trust.agreements.choice import Choice, Sought, choose_clause
from trust.exchange.kinds import KINDS
from trust.identifiers import EntityId, PurposeCode, RoleCode, ServiceRef, ServiceSlug
from trust.oauth.access_token import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """List what may be asked (``gateway.callers.OptionsService``)."""

    own: EntityId
    agreements: AgreementRegistry

    def list(self, positions: Sequence[Position], *, now: datetime) -> OptionsView:
        """Return what each of these positions may ask under the agreements in force."""
        binding = [held for held in self.agreements.standings(now=now) if isinstance(held, InForce)]
        names = {party.entity: party.name for held in binding for party in held.agreement.parties}
        options = tuple(
            _option(sought, choice, names[choice.holder.entity])
            for sought in self._every(positions, binding)
            for choice in choose_clause(binding, sought)
        )
        return OptionsView(
            positions=tuple(positions),
            purposes=_distinct(option.purpose for option in options),
            roles=_distinct(option.role for option in options),
            services=_distinct(option.holder for option in options),
            benefits=_distinct(benefit for option in options for benefit in option.benefits),
            options=options,
        )

    def _every(self, positions: Iterable[Position], binding: Iterable[InForce]) -> Iterable[Sought]:
        asked_as = sorted({(each.service, each.role) for each in positions})
        purposes = sorted({clause.purpose for held in binding for clause in held.agreement.clauses})
        for (service, role), kind, purpose in product(asked_as, sorted(KINDS), purposes):
            yield Sought(
                asker=ServiceRef(entity=self.own, service=ServiceSlug(service)),
                kind=kind,
                purpose=PurposeCode(purpose),
                role=RoleCode(role),
                consent=True,
            )


def _option(sought: Sought, choice: Choice, organisation: str) -> Option:
    clause = choice.clause
    return Option(
        from_service=sought.asker.service,
        role=sought.role,
        kind=clause.kind,
        purpose=clause.purpose,
        holder=str(choice.holder),
        organisation=organisation,
        agreement=agreement_name(choice),
        fields=tuple(sorted(choice.fields)),
        questions=tuple(sorted(clause.questions)),
        benefits=tuple(sorted(clause.benefits)),
        consent_roles=tuple(sorted(clause.consent_roles)),
    )


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))
