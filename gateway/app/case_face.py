"""The case API of a node: its token server, the routes of its capabilities, and its plays."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from flask import Flask

from config.plays import load_plays
from config.settings import NodeSettings
from gateway.accountability.rate_limits import RateLimits, budgets_from_settings
from gateway.agreements.registry import AgreementRegistry
from gateway.app.delivery import Delivery
from gateway.app.node_parts import NodeParts
from gateway.app.restricted_places import OwnLinks
from gateway.app.wiring import deciding_services
from gateway.consents import case_api as consents_api
from gateway.consents.case_api import consent_routes
from gateway.delivery.inbox import Inbox
from gateway.delivery.inbox_view import ServiceInbox
from gateway.delivery.submission_view import SentMessages
from gateway.delivery.work_list import WorkList
from gateway.exchange.fan_out import FanOut
from gateway.exchange.options import Options
from gateway.exchange.outbound import Outbound
from gateway.exchange.peer_maintenance import away_now
from gateway.exchange.query_log import AskingSide, QueryRecorder
from gateway.exchange.services import ServiceRegistry
from gateway.http.case import case_api, inbox_api, restrictions_api, sharing_api, sharing_tasks_api, work_api
from gateway.http.case.case_api import CaseFace, case_blueprint, case_guard
from gateway.http.case.inbox_api import inbox_routes
from gateway.http.case.restrictions_api import restriction_routes
from gateway.http.case.sharing_api import SharingFace, sharing_routes
from gateway.http.case.sharing_tasks_api import sharing_task_routes
from gateway.http.case.work_api import work_routes
from gateway.oauth.case_server import CaseOAuth
from gateway.oauth.exchange import SignInProvider
from gateway.plays.case_api import OPERATIONS as PLAY_OPERATIONS
from gateway.plays.case_api import play_routes
from gateway.plays.kinds import STEP_KINDS
from gateway.plays.service import Plays
from gateway.ports import LocalClient, Transaction, TrustResolver
from gateway.restrictions.registry import PlaceRegistry
from gateway.sharing.decisions import SharingDecisions
from gateway.store.tables import clients, restore_holds
from gateway.store.tables.restore_holds import HoldKind
from gateway.telemetry import events
from gateway.web.capability import Capability, QueuedSide
from gateway.web.face import build_face
from gateway.web.guards import CaseGuard
from gateway.web.serving_gate import with_serving_gate
from trust.identifiers import EntityId, RoleCode, ServiceSlug


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseParts:
    """The parts of the case API. ``providers`` are the agency's own sign-in services."""

    node: NodeParts
    delivery: Delivery
    agreements: AgreementRegistry
    outbound: Outbound
    inbox: Inbox
    services: ServiceRegistry
    providers: tuple[SignInProvider, ...]


def case_app(parts: CaseParts) -> Flask:
    """Return the case API: the routes of every capability, and those of plays. Raises ``ConfigError`` for a play."""
    node = parts.node
    face = CaseFace(
        oauth=_case_oauth(parts),
        clock=node.clock,
        options=Options(own=node.own, kinds=node.kinds, agreements=parts.agreements),
        operations=[
            *PLAY_OPERATIONS,
            *work_api.OPERATIONS,
            *inbox_api.OPERATIONS,
            *restrictions_api.OPERATIONS,
            *sharing_api.OPERATIONS,
            *sharing_tasks_api.OPERATIONS,
            *consents_api.OPERATIONS,
            *(operation for each in node.capabilities for operation in each.operations),
        ],
    )
    guard, queued = case_guard(face.oauth, face.clock), _queued_side(parts)
    asking, registry = _asking_side(parts), _places(parts)
    kinds = (
        each.case_api(asking, guard) if isinstance(each, Capability) else each.case_api(queued, guard)
        for each in node.capabilities
    )
    blueprints = [
        case_blueprint(face, guard),
        play_routes(_plays(parts, queued), guard),
        work_routes(
            WorkList(store=node.store, places=registry, standings=lambda now: parts.agreements.standings(now=now)),
            guard,
        ),
        inbox_routes(queued.inbox, guard),
        restriction_routes(registry, guard),
        sharing_routes(sharing := _sharing(parts, guard)),
        sharing_task_routes(node.sharing_tasks(parts.agreements), sharing),
        consent_routes(parts.delivery.consents.cases, parts.delivery.consents.notices.notify_soon, guard),
        *kinds,
    ]
    app = build_face("case", blueprints, max_body=case_api.MAX_BODY, observer=events.RequestObserver())
    return with_serving_gate(app, node.fitness.check)


def _places(parts: CaseParts) -> PlaceRegistry:
    node = parts.node
    links = OwnLinks(services=parts.services, case_system_s=node.settings.limits.case_system_s)
    return PlaceRegistry(store=node.store, vault=node.vault, links_of=links)


def _decisions(node: NodeParts) -> SharingDecisions:
    return SharingDecisions(store=node.store, vault=node.vault, services=deciding_services(node.settings))


def _sharing(parts: CaseParts, guard: CaseGuard) -> SharingFace:
    node = parts.node
    return SharingFace(decisions=_decisions(node), duty_roles=_duty_roles(node.settings), guard=guard)


def _case_oauth(parts: CaseParts) -> CaseOAuth:
    node = parts.node

    def find_client(client_id: str) -> LocalClient | None:
        def find(tx: Transaction) -> LocalClient | None:
            on_hold = restore_holds.is_held(tx, HoldKind.CLIENT, client_id)
            return None if on_hold else clients.get(tx, client_id=client_id)

        return node.store.read(find)

    return CaseOAuth(
        base_url=node.settings.case.base_url,
        vault=node.vault,
        find_client=find_client,
        claims=node.claims,
        providers=parts.providers,
    )


def _asking_side(parts: CaseParts) -> AskingSide:
    node = parts.node
    limits = node.settings.limits
    return AskingSide(
        own=node.own,
        store=node.store,
        vault=node.vault,
        clock=node.clock,
        recorder=QueryRecorder(
            own=node.own,
            store=node.store,
            vault=node.vault,
            agreements=parts.agreements,
            budgets=RateLimits(limits=budgets_from_settings(node.settings.budgets.asking)),
            break_glass=node.break_glass,
            access_alerts=node.access_alerts,
        ),
        fan_out=FanOut(parts.outbound, peer_s=limits.peer_s, crashed=_query_crashed),
        consents=parts.delivery.consents.cases.resolve,
        limit_s=limits.lookup_s,
        answers_kept=timedelta(seconds=limits.answers_kept_s),
        is_member=lambda entity: (
            parts.agreements.is_party(entity, node.clock.now())
            or parts.outbound.directory.cached(entity, now=node.clock.now()) is not None
        ),
    )


def _away(directory: TrustResolver, entity: EntityId, now: datetime) -> str | None:
    resolution = directory.cached(entity, now=now)
    return None if resolution is None else away_now(resolution.entity.node, now)


def _duty_roles(settings: NodeSettings) -> dict[ServiceSlug, frozenset[RoleCode]]:
    return {
        ServiceSlug(each.slug): frozenset(map(RoleCode, each.duty_roles))
        for each in settings.services
        if each.duty_roles
    }


def _queued_side(parts: CaseParts) -> QueuedSide:
    node = parts.node
    return QueuedSide(
        submitter=parts.delivery.submitter,
        sent_messages=SentMessages(store=node.store, vault=node.vault, away=partial(_away, parts.outbound.directory)),
        inbox=ServiceInbox(inbox=parts.inbox, duty_roles=_duty_roles(node.settings)),
        consents=parts.delivery.consents.cases.resolve,
        sharing=_decisions(node),
    )


def _plays(parts: CaseParts, side: QueuedSide) -> Plays:
    node = parts.node
    return Plays(
        own=node.own,
        plays={play.id: play for play in load_plays(node.settings.base_dir / node.settings.plays.directory)},
        kinds=STEP_KINDS,
        hosted=frozenset(ServiceSlug(each.slug) for each in node.settings.services),
        agreements=parts.agreements,
        submitter=side.submitter,
        sent_messages=side.sent_messages,
        consents=side.consents,
        vault=node.vault,
    )


def _query_crashed(error: BaseException) -> None:
    events.RequestObserver().record_error(error, face="case", request_id="a-line-of-a-lookup")
