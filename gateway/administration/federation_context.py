"""The parts of a node that use cases on trust and agreements need; :mod:`gateway.app.commands` opens them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from config.settings import NodeSettings
from gateway.agreements.registry import AgreementRegistry
from gateway.federation.resolver import FederationResolver
from gateway.peers.transport import HttpTransport
from gateway.ports import Store
from trust.federation.anchor_keys import Pin
from trust.identifiers import EntityId
from trust.keys import KeySet


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationContext:
    """Those parts, for one use case. ``anchors`` are the pinned ones with their present keys."""

    own: EntityId
    settings: NodeSettings
    store: Store
    transport: HttpTransport
    pins: Mapping[EntityId, Pin]
    anchors: Mapping[EntityId, KeySet]
    own_configuration: Callable[[datetime], bytes]
    directory: FederationResolver
    agreements: AgreementRegistry
