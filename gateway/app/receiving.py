"""The receiving half of a node's queued kinds, put together from its parts."""

from dataclasses import dataclass
from secrets import SystemRandom

from gateway.accountability.message_limits import MessageLimits, message_budgets_from_settings
from gateway.agreements.registry import AgreementRegistry
from gateway.app.node_parts import NodeParts
from gateway.delivery import delivery_metrics
from gateway.delivery.calendars import Calendars
from gateway.delivery.case_system import CaseSystemDelivery
from gateway.delivery.inbox import Inbox
from gateway.delivery.receiving_rounds import ReceivingRounds
from gateway.exchange.acceptance import QueuedInbound, ReceiptSigner
from gateway.exchange.services import ServiceRegistry
from gateway.federation.resolver import FederationResolver
from gateway.telemetry import events


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """What accepts messages, keeps them for their services, and brings them to their case systems."""

    inbox: Inbox
    queued: QueuedInbound
    rounds: ReceivingRounds


def build_receiving(
    parts: NodeParts, directory: FederationResolver, services: ServiceRegistry, agreements: AgreementRegistry
) -> Receiving:
    """Put the receiving half together. Nothing is opened and no thread starts."""
    limits = MessageLimits(limits=message_budgets_from_settings(parts.settings.budgets.messages))
    inbox = Inbox(
        own=parts.own,
        store=parts.store,
        vault=parts.vault,
        kinds=parts.kinds,
        signer=ReceiptSigner(own=parts.own, vault=parts.vault, directory=directory),
        calendars=Calendars(settings=parts.settings.calendar),
        limits=limits,
        places=parts.places,
        take_notice=parts.consents.take_notice,
    )
    queued = QueuedInbound(
        own=parts.own,
        kinds=parts.kinds,
        directory=directory,
        vault=parts.vault,
        store=parts.store,
        services=services,
        agreements=agreements,
        accept=inbox.accept,
        limits=limits,
        consents=parts.consents,
        observe=events.record_inbound_message,
        crashed=events.record_step_failure,
    )
    return Receiving(
        inbox=inbox,
        queued=queued,
        rounds=_rounds(parts, services, inbox),
    )


def _rounds(parts: NodeParts, services: ServiceRegistry, inbox: Inbox) -> ReceivingRounds:
    case_systems = CaseSystemDelivery(
        store=parts.store,
        inbox=inbox,
        services=services,
        case_system_s=parts.settings.limits.case_system_s,
        spread=SystemRandom().random,
        observe=delivery_metrics.count_case_system_failure,
        attempt=events.last_handler,
    )
    return ReceivingRounds(
        own=parts.own,
        store=parts.store,
        clock=parts.clock,
        case_systems=case_systems,
        may_work=parts.fitness.is_open,
        attempt=events.last_handler,
    )
