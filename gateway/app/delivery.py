"""The queued half of a node, put together from its parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from secrets import SystemRandom, token_hex
from socket import gethostname

from config.settings import NodeSettings
from gateway.accountability.message_limits import MessageLimits, message_budgets_from_settings
from gateway.agreements.registry import AgreementRegistry
from gateway.app.node_parts import NodeConsents, service_kind
from gateway.consents.notices import ConsentNotices
from gateway.consents.service import Consents
from gateway.consents.storage import ConsentSeal
from gateway.delivery.calendars import Calendars
from gateway.delivery.delivery_metrics import DeliveryMetrics
from gateway.delivery.dispatch import Dispatcher
from gateway.delivery.escalation import EscalationPorts, EscalationRound, SenderServices
from gateway.delivery.on_call import OnCall
from gateway.delivery.receipts import ReceiptBook
from gateway.delivery.recipient_plan import RecipientPlanner
from gateway.delivery.reconciliation import Reconciler
from gateway.delivery.reissue import Reissuer
from gateway.delivery.relay import Relay, RelayLimits, RelayParts
from gateway.delivery.sending_policy import SendingPolicy
from gateway.delivery.settlement import Settlement
from gateway.delivery.submission import Submitter
from gateway.exchange.outbound import Outbound
from gateway.exchange.services import ServiceRegistry
from gateway.health.serving_gate import ServingGate
from gateway.ports import Transaction, Transport
from gateway.restrictions.places import Places
from gateway.store.tables import inbox_polls
from gateway.telemetry import events
from trust.exchange.kind import Kinds
from trust.identifiers import ServiceSlug


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What submits messages, takes receipts, sends both, escalates and compares with the recipients."""

    submitter: Submitter
    receipts: ReceiptBook
    relay: Relay
    reconciler: Reconciler
    escalation: EscalationRound
    consents: NodeConsents


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryParts:
    """The parts of a node that its queued half stands on."""

    settings: NodeSettings
    outbound: Outbound
    transport: Transport
    agreements: AgreementRegistry
    services: ServiceRegistry
    on_call: OnCall
    fitness: ServingGate
    kinds: Kinds
    places: Places


def build_delivery(parts: DeliveryParts) -> Delivery:
    """Put the queued half together. Nothing is opened and no thread starts."""
    outbound, settings = parts.outbound, parts.settings
    limits = MessageLimits(limits=message_budgets_from_settings(settings.budgets.messages))
    receipts = _receipts(parts, limits)
    policy = SendingPolicy(
        own=outbound.own,
        directory=outbound.directory,
        agreements=parts.agreements,
        services=parts.services,
        kinds=parts.kinds,
        places=parts.places,
        store=outbound.store,
        consents=outbound.consents,
    )
    planner = RecipientPlanner(
        own=outbound.own, vault=outbound.vault, policy=policy, calendars=Calendars(settings=settings.calendar)
    )
    submitter = Submitter(
        own=outbound.own,
        store=outbound.store,
        vault=outbound.vault,
        planner=planner,
        limits=limits,
        consents=outbound.consents,
        keep_trying=timedelta(days=settings.delivery.keep_trying_days),
    )
    return Delivery(
        submitter=submitter,
        receipts=receipts,
        relay=_relay(parts, receipts, policy, _reissuer(parts, submitter)),
        reconciler=_reconciler(parts),
        escalation=_escalation(parts),
        consents=_consents(parts, submitter),
    )


def _receipts(parts: DeliveryParts, limits: MessageLimits) -> ReceiptBook:
    outbound = parts.outbound
    return ReceiptBook(
        own=outbound.own,
        directory=outbound.directory,
        vault=outbound.vault,
        store=outbound.store,
        kinds=parts.kinds,
        limits=limits,
    )


def _reissuer(parts: DeliveryParts, submitter: Submitter) -> Reissuer:
    return Reissuer(
        store=submitter.store,
        vault=submitter.vault,
        planner=submitter.planner,
        kinds=parts.kinds,
        keep_trying=submitter.keep_trying,
    )


def _consents(parts: DeliveryParts, submitter: Submitter) -> NodeConsents:
    outbound = parts.outbound
    seal, kind_of = ConsentSeal(vault=outbound.vault), partial(service_kind, outbound.directory)
    return NodeConsents(
        cases=Consents(own=outbound.own, store=outbound.store, seal=seal, agreements=parts.agreements, kind_of=kind_of),
        notices=ConsentNotices(
            own=outbound.own, store=outbound.store, seal=seal, submitter=submitter, attempt=events.last_handler
        ),
    )


def _reconciler(parts: DeliveryParts) -> Reconciler:
    outbound = parts.outbound
    return Reconciler(
        own=outbound.own,
        directory=outbound.directory,
        vault=outbound.vault,
        store=outbound.store,
        transport=parts.transport,
        clock=outbound.clock,
        kinds=parts.kinds,
        attempt=events.last_handler,
        may_work=parts.fitness.is_open,
    )


def _escalation(parts: DeliveryParts) -> EscalationRound:
    outbound = parts.outbound
    senders = SenderServices(store=outbound.store, vault=outbound.vault, kinds=parts.kinds)
    return EscalationRound(
        EscalationPorts(
            store=outbound.store,
            on_call=parts.on_call,
            sender_service=senders.find,
            last_polls=lambda tx: _last_polls(tx, parts.services),
            attempt=events.last_handler,
            clock=outbound.clock,
            may_work=parts.fitness.is_open,
        )
    )


def _relay(parts: DeliveryParts, receipts: ReceiptBook, policy: SendingPolicy, reissuer: Reissuer) -> Relay:
    outbound, settings, metrics = parts.outbound, parts.settings.delivery, DeliveryMetrics()
    dispatcher = Dispatcher(
        own=outbound.own,
        vault=outbound.vault,
        store=outbound.store,
        clock=outbound.clock,
        peers=outbound.peers,
        transport=parts.transport,
        ask_own_node=outbound.ask_own_node,
        receipts=receipts,
        kinds=parts.kinds,
        reissuer=reissuer,
        crashed=events.record_step_failure,
        timeout_s=settings.attempt_s,
    )
    owner = f"{gethostname()} {token_hex(8)}"  # another process of this host has another name
    parts_of_relay = RelayParts(
        store=outbound.store,
        clock=outbound.clock,
        policy=policy,
        dispatcher=dispatcher,
        settlement=Settlement(receipts=receipts, owner=owner, spread=SystemRandom().random),
        may_work=parts.fitness.is_open,
        show=metrics.show,
        observe=metrics.observe,
        attempt=events.last_handler,
    )
    return Relay(parts_of_relay, RelayLimits(parallel=settings.parallel, for_one_peer=settings.for_one_peer))


def _last_polls(tx: Transaction, services: ServiceRegistry) -> Mapping[ServiceSlug, datetime | None]:
    """Return when the inbox of each service was last polled whose case system does not receive messages itself."""
    polls = {each.service: each.polled_at for each in inbox_polls.list_all(tx)}
    return {slug: polls.get(slug) for slug, service in services.items() if service.adapter.receiver is None}
