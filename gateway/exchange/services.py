"""The services a node hosts, each with its adapter and what its own agency has withdrawn."""

from collections.abc import Iterable
from dataclasses import dataclass

from adapters.contract import Adapter
from config.settings import ANSWER_AFTER_S
from trust.agreements.clause import Clause
from trust.agreements.decision import LocalPolicy
from trust.identifiers import RoleCode, ServiceRef, ServiceSlug

NOTHING_WITHDRAWN = LocalPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """A local rule that narrows one clause: for one role, or for every role where ``role`` is ``None``."""

    agreement: str
    clause: str
    role: RoleCode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedService:
    """One service of this node. ``kind`` says which identifiers it may be given (``trust.exchange.person``).

    ``answer_after_s`` is the step at which conditional answers leave (:mod:`gateway.exchange.response_timing`).
    ``institutions`` are postcodes and UPRNs at which many unrelated people live (:mod:`trust.exchange.addresses`).
    """

    ref: ServiceRef
    name: str
    kind: str
    duty_phone: str
    adapter: Adapter
    answer_after_s: float = ANSWER_AFTER_S
    institutions: frozenset[str] = frozenset()
    restrictions: tuple[Restriction, ...] = ()

    def local_policy(self, agreement_id: str, clause: Clause | None) -> LocalPolicy:
        """Return what this agency has withdrawn from ``clause``."""
        applying = [
            rule for rule in self.restrictions if clause and (rule.agreement, rule.clause) == (agreement_id, clause.id)
        ]
        if not applying:
            return NOTHING_WITHDRAWN
        return LocalPolicy(
            withdrawn_clauses=frozenset(rule.clause for rule in applying if rule.role is None),
            withdrawn_roles=frozenset(rule.role for rule in applying if rule.role is not None),
        )


class Desk:
    """Find a hosted service by its slug."""

    def __init__(self, services: Iterable[HostedService]) -> None:
        self._services = {service.ref.service: service for service in services}

    def service(self, slug: ServiceSlug) -> HostedService | None:
        """Return the service, or ``None`` where this node hosts none of that slug."""
        return self._services.get(slug)

    def all(self) -> tuple[HostedService, ...]:
        """Return every hosted service."""
        return tuple(self._services.values())
