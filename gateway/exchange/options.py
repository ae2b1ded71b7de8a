"""Questions that an agency's own practitioners may ask today: purposes, roles, services and benefits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from gateway.agreements.registry import AgreementRegistry
from gateway.exchange.fan_out import agreement_name
from trust.agreements.clause_index import ClauseIndex
from trust.agreements.clause_selection import QuerySpec, SelectedClause, select_indexed
from trust.exchange.kind import Kinds
from trust.identifiers import EntityId, RoleCode, ServiceRef, ServiceSlug
from trust.oauth.access_token import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One service that may be asked: as what, for which purpose, and for what.

    ``kind`` is ``involvement.query`` for a lookup and ``eligibility.query`` for a benefit question. ``consent_roles``
    are those that a record of consent must have, none where the clause rests on no consent. ``benefits`` is empty where
    the agreement lists none.
    """

    from_service: str
    role: str
    kind: str
    purpose: str
    holder: str
    organisation: str
    agreement: str
    fields: tuple[str, ...]
    questions: tuple[str, ...] = ()
    benefits: tuple[str, ...] = ()
    consent_roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsView:
    """What may be asked with this token today; ``options`` has what goes together."""

    positions: tuple[Position, ...]
    purposes: tuple[str, ...]
    roles: tuple[str, ...]
    services: tuple[str, ...]
    benefits: tuple[str, ...]
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """List what may be asked."""

    own: EntityId
    kinds: Kinds
    agreements: AgreementRegistry

    def list(self, positions: Sequence[Position], *, now: datetime) -> OptionsView:
        """Return what each of these positions may ask under the agreements in force."""
        index = self.agreements.clause_index(now=now)
        options = tuple(
            _option(spec, selected, index.names[selected.holder.entity])
            for spec in self._specs(positions, index)
            for selected in select_indexed(index, spec)
        )
        return OptionsView(
            positions=tuple(positions),
            purposes=_distinct(option.purpose for option in options),
            roles=_distinct(option.role for option in options),
            services=_distinct(option.holder for option in options),
            benefits=_distinct(benefit for option in options for benefit in option.benefits),
            options=options,
        )

    def _specs(self, positions: Iterable[Position], index: ClauseIndex) -> Iterable[QuerySpec]:
        pairs = sorted({(each.service, each.role) for each in positions})
        for (service, role), kind in product(pairs, sorted(self.kinds)):
            asker = ServiceRef(entity=self.own, service=ServiceSlug(service))
            for purpose in sorted({grant.clause.purpose for grant in index.of(asker, kind)}):
                yield QuerySpec(asker=asker, kind=self.kinds[kind], purpose=purpose, role=RoleCode(role), consent=True)


def _option(spec: QuerySpec, selected: SelectedClause, organisation: str) -> Option:
    clause = selected.clause
    return Option(
        from_service=spec.asker.service,
        role=spec.role,
        kind=clause.kind,
        purpose=clause.purpose,
        holder=str(selected.holder),
        organisation=organisation,
        agreement=agreement_name(selected),
        fields=tuple(sorted(selected.fields)),
        questions=tuple(sorted(clause.lists.get("questions", ()))),
        benefits=tuple(sorted(clause.lists.get("benefits", ()))),
        consent_roles=tuple(sorted(clause.consent_roles)),
    )


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))
