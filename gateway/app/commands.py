"""The parts of a node that use cases of administrators need, each built for one command."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from adapters.contract import HttpCaller
from config.settings import NodeSettings
from gateway.administration.adapters import AdapterBuilder
from gateway.administration.bundle_export import ExportSource
from gateway.administration.changes import ACTS
from gateway.administration.checks.doctor import DoctorPorts
from gateway.administration.context import Settings, node_vault, now, opened_store, own_entity
from gateway.administration.dual_control import DualControlAct
from gateway.administration.enrolment_requests import EnrolmentPorts
from gateway.administration.federation_context import FederationContext
from gateway.administration.outbox import RedirectMessage
from gateway.agreements.registry import AgreementRegistry
from gateway.app.authority import create_anchor
from gateway.app.node_parts import build_places, service_kind
from gateway.app.on_call import build_on_call
from gateway.app.wiring import build_service, peer_transport, pinned_anchors, production_ports, profile
from gateway.authority.membership import MemberFilter, active_members
from gateway.authority.statements import authority_metadata
from gateway.authority.suspension import signed_today
from gateway.consents.gate import ConsentGate
from gateway.consents.service import Consents
from gateway.consents.storage import ConsentSeal
from gateway.delivery.calendars import Calendars
from gateway.delivery.recipient_plan import RecipientPlanner
from gateway.delivery.reissue import Reissuer
from gateway.delivery.sending_policy import SendingPolicy
from gateway.federation.entity_configuration import node_configuration, node_statement_metadata
from gateway.federation.fetch import Fetcher
from gateway.federation.resolver import FederationResolver
from gateway.federation.storage import TrustStorage
from gateway.peers.case_system_client import CaseSystemCaller
from gateway.peers.ssrf import HostAddress
from gateway.peers.transport import client_tls
from gateway.ports import KeyVault
from gateway.runtime.background import AtOnce
from trust.exchange.kinds import KINDS
from trust.identifiers import EntityId
from trust.strict_json import JsonObject

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a listener is told, and where it then is


@contextmanager
def federation_of(settings: NodeSettings) -> Iterator[FederationContext]:
    """Open those parts for one command. Raises what they refuse with, each naming every fault."""
    own = EntityId(settings.node.entity_id)
    vault, pins = node_vault(settings), pinned_anchors(settings)
    transport = peer_transport(settings)
    configuration = node_configuration(profile(settings), vault)
    with opened_store(settings) as store:
        agreements = AgreementRegistry(store, own=own)
        directory = FederationResolver(
            fetcher=Fetcher(transport=transport, own=own, own_configuration=configuration),
            pins=pins,
            storage=TrustStorage(store),
            record_event=_unheard,
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


@contextmanager
def consents_of(settings: NodeSettings) -> Iterator[Consents]:
    """Open the consents of a node for one command. Raises what its parts refuse with."""
    with federation_of(settings) as federation:
        yield Consents(
            own=federation.own,
            store=federation.store,
            seal=ConsentSeal(vault=node_vault(settings)),
            agreements=federation.agreements,
            kind_of=partial(service_kind, federation.directory),
        )


@contextmanager
def export_source(settings: Settings) -> Iterator[ExportSource]:
    """Open what exports signed statements: a node, or an authority. Raises what they refuse with."""
    if isinstance(settings, NodeSettings):
        with federation_of(settings) as federation:
            statuses = federation.directory.statuses(now=now())
            yield ExportSource(
                resolver=federation.directory,
                store=federation.store,
                known=tuple(dict.fromkeys((federation.own, *(status.entity for status in statuses)))),
                entry_bytes=lambda entry: entry.raw,
            )
        return
    parts = create_anchor(settings)
    try:
        yield ExportSource(
            resolver=parts.directory,
            store=parts.store,
            known=tuple(EntityId(entity) for entity in active_members(parts.store, MemberFilter())),
            entry_bytes=signed_today(parts.authority.entity_id, parts.vault),
        )
    finally:
        parts.store.close()


def enrolment_ports(settings: Settings) -> EnrolmentPorts:
    """Return the way to authorities, and the metadata that an enrolment request of this entity states."""

    def metadata(vault: KeyVault) -> Mapping[str, JsonObject]:
        if isinstance(settings, NodeSettings):
            return node_statement_metadata(profile(settings), vault)
        marks = bool(settings.marks.issues)
        return authority_metadata(own_entity(settings), settings.anchor.name, marks=marks, resolves=True)

    return EnrolmentPorts(transport=lambda: peer_transport(settings), metadata=metadata)


def _unheard(code: str, entity: EntityId) -> None:
    """Drop the running node's notices: a command shows what it finds."""


@contextmanager
def case_api(settings: NodeSettings, ca: Path | None) -> Iterator[HttpCaller]:
    """Open a client of a running node's case API: over TLS, at the address where it listens, by its own name."""
    host = settings.case.base_url.removeprefix("https://").partition("/")[0].partition(":")[0]
    address, _, port = settings.case.bind.rpartition(":")
    address = address.strip("[]")
    own_ca = settings.base_dir / settings.trust.ca if settings.trust.ca else None
    caller = CaseSystemCaller(
        tls=client_tls(ca or own_ca),
        names={host},
        hosts={host: HostAddress(address=_LOOPBACK.get(address, address), port=int(port))},
    )
    try:
        yield caller
    finally:
        caller.close()


def adapter_builder(settings: NodeSettings) -> AdapterBuilder:
    """Return what builds each service's adapter, with guarded HTTP to the case systems."""
    http = production_ports(settings).case_systems
    return lambda service: build_service(service, settings, http).adapter


@contextmanager
def reissuer_of(settings: NodeSettings) -> Iterator[Reissuer]:
    """Open what plans, signs and stores a message that takes another one's place."""
    vault = node_vault(settings)
    with federation_of(settings) as federation:
        policy = SendingPolicy(
            own=federation.own,
            directory=federation.directory,
            agreements=federation.agreements,
            services={},  # the relay decides again, with this node's own restrictions
            kinds=KINDS,
            places=build_places(settings, federation.store, vault),
            store=federation.store,
            consents=ConsentGate(own=federation.own, seal=ConsentSeal(vault=vault)),
        )
        planner = RecipientPlanner(
            own=federation.own, vault=vault, policy=policy, calendars=Calendars(settings=settings.calendar)
        )
        yield Reissuer(
            store=federation.store,
            vault=vault,
            planner=planner,
            kinds=KINDS,
            keep_trying=timedelta(days=settings.delivery.keep_trying_days),
        )


def acts() -> Mapping[str, DualControlAct]:
    """Return every act that takes two administrators, by its name."""
    redirect = RedirectMessage(open_reissuer=reissuer_of)
    return {**ACTS, redirect.name: redirect}


def doctor_ports() -> DoctorPorts:
    """Return what the doctor reaches peers and case systems with."""
    return DoctorPorts(
        open_federation=federation_of,
        peer_transport=peer_transport,
        adapter_builder=adapter_builder,
        on_call_builder=build_on_call,
    )
