"""The parts of a node that its commands on trust and agreements need: neither its faces nor its adapters."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from config.settings import NodeSettings
from gateway.administration.context import node_vault, now, opened_store
from gateway.agreements.registry import AgreementBook
from gateway.app.wiring import peer_transport, pinned_anchors, profile
from gateway.federation.fetch import Fetcher
from gateway.federation.resolver import FederationResolver
from gateway.federation.storage import TrustStorage
from gateway.http.federation.entity_configuration import node_configuration
from gateway.peers.transport import HttpTransport
from gateway.ports import Store
from gateway.runtime.background import AtOnce
from trust.federation.anchor_keys import Pin
from trust.identifiers import EntityId
from trust.keys import KeySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Federation:
    """Those parts, opened for one command. ``anchors`` are the pinned ones with the keys that they have now."""

    own: EntityId
    settings: NodeSettings
    store: Store
    transport: HttpTransport
    pins: Mapping[EntityId, Pin]
    anchors: Mapping[EntityId, KeySet]
    own_configuration: Callable[[datetime], bytes]
    directory: FederationResolver
    agreements: AgreementBook


@contextmanager
def federation_of(settings: NodeSettings) -> Iterator[Federation]:
    """Open those parts for one command. Raises what they refuse with, each naming every fault."""
    own = EntityId(settings.node.entity_id)
    vault, pins = node_vault(settings), pinned_anchors(settings)
    transport = peer_transport(settings)
    configuration = node_configuration(profile(settings), vault)
    with opened_store(settings) as store:
        agreements = AgreementBook(store)
        directory = FederationResolver(
            fetcher=Fetcher(transport=transport, own=own, own_configuration=configuration),
            pins=pins,
            storage=TrustStorage(store),
            notice=_unheard,
            required_marks=agreements.required_marks,
            background=AtOnce(),
        )
        yield Federation(
            own=own,
            settings=settings,
            store=store,
            transport=transport,
            pins=pins,
            anchors=directory.anchors(now=now()),
            own_configuration=configuration,
            directory=directory,
            agreements=agreements,
        )


def _unheard(code: str, entity: EntityId) -> None:
    """Drop the running node's notices: a command shows what it finds."""
