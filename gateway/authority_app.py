"""A trust anchor, put together from its settings as :mod:`gateway.app` does it for a node."""

from dataclasses import dataclass
from socket import gethostname

from flask import Flask

from config.settings import AnchorSettings
from gateway import telemetry
from gateway.assembly import SystemClock, peer_transport
from gateway.fitness import Fitness
from gateway.http.anchor import AnchorFace, create_anchor_app
from gateway.http.gate import gated
from gateway.keys.files import ANCHOR_KEYS
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.minding import Machine, Minding, of_authority
from gateway.ports import Clock, Store, Transport
from gateway.readiness import checks, operations_app
from gateway.store.opening import open_store
from trust.identifiers import EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorParts:
    """A whole trust anchor, ready to be served."""

    settings: AnchorSettings
    clock: Clock
    store: Store
    vault: FileKeyVault
    face: AnchorFace
    minding: Minding
    peer_app: Flask
    operations_app: Flask


def create_anchor(
    settings: AnchorSettings, clock: Clock | None = None, transport: Transport | None = None
) -> AnchorParts:
    """Put a trust anchor together from its settings. Raises as :func:`create_node` does."""
    clock, transport = clock or SystemClock(), transport or peer_transport(settings)
    vault = open_vault(settings.base_dir / settings.keys.directory, needed=ANCHOR_KEYS, now=clock.now)
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    own, fitness = EntityId(settings.anchor.entity_id), Fitness(store, host=gethostname())
    face = AnchorFace(
        entity_id=own,
        name=settings.anchor.name,
        vault=vault,
        store=store,
        clock=clock,
    )
    return AnchorParts(
        settings=settings,
        clock=clock,
        store=store,
        vault=vault,
        face=face,
        minding=of_authority(machine(store, clock, transport, fitness), own, vault),
        peer_app=gated(create_anchor_app(face, observer=telemetry.FaceObserver()), fitness.refuse_unfit),
        operations_app=operations_app(checks(store, fitness)),
    )


def machine(store: Store, clock: Clock, transport: Transport, fitness: Fitness) -> Machine:
    """Return what a node or an authority minds of the machine that it runs on."""
    return Machine(
        host=gethostname(),
        store=store,
        clock=clock,
        transport=transport,
        notice=telemetry.notice_keeper,
        changed=fitness.look_again,
    )
