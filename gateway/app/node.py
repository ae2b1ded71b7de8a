"""The only place that names concrete classes: settings in, the faces of a node or an anchor out.

Nothing here opens a socket, a thread or a database connection: all of it happens before the fork, and each worker opens
what it needs at its first use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from flask import Blueprint, Flask

from config.settings import NodeSettings
from gateway.accountability.break_glass import LateBreakGlass
from gateway.accountability.rate_limits import RateLimits, budgets_from_settings
from gateway.agreements.collector import MissingSignatureCollector
from gateway.agreements.registry import AgreementRegistry
from gateway.agreements.restore import RestoredAgreements
from gateway.agreements.signature_exchange import SignatureExchange
from gateway.app.agreement_exchange import agreements_face, signature_exchange
from gateway.app.authority import machine
from gateway.app.batches import batch_handler
from gateway.app.capabilities import CAPABILITIES
from gateway.app.case_face import CaseParts, case_app
from gateway.app.delivery import Delivery, DeliveryParts, build_delivery
from gateway.app.gauges import NodeGauges, show_freshness
from gateway.app.node_parts import NodeConsents, NodeParts, open_parts
from gateway.app.operations import operations_app, readiness_checks, trust_check
from gateway.app.receiving import Receiving, build_receiving
from gateway.app.restricted_places import QuestionPlaces, ReleaseTasks, RestrictedPlaces
from gateway.app.wiring import (
    ExternalPorts,
    build_services,
    pinned_anchors,
    production_ports,
    profile,
    sign_in_providers,
)
from gateway.callers import PeerCaller
from gateway.exchange.answer import RestrictionsOf
from gateway.exchange.inbound import Inbound, MessageIdReused
from gateway.exchange.outbound import AskOwnNode, Outbound
from gateway.exchange.services import ServiceRegistry
from gateway.federation.announcements import announcements
from gateway.federation.entity_configuration import SignedConfiguration, node_configuration
from gateway.federation.fetch import Fetcher
from gateway.federation.historical_keys import RevocationNotices, historical_keys_document
from gateway.federation.own_statement import OwnChain
from gateway.federation.own_trust_marks import OwnTrustMarks, TrustMarkRenewal
from gateway.federation.resolver import FederationResolver
from gateway.federation.storage import TrustStorage
from gateway.health.checks import HealthMonitor, node_monitor
from gateway.health.restore_sync import KeyFolder
from gateway.health.serving_gate import ServingGate
from gateway.http.federation.key_revocations import key_revocations_blueprint
from gateway.http.federation.signed_documents import federation_blueprint, historical_keys_blueprint
from gateway.http.federation.suspensions import suspensions_blueprint
from gateway.http.peer import peer_api
from gateway.http.peer.agreements import agreements_blueprint
from gateway.http.peer.fair_share import FairShare
from gateway.http.peer.misuse import MisuseFace, misuse_blueprint
from gateway.http.peer.peer_api import PeerFace, peer_blueprint
from gateway.http.peer.receipts import ReceiptsFace, receipts_blueprint
from gateway.http.peer.reconciliations import reconciliations_blueprint
from gateway.keys.files import NODE_KEYS
from gateway.keys.vault import FileKeyVault
from gateway.maintenance.node import NodeRounds
from gateway.misuse.answers import MisuseQueryReceiver
from gateway.oauth.peer_server import DetailsRefused, PeerOAuth
from gateway.peers.client import HttpPeerClient
from gateway.peers.token_client import TokenRequester
from gateway.ports import ClaimStore, Clock, Store, Transport
from gateway.restrictions.registry import PlaceRegistry
from gateway.runtime.background import Background
from gateway.sharing.reviews import LateReviews
from gateway.store.tables import maintenance
from gateway.telemetry import events
from gateway.web import problem
from gateway.web.capability import AnyCapability, served_kinds
from gateway.web.face import build_face
from gateway.web.problem import Problem
from gateway.web.serving_gate import with_serving_gate
from trust.federation.chain import TrustedEntity
from trust.identifiers import EntityId
from trust.oauth.authorization_details import AuthorizationDetail


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A whole node, ready to be served."""

    settings: NodeSettings
    clock: Clock
    store: Store
    claims: ClaimStore
    vault: FileKeyVault
    fitness: ServingGate
    directory: FederationResolver
    keeper: NodeRounds
    services: ServiceRegistry
    agreements: AgreementRegistry
    countersigning: SignatureExchange
    delivery: Delivery
    receiving: Receiving
    peer_app: Flask
    case_app: Flask
    operations_app: Flask


def create_node(
    settings: NodeSettings, outside: ExternalPorts | None = None, capabilities: Sequence[AnyCapability] = CAPABILITIES
) -> Node:
    """Put a node together from its settings.

    Raises what its parts refuse with, each naming every fault: ``KeyFilesRefused``, ``StoreRefused``,
    ``SourceMisconfigured``, and ``TrustError`` for an anchor's key file.
    """
    outside = outside or production_ports(settings)
    parts = open_parts(settings, outside.clock, capabilities)
    configuration = _configuration(parts)
    agreements = AgreementRegistry(parts.store, parts.kinds, own=parts.own)
    fetcher = Fetcher(transport=outside.transport, own=parts.own, own_configuration=configuration)
    directory = _directory(parts, fetcher, agreements)
    services = build_services(settings, outside.case_systems)
    receiving = build_receiving(parts, directory, services, agreements)
    inbound = _inbound(parts, directory, services, agreements, receiving)
    outbound = _outbound(parts, directory, outside.transport, inbound)
    countersigning = signature_exchange(parts, directory, outside.transport, agreements)
    delivery = _delivery(parts, outbound, outside.transport, agreements, services)
    collector = MissingSignatureCollector(countersigning, agreements, events.last_handler)
    mind = _mind(parts, directory, outside.transport, countersigning, agreements)
    public = _public(parts, configuration, countersigning, directory, delivery)
    return Node(
        settings=settings,
        clock=parts.clock,
        store=parts.store,
        claims=parts.claims,
        vault=parts.vault,
        fitness=parts.fitness,
        directory=directory,
        keeper=_keeper(parts, directory, mind=mind, collector=collector, fetcher=fetcher, consents=delivery.consents),
        services=services,
        agreements=agreements,
        countersigning=countersigning,
        delivery=delivery,
        receiving=receiving,
        peer_app=_peer_app(parts, directory, agreements, inbound, receiving, public),
        case_app=_case_app(parts, delivery, receiving, outbound, agreements, outside),
        operations_app=_operations(parts, directory),
    )


def _operations(parts: NodeParts, directory: FederationResolver) -> Flask:
    checks = [*readiness_checks(parts.store, parts.fitness), trust_check(directory, parts.own, parts.clock)]
    return operations_app(checks)


def _configuration(parts: NodeParts) -> SignedConfiguration:
    announced = announcements(parts.store, administrators=parts.settings.node.administrators)
    marks = OwnTrustMarks(parts.store)
    return node_configuration(
        profile(parts.settings, parts.kinds), parts.vault, marks, announced, lambda: parts.store.read(maintenance.get)
    )


def _mind(
    parts: NodeParts,
    directory: FederationResolver,
    transport: Transport,
    countersigning: SignatureExchange,
    agreements: AgreementRegistry,
) -> HealthMonitor:
    settings = parts.settings
    keys = KeyFolder(settings.base_dir / settings.keys.directory, NODE_KEYS, parts.vault)
    restored = RestoredAgreements(own=parts.own, store=parts.store, book=agreements, countersigning=countersigning)
    host = machine(parts.store, parts.clock, transport, parts.fitness)
    return node_monitor(host, directory, parts.own, keys, restored.round)


def _directory(parts: NodeParts, fetcher: Fetcher, agreements: AgreementRegistry) -> FederationResolver:
    return FederationResolver(
        fetcher=fetcher,
        pins=pinned_anchors(parts.settings),
        storage=TrustStorage(parts.store),
        record_event=events.record_federation_event,
        required_marks=agreements.required_marks,
        background=Background(events.last_handler),
    )


def _public(
    parts: NodeParts,
    configuration: SignedConfiguration,
    countersigning: SignatureExchange,
    directory: FederationResolver,
    delivery: Delivery,
) -> list[Blueprint]:
    """Return what anybody may read at a node, and who it is from proves itself."""
    notices = RevocationNotices(parts.own, parts.vault, parts.store)
    return [
        federation_blueprint(configuration, clock=parts.clock),
        historical_keys_blueprint(
            historical_keys_document(parts.own, parts.vault, notices, parts.store), clock=parts.clock
        ),
        key_revocations_blueprint(notices),
        suspensions_blueprint(parts.store),
        agreements_blueprint(agreements_face(parts, countersigning)),
        misuse_blueprint(_misuse(parts, directory)),
        receipts_blueprint(ReceiptsFace(receive=delivery.receipts.receive, clock=parts.clock)),
        reconciliations_blueprint(partial(delivery.reconciler.receive, claims=parts.claims), clock=parts.clock),
    ]


def _keeper(
    parts: NodeParts,
    directory: FederationResolver,
    *,
    mind: HealthMonitor,
    collector: MissingSignatureCollector,
    fetcher: Fetcher,
    consents: NodeConsents,
) -> NodeRounds:
    attempt, gauges = events.last_handler, NodeGauges(store=parts.store, book=collector.book)
    marks = TrustMarkRenewal(own=parts.own, store=parts.store, directory=directory, fetcher=fetcher, attempt=attempt)
    return NodeRounds(
        store=parts.store,
        claims=parts.claims,
        destroy_old_seals=parts.vault.destroy_old_seals,
        accounts_kept=timedelta(days=parts.settings.retention.accounts_days),
        consents_kept=timedelta(days=parts.settings.retention.consents_days),
        directory=directory,
        clock=parts.clock,
        attempt=attempt,
        parties=collector.book.parties,
        check_health=mind.round,
        may_work=parts.fitness.is_open,
        show_freshness=show_freshness,
        show_on_call=parts.on_call.set_absent,
        warn_of_dates=gauges.warn_of_dates,
        show_backlog=gauges.show_backlog,
        record_vouched_keys=lambda now: parts.vouching.record(directory, parts.own, now=now),
        collect_signatures=collector.round,
        end_consents=consents.notices.round,
        flag_late_reviews=LateReviews(
            own=parts.own, store=parts.store, tasks=parts.sharing_tasks(collector.book), ring=parts.ring_overdue
        ).round,
        escalate_break_glass=LateBreakGlass(store=parts.store, notify=parts.break_glass.notify).round,
        renew_marks=marks.round,
        own_chain=_own_chain(parts, directory).round,
    )


def _own_chain(parts: NodeParts, directory: FederationResolver) -> OwnChain:
    return OwnChain(
        own=parts.own,
        directory=directory,
        vault=parts.vault,
        store=parts.store,
        record_event=events.record_federation_event,
    )


def _inbound(
    parts: NodeParts,
    directory: FederationResolver,
    services: ServiceRegistry,
    agreements: AgreementRegistry,
    receiving: Receiving,
) -> Inbound:
    return Inbound(
        own=parts.own,
        kinds=served_kinds(parts.capabilities),
        directory=directory,
        vault=parts.vault,
        store=parts.store,
        services=services,
        agreements=agreements,
        budgets=RateLimits(limits=budgets_from_settings(parts.settings.budgets.answering)),
        observe=events.record_inbound_message,
        case_system_s=parts.settings.limits.case_system_s,
        queued=receiving.queued.handle,
        restrictions_of=_restrictions_of(parts),
        consents=parts.consents,
        after_refusal=parts.sharing_tasks(agreements, Background(events.last_handler).later).note_refusal,
        not_before=parts.fitness.not_before,
    )


def _restrictions_of(parts: NodeParts) -> RestrictionsOf:
    registry = PlaceRegistry(store=parts.store, vault=parts.vault)
    return RestrictionsOf(
        hmac_key=parts.vault.evidence_hmac_key,
        sources=(parts.consents.restrict, RestrictedPlaces(places=parts.places)),
        notes=(ReleaseTasks(registry=registry),),
    )


def _outbound(parts: NodeParts, directory: FederationResolver, transport: Transport, inbound: Inbound) -> Outbound:
    requester = TokenRequester(own=parts.own, vault=parts.vault, transport=transport, clock=parts.clock)
    return Outbound(
        own=parts.own,
        directory=directory,
        vault=parts.vault,
        store=parts.store,
        peers=HttpPeerClient(requester, observe=events.record_outbound_message),
        ask_own_node=_in_process(inbound, directory, parts.own),
        consents=parts.consents,
        clock=parts.clock,
        find_place=QuestionPlaces(places=parts.places),
    )


def _delivery(
    parts: NodeParts,
    outbound: Outbound,
    transport: Transport,
    agreements: AgreementRegistry,
    services: ServiceRegistry,
) -> Delivery:
    return build_delivery(
        DeliveryParts(
            settings=parts.settings,
            outbound=outbound,
            transport=transport,
            agreements=agreements,
            services=services,
            on_call=parts.on_call,
            fitness=parts.fitness,
            kinds=parts.kinds,
            places=parts.places,
        )
    )


def _misuse(parts: NodeParts, directory: FederationResolver) -> MisuseFace:
    receiver = MisuseQueryReceiver(own=parts.own, directory=directory, vault=parts.vault, store=parts.store)

    def receive(raw: bytes, now: datetime) -> bytes:
        return receiver.receive(raw, claims=parts.claims, now=now)

    return MisuseFace(receive=receive, clock=parts.clock)


def _in_process(inbound: Inbound, directory: FederationResolver, own: EntityId) -> AskOwnNode:
    def ask(raw: bytes, detail: AuthorizationDetail, now: datetime) -> bytes:
        caller = PeerCaller(party=directory.resolve(own, now=now, urgent=True), details=(detail,))
        return inbound.handle(raw, caller, now)

    return ask


def _peer_app(
    parts: NodeParts,
    directory: FederationResolver,
    agreements: AgreementRegistry,
    inbound: Inbound,
    receiving: Receiving,
    public: Sequence[Blueprint],
) -> Flask:
    def permitted(
        party: TrustedEntity, details: tuple[AuthorizationDetail, ...], now: datetime
    ) -> tuple[AuthorizationDetail, ...]:
        permitted_details = agreements.grantable(details, asker=party.entity_id, holder=parts.own, now=now)
        if not permitted_details:
            raise DetailsRefused("This node holds no agreement in force that lets this client ask that.")
        return permitted_details

    def handle(raw: bytes, caller: PeerCaller, now: datetime) -> bytes:
        try:
            return inbound.handle(raw, caller, now)
        except MessageIdReused:
            raise Problem(problem.CONFLICT) from None

    oauth = PeerOAuth(
        entity_id=parts.own,
        vault=parts.vault,
        directory=directory,
        claims=parts.claims,
        permitted=permitted,
    )
    face = PeerFace(
        oauth=oauth,
        clock=parts.clock,
        handle=handle,
        handle_batch=batch_handler(inbound, receiving.queued),
        share=FairShare(parts.settings.peer.threads),
    )
    blueprints = [peer_blueprint(face), *public]
    app = build_face("peer", blueprints, max_body=peer_api.MAX_BODY, observer=events.RequestObserver())
    return with_serving_gate(app, parts.fitness.check)


def _case_app(
    parts: NodeParts,
    delivery: Delivery,
    receiving: Receiving,
    outbound: Outbound,
    agreements: AgreementRegistry,
    outside: ExternalPorts,
) -> Flask:
    return case_app(
        CaseParts(
            node=parts,
            delivery=delivery,
            agreements=agreements,
            outbound=outbound,
            inbox=receiving.inbox,
            services=receiving.queued.services,
            providers=sign_in_providers(parts.settings, outside.sign_in),
        )
    )
