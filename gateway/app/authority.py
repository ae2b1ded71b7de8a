"""An authority, put together from its settings as :mod:`gateway.app.node` does it for a node.

It is a trust anchor, or an intermediate, which stands under others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from socket import gethostname

from flask import Flask

from config.settings import AnchorSettings, FreshnessSettings, MarkSettings
from gateway.app.operations import operations_app, readiness_checks, trust_check
from gateway.app.wiring import peer_transport, pinned_anchors
from gateway.authority.statements import AccreditedMarks, Authority, authority_configuration, statement_about
from gateway.authority.trust_marks import configured_types
from gateway.federation.announcements import announcements
from gateway.federation.fetch import Fetcher
from gateway.federation.own_keys import VouchedKeys
from gateway.federation.own_statement import OwnChain
from gateway.federation.own_trust_marks import OwnTrustMarks, TrustMarkRenewal
from gateway.federation.resolver import FederationResolver
from gateway.federation.storage import TrustStorage
from gateway.health.checks import HealthMonitor, Machine, authority_monitor
from gateway.health.restore_sync import KeyFolder
from gateway.health.serving_gate import ServingGate
from gateway.http.authority.authority_api import VOUCHING_PATHS, create_anchor_app
from gateway.keys.files import ANCHOR_KEYS
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.maintenance.authority import AuthorityRounds
from gateway.ports import Clock, KeyVault, Store, Transport
from gateway.runtime.background import Background
from gateway.runtime.machine_clock import SystemClock
from gateway.store.factory import open_store
from gateway.telemetry import events
from gateway.web.serving_gate import with_serving_gate
from trust import strict_json
from trust.federation.anchor_keys import MAX_BYTES, Pin
from trust.federation.freshness import Bounds
from trust.federation.trust_mark import MarkOwner
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorParts:
    """A whole authority, ready to be served."""

    settings: AnchorSettings
    clock: Clock
    store: Store
    vault: FileKeyVault
    authority: Authority
    directory: FederationResolver
    keeper: AuthorityRounds
    peer_app: Flask
    operations_app: Flask


@dataclass(frozen=True, slots=True, kw_only=True)
class _Knowing:
    """What an authority knows of others, and how it asks them."""

    fetcher: Fetcher
    directory: FederationResolver


def create_anchor(
    settings: AnchorSettings, clock: Clock | None = None, transport: Transport | None = None
) -> AnchorParts:
    """Put an authority together from its settings. Raises as :func:`gateway.app.node.create_node` does."""
    clock, transport = clock or SystemClock(), transport or peer_transport(settings)
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    vouching, fitness = VouchedKeys(store), ServingGate(store, host=gethostname())
    vault = open_vault(
        settings.base_dir / settings.keys.directory,
        needed=ANCHOR_KEYS,
        now=clock.now,
        vouched_since=vouching.since if settings.anchor.superiors else None,
    )
    authority = build_authority(settings, vault, store, clock)
    knowing = _knowing(settings, authority, transport)
    host = machine(store, clock, transport, fitness)
    keys = KeyFolder(settings.base_dir / settings.keys.directory, ANCHOR_KEYS, vault)
    monitor = authority_monitor(host, knowing.directory, authority.entity_id, keys, knowing.fetcher)
    app = create_anchor_app(authority, observer=events.RequestObserver(), resolver=knowing.directory)
    ready = readiness_checks(store, fitness)
    if authority.superiors:
        ready.append(trust_check(knowing.directory, authority.entity_id, clock))
    return AnchorParts(
        settings=settings,
        clock=clock,
        store=store,
        vault=vault,
        authority=authority,
        directory=knowing.directory,
        keeper=_keeper(authority, knowing, vouching, monitor, fitness),
        peer_app=with_serving_gate(
            app, fitness.check, confirmed=dict.fromkeys(VOUCHING_PATHS, fitness.check_confirmed)
        ),
        operations_app=operations_app(ready),
    )


def build_authority(settings: AnchorSettings, vault: KeyVault, store: Store, clock: Clock) -> Authority:
    """Return what an authority publishes of itself. Raises ``TrustError`` for a file that is not what it should be."""
    own = EntityId(settings.anchor.entity_id)
    superiors = tuple(EntityId(superior) for superior in settings.anchor.superiors)
    return Authority(
        entity_id=own,
        name=settings.anchor.name,
        vault=vault,
        store=store,
        clock=clock,
        superiors=superiors,
        recovery=_recovery(settings),
        bounds=_bounds(settings.freshness),
        mark_types=configured_types(settings),
        accredited=AccreditedMarks() if superiors else _accredited(settings.marks, own, settings.base_dir),
        own_marks=OwnTrustMarks(store),
        announced=announcements(store, administrators=settings.anchor.administrators),
    )


def machine(store: Store, clock: Clock, transport: Transport, fitness: ServingGate) -> Machine:
    """Return what a node or an authority minds of the machine that it runs on."""
    return Machine(
        host=gethostname(),
        store=store,
        clock=clock,
        transport=transport,
        notice=events.record_maintenance_warning,
        attempt=events.last_handler,
        changed=fitness.invalidate,
    )


class _OwnPin(Mapping[EntityId, Pin]):
    """A trust anchor trusts itself, with the keys that it publishes at the time."""

    def __init__(self, authority: Authority) -> None:
        self._face = authority

    def __getitem__(self, entity: EntityId) -> Pin:
        if entity != self._face.entity_id:
            raise KeyError(entity)
        return Pin(entity=entity, keys=self._face.vault.published(KeyUse.FEDERATION))

    def __iter__(self) -> Iterator[EntityId]:
        return iter((self._face.entity_id,))

    def __len__(self) -> int:
        return 1


def _knowing(settings: AnchorSettings, authority: Authority, transport: Transport) -> _Knowing:
    fetcher = Fetcher(
        transport=transport,
        own=authority.entity_id,
        own_configuration=authority_configuration(authority, resolves=True),
        own_statements=lambda subject, now: statement_about(authority, subject, now=now),
    )
    directory = FederationResolver(
        fetcher=fetcher,
        pins=pinned_anchors(settings) if authority.superiors else _OwnPin(authority),
        storage=TrustStorage(authority.store),
        record_event=events.record_federation_event,
        required_marks=lambda _now: frozenset(),
        background=Background(events.last_handler),
    )
    return _Knowing(fetcher=fetcher, directory=directory)


def _keeper(
    authority: Authority, knowing: _Knowing, vouching: VouchedKeys, monitor: HealthMonitor, fitness: ServingGate
) -> AuthorityRounds:
    own, directory = authority.entity_id, knowing.directory
    marks = TrustMarkRenewal(
        own=own, store=authority.store, directory=directory, fetcher=knowing.fetcher, attempt=events.last_handler
    )
    return AuthorityRounds(
        own=own,
        under_others=bool(authority.superiors),
        store=authority.store,
        directory=directory,
        clock=authority.clock,
        attempt=events.last_handler,
        check_health=monitor.round,
        may_work=fitness.is_open,
        record_vouched_keys=lambda now: vouching.record(directory, own, now=now),
        renew_marks=marks.round,
        own_chain=OwnChain(
            own=own,
            directory=directory,
            vault=authority.vault,
            store=authority.store,
            record_event=events.record_federation_event,
        ).round,
    )


def _bounds(settings: FreshnessSettings) -> Bounds:
    return Bounds(
        alarm_after=timedelta(minutes=settings.alarm_minutes),
        urgent_only_after=timedelta(hours=min(settings.urgent_only_hours, settings.closed_hours)),
        closed_after=timedelta(hours=settings.closed_hours),
    )


def _recovery(settings: AnchorSettings) -> KeySet | None:
    if settings.anchor.recovery is None:
        return None
    raw = (settings.base_dir / settings.anchor.recovery).read_bytes()
    return KeySet.from_jwks(strict_json.loads(raw, max_bytes=MAX_BYTES), KeyUse.RECOVERY)


def _accredited(marks: MarkSettings, own: EntityId, base_dir: Path) -> AccreditedMarks:
    """Return which marks count; what this authority issues itself counts unless it says otherwise."""
    issuers: dict[str, tuple[EntityId, ...]] = {issued.type: (own,) for issued in marks.issues}
    owners = {}
    for each in marks.accredited:
        issuers[each.type] = tuple(EntityId(issuer) for issuer in each.issuers)
        if each.owner is not None and each.owner_keys is not None:
            raw = (base_dir / each.owner_keys).read_bytes()
            keys = KeySet.from_jwks(strict_json.loads(raw, max_bytes=MAX_BYTES), KeyUse.FEDERATION)
            owners[each.type] = MarkOwner(entity=EntityId(each.owner), keys=keys)
    return AccreditedMarks(issuers=issuers, owners=owners)
