"""The parts of a node that everything else stands on: settings, clock, store, claims, keys and kinds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from socket import gethostname

from config.settings import NodeSettings
from gateway.accountability.access_alerts import AccessAlerts
from gateway.accountability.break_glass import BreakGlass
from gateway.agreements.registry import AgreementRegistry
from gateway.app.on_call import build_access_alerts, build_break_glass, build_on_call
from gateway.consents.gate import ConsentGate
from gateway.consents.notices import ConsentNotices
from gateway.consents.service import Consents
from gateway.consents.storage import ConsentSeal
from gateway.delivery.on_call import BellStep, OnCall
from gateway.federation.own_keys import VouchedKeys
from gateway.health.serving_gate import ServingGate
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.ports import Clock, KeyVault, Store, TrustResolver
from gateway.restrictions.places import Places
from gateway.runtime.background import AtOnce, Background
from gateway.sharing.tasks import Later, SharingTasks
from gateway.store.engine.claims_postgres import PostgresClaims
from gateway.store.engine.claims_sqlite import SqliteClaims
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.sqlite import SqliteStore
from gateway.store.factory import open_claims, open_store
from gateway.telemetry import events
from gateway.web.capability import AnyCapability, served_kinds
from trust.errors import TrustError
from trust.exchange.kind import Kinds
from trust.identifiers import EntityId, ServiceRef, ServiceSlug

_AT_ONCE = AtOnce().later


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConsents:
    """The use cases of consents, and the rounds that end them and tell who relies on them."""

    cases: Consents
    notices: ConsentNotices


def service_kind(directory: TrustResolver, service: ServiceRef, now: datetime) -> str | None:
    """Return the kind of a service as its superior vouches for it, or ``None`` where it is not known."""
    try:
        node = directory.resolve(service.entity, now=now, urgent=True).node
    except TrustError:
        return None
    services = () if node is None else node.services
    return next((each.kind for each in services if each.slug == service.service), None)


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
    break_glass: BreakGlass
    access_alerts: AccessAlerts
    capabilities: Sequence[AnyCapability]
    kinds: Kinds
    places: Places

    @property
    def consents(self) -> ConsentGate:
        """The checks of consent."""
        return ConsentGate(
            own=self.own,
            seal=ConsentSeal(vault=self.vault),
            retention=timedelta(days=self.settings.retention.consents_days),
        )

    def ring_overdue(self, service: ServiceSlug, reference: str, now: datetime) -> None:
        """Ring the on-call channels of a service about what no person has decided in time."""
        self.on_call.ring(service, reference, BellStep.OVERDUE, now)

    def sharing_tasks(self, agreements: AgreementRegistry, later: Later = _AT_ONCE) -> SharingTasks:
        """Return the tasks of questions that were refused for want of an agreement; ``later`` makes them."""
        services = frozenset(each.slug for each in self.settings.services)
        return SharingTasks(
            own=self.own, store=self.store, vault=self.vault, services=services, agreements=agreements, later=later
        )


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
        break_glass=build_break_glass(settings, store, Background(events.last_handler).later),
        access_alerts=build_access_alerts(settings, store, Background(events.last_handler).later),
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
