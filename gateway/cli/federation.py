"""The parts of a node that its commands on trust and agreements need: neither its faces nor its adapters."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from config.settings import NodeSettings
from gateway.agreement_book import AgreementBook
from gateway.assembly import pinned_anchors, production, profile
from gateway.cli.context import node_vault, opened_store
from gateway.directory.federation import FederationDirectory
from gateway.directory.fetching import ChainFetcher
from gateway.http.federation import node_configuration
from gateway.ports import Store, Transport
from gateway.store import trusted
from trust.identifiers import EntityId
from trust.keys import KeySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Federation:
    """Those parts, opened for one command."""

    own: EntityId
    settings: NodeSettings
    store: Store
    transport: Transport
    anchors: Mapping[EntityId, KeySet]
    own_configuration: Callable[[datetime], bytes]
    directory: FederationDirectory
    agreements: AgreementBook


@contextmanager
def federation_of(settings: NodeSettings) -> Iterator[Federation]:
    """Open those parts for one command. Raises what they refuse with, each naming every fault."""
    own = EntityId(settings.node.entity_id)
    vault, anchors = node_vault(settings), pinned_anchors(settings)
    transport = production(settings).transport
    configuration = node_configuration(profile(settings), vault)
    with opened_store(settings) as store:
        fetcher = ChainFetcher(transport=transport, anchors=anchors, own=own, own_configuration=configuration)
        yield Federation(
            own=own,
            settings=settings,
            store=store,
            transport=transport,
            anchors=anchors,
            own_configuration=configuration,
            directory=FederationDirectory(fetcher=fetcher, store=store, chains=trusted, notice=_unheard),
            agreements=AgreementBook(store),
        )


def _unheard(code: str, entity: EntityId) -> None:
    """Drop the running node's notices: a command shows what it finds."""
