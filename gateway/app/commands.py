"""The parts of a node that its commands on trust and agreements need: neither its faces nor its adapters."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import NodeSettings
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.federation_context import FederationContext
from gateway.agreements.registry import AgreementRegistry
from gateway.app.wiring import peer_transport, pinned_anchors, profile
from gateway.federation.fetch import Fetcher
from gateway.federation.resolver import FederationResolver
from gateway.federation.storage import TrustStorage
from gateway.http.federation.entity_configuration import node_configuration
from gateway.runtime.background import AtOnce
from trust.identifiers import EntityId


@contextmanager
def federation_of(settings: NodeSettings) -> Iterator[FederationContext]:
    """Open those parts for one command. Raises what they refuse with, each naming every fault."""
    own = EntityId(settings.node.entity_id)
    vault, pins = node_vault(settings), pinned_anchors(settings)
    transport = peer_transport(settings)
    configuration = node_configuration(profile(settings), vault)
    with opened_store(settings) as store:
        agreements = AgreementRegistry(store)
        directory = FederationResolver(
            fetcher=Fetcher(transport=transport, own=own, own_configuration=configuration),
            pins=pins,
            storage=TrustStorage(store),
            notice=_unheard,
            required_marks=agreements.required_marks,
            background=AtOnce(),
        )
        yield FederationContext(
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
