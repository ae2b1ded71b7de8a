"""The parts of a node that everything else stands on: settings, clock, store, claims, keys and kinds."""

from collections.abc import Sequence
from dataclasses import dataclass
from socket import gethostname

from config.settings import NodeSettings
from gateway.app.on_call import build_on_call
from gateway.delivery.on_call import OnCall
from gateway.federation.own_keys import VouchedKeys
from gateway.health.serving_gate import ServingGate
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.ports import Clock, KeyVault, Store
from gateway.restrictions.places import Places
from gateway.store.engine.claims_postgres import PostgresClaims
from gateway.store.engine.claims_sqlite import SqliteClaims
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.sqlite import SqliteStore
from gateway.store.factory import open_claims, open_store
from gateway.web.capability import AnyCapability, served_kinds
from trust.exchange.kind import Kinds
from trust.identifiers import EntityId, ServiceSlug


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeParts:
    """What :func:`open_parts` opened; ``capabilities`` are those that the node serves."""

    settings: NodeSettings
    own: EntityId
    clock: Clock
    store: SqliteStore | PostgresStore
    claims: SqliteClaims | PostgresClaims
    vault: FileKeyVault
    fitness: ServingGate
    vouching: VouchedKeys
    on_call: OnCall
    capabilities: Sequence[AnyCapability]
    kinds: Kinds
    places: Places


def open_parts(settings: NodeSettings, clock: Clock, capabilities: Sequence[AnyCapability]) -> NodeParts:
    """Open them, before the fork: no file, socket or thread is used yet. Raises what they refuse with."""
    url, base_dir = settings.store.url, settings.base_dir
    store, claims = open_store(url, base_dir=base_dir), open_claims(url, base_dir=base_dir, clock=clock)
    vouching = VouchedKeys(store)
    vault = open_vault(base_dir / settings.keys.directory, now=clock.now, vouched_since=vouching.since)
    return NodeParts(
        settings=settings,
        own=EntityId(settings.node.entity_id),
        clock=clock,
        store=store,
        claims=claims,
        vouching=vouching,
        vault=vault,
        on_call=build_on_call(settings, vault, store),
        fitness=ServingGate(store, host=gethostname()),
        capabilities=capabilities,
        kinds=served_kinds(capabilities).kinds,
        places=build_places(settings, store, vault),
    )


def build_places(settings: NodeSettings, store: Store, vault: KeyVault) -> Places:
    """Return what finds restricted places, each behind the neutral desk of its service or agency."""
    own_desks = {ServiceSlug(each.slug): each.neutral_desk for each in settings.services}
    return Places(
        own=EntityId(settings.node.entity_id),
        store=store,
        vault=vault,
        desk_of=lambda service: own_desks.get(service) or settings.node.neutral_desk,
    )
