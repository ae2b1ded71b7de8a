"""The services that a node hosts, each with its adapter and what its own agency has withdrawn."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.contract import Adapter
from config.settings import ANSWER_AFTER_S
from trust.agreements.decision import LocalPolicy
from trust.identifiers import ServiceRef, ServiceSlug

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


ServiceRegistry = Mapping[ServiceSlug, HostedService]
"""The hosted services by their short names."""
