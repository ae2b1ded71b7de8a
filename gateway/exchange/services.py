"""The services that a node hosts, each with its adapter and what its own agency has withdrawn."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.contract import Adapter
from config.settings import ANSWER_AFTER_S, Service
from trust.agreements.decision import LocalPolicy, Restriction
from trust.identifiers import RoleCode, ServiceRef, ServiceSlug

NOTHING_WITHDRAWN = LocalPolicy()


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
    policy: LocalPolicy = NOTHING_WITHDRAWN


def local_policy(service: Service) -> LocalPolicy:
    """Return what the configuration withdraws from a service."""
    rules = (
        Restriction(agreement=rule.agreement, clause=rule.clause, role=RoleCode(rule.role) if rule.role else None)
        for rule in service.restrictions
    )
    return LocalPolicy(restrictions=tuple(rules))


ServiceRegistry = Mapping[ServiceSlug, HostedService]
"""The hosted services by their short names."""
