"""From settings to the parts that a node is put together from."""

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from adapters.contract import Adapter, AdapterContext, HttpCaller, SourceMisconfigured
from adapters.loading import add_receiver, build_adapter
from config.calendar import CalendarSettings
from config.loading import ConfigError
from config.settings import AnchorSettings, NodeSettings, ProxySettings, Service
from config.sign_in import PositionRow, ProviderSettings, SecondFactorValues
from gateway.exchange.services import HostedService, ServiceRegistry, local_policy
from gateway.federation.entity_configuration import NodeProfile
from gateway.keys.files import KeyFilesRefused, read_private
from gateway.oauth.exchange import SignInProvider
from gateway.oauth.sign_in_keys import FetchedKeys, PinnedKeys, SignInKeys
from gateway.peers.case_system_client import CaseSystemCaller
from gateway.peers.exemptions import host_addresses, private_networks, proxy_address
from gateway.peers.transport import HttpTransport, client_tls
from gateway.peers.tunnel import MAX_CREDENTIALS, Proxy, basic_authorization
from gateway.ports import Clock, Transport
from gateway.runtime.machine_clock import SystemClock
from gateway.sharing.decisions import DecidingService
from trust import strict_json
from trust.agreements.legal_entry import UkNation
from trust.exchange.kind import Kinds, supported
from trust.exchange.kinds import KINDS
from trust.federation.anchor_keys import Pin, parse_pin
from trust.federation.node_metadata import ServiceEntry
from trust.federation.opening_hours import Nation, ServiceArea
from trust.identifiers import EntityId, ServiceRef, ServiceSlug
from trust.keys import Alg
from trust.oauth import provider_keys
from trust.oauth.access_token import Position
from trust.oauth.id_token import ClaimNames, Expected, SecondFactor

_NATIONS = {
    Nation.ENGLAND_AND_WALES: frozenset({UkNation.ENGLAND, UkNation.WALES}),
    Nation.SCOTLAND: frozenset({UkNation.SCOTLAND}),
    Nation.NORTHERN_IRELAND: frozenset({UkNation.NORTHERN_IRELAND}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalPorts:
    """What a node reaches the world with; ``sign_in`` leads to the agency's own sign-in services."""

    clock: Clock
    transport: Transport
    case_systems: HttpCaller
    sign_in: Transport


def production_ports(settings: NodeSettings) -> ExternalPorts:
    """Return what a running node uses: the system's clock, and guarded HTTP to peers and to case systems.

    Raises as :func:`peer_transport` does.
    """
    systems = settings.case_systems
    return ExternalPorts(
        clock=SystemClock(),
        transport=peer_transport(settings),
        case_systems=CaseSystemCaller(
            tls=pinned_tls(settings.base_dir, systems.ca),
            names=frozenset(systems.names),
            hosts=host_addresses(settings.hosts),
        ),
        sign_in=_transport(settings, settings.identity.ca),
    )


def peer_transport(settings: NodeSettings | AnchorSettings) -> HttpTransport:
    """Return guarded HTTP to other nodes and authorities, with the exceptions that the configuration makes.

    Raises :class:`gateway.peers.ssrf.AddressRefused` for an exception that nothing may have, and
    :class:`KeyFilesRefused` for credentials that cannot be used, and ``ConfigError`` for such a CA file.
    """
    return _transport(settings, settings.trust.ca)


def _transport(settings: NodeSettings | AnchorSettings, ca: Path | None) -> HttpTransport:
    return HttpTransport(
        tls=pinned_tls(settings.base_dir, ca),
        hosts=host_addresses(settings.hosts),
        networks=private_networks(settings.networks),
        proxy=None if settings.proxy is None else _proxy(settings.base_dir, settings.proxy),
    )


def pinned_tls(base_dir: Path, ca: Path | None) -> ssl.SSLContext:
    """Return TLS towards HTTP servers whose CA is the file ``ca``, or the system's. Raises ``ConfigError``."""
    if ca is None:
        return client_tls(None)
    try:
        return client_tls(base_dir / ca)
    except (OSError, ssl.SSLError) as failed:
        raise ConfigError(
            "The configuration", [f"{base_dir / ca} must be a readable file of PEM certificates"]
        ) from failed


def _proxy(base_dir: Path, proxy: ProxySettings) -> Proxy:
    place = proxy_address(proxy)
    if proxy.credentials is None:
        return Proxy(place=place)
    path = base_dir / proxy.credentials
    try:
        authorization = basic_authorization(read_private(path, most=MAX_CREDENTIALS + 2).decode("utf-8").rstrip("\r\n"))
    except ValueError as malformed:
        raise KeyFilesRefused([f"{path} must hold one line of plain characters, user:password"]) from malformed
    return Proxy(place=place, authorization=authorization)


def pinned_anchors(settings: NodeSettings | AnchorSettings) -> dict[EntityId, Pin]:
    """Read the anchors' pins. Raises ``TrustError`` for a file that is neither a pin nor a set of federation keys."""
    return {
        EntityId(anchor.entity_id): parse_pin(
            (settings.base_dir / anchor.jwks).read_bytes(), EntityId(anchor.entity_id)
        )
        for anchor in settings.trust.anchors
    }


def sign_in_providers(settings: NodeSettings, transport: Transport) -> tuple[SignInProvider, ...]:
    """Return the agency's sign-in services. Raises ``TrustError`` for a file of keys that holds none to use."""
    return tuple(_provider(each, settings.base_dir, transport) for each in settings.identity.providers)


def _provider(settings: ProviderSettings, base_dir: Path, transport: Transport) -> SignInProvider:
    algorithm = Alg(settings.algorithm)
    keys: SignInKeys
    if settings.jwks is not None:
        pinned = strict_json.loads((base_dir / settings.jwks).read_bytes(), max_bytes=provider_keys.MAX_BYTES)
        keys = PinnedKeys(pinned=provider_keys.parse(pinned, algorithm))
    else:
        keys = FetchedKeys(transport=transport, url=str(settings.jwks_uri), algorithm=algorithm)
    return SignInProvider(
        expected=Expected(
            issuer=settings.issuer,
            algorithm=algorithm,
            clients=frozenset(settings.clients),
            resource=settings.resource,
            names=ClaimNames(person=settings.person_claim, role=settings.role_claim, unit=settings.unit_claim),
            second_factor=_second_factor(settings.second_factor),
            max_auth_age=timedelta(seconds=settings.max_auth_age_s),
        ),
        clients=settings.clients,
        positions=_positions(settings.positions),
        exchanges=settings.exchanges_per_token,
        keys=keys,
    )


def _positions(rows: Iterable[PositionRow]) -> Mapping[tuple[str, str], tuple[Position, ...]]:
    by_values: dict[tuple[str, str], list[Position]] = {}
    for row in rows:
        position = Position(service=row.service, role=row.role, org_unit=row.unit)
        by_values.setdefault((row.role_value, row.unit_value), []).append(position)
    return {values: tuple(positions) for values, positions in by_values.items()}


def _second_factor(settings: SecondFactorValues) -> SecondFactor:
    values_by_claim = {"amr": settings.amr, "acr": settings.acr, **settings.claims}
    return SecondFactor(
        values={claim: frozenset(values) for claim, values in values_by_claim.items() if values},
        declared=settings.declared is not None,
    )


def profile(settings: NodeSettings, kinds: Kinds = KINDS) -> NodeProfile:
    """Return what the node publishes of itself."""
    return NodeProfile(
        entity_id=EntityId(settings.node.entity_id),
        name=settings.node.name,
        superiors=tuple(EntityId(superior) for superior in settings.node.superiors)
        or tuple(EntityId(anchor.entity_id) for anchor in settings.trust.anchors),
        services=tuple(_entry(each, settings.calendar) for each in settings.services),
        kinds=supported(kinds),
    )


def _entry(service: Service, calendar: CalendarSettings) -> ServiceEntry:
    return ServiceEntry(
        slug=ServiceSlug(service.slug),
        name=service.name,
        kind=service.kind,
        duty_phone=service.duty_phone,
        asks_only=service.adapter is None,
        area=None if service.area is None else ServiceArea(name=service.area, nation=calendar.nation),
        hours=None if service.hours is None else service.hours.opening_hours(calendar.closed_days),
        out_of_hours=None if service.out_of_hours is None else service.out_of_hours.out_of_hours(),
        fallback=None if service.on_call is None else service.on_call.fallback(),
    )


def deciding_services(settings: NodeSettings) -> dict[str, DecidingService]:
    """Return the services as the law of a decision to share sees them: by kind, and the nations of their calendar."""
    nations = _NATIONS[settings.calendar.nation]
    return {each.slug: DecidingService(kind=each.kind, nations=nations) for each in settings.services}


def build_services(settings: NodeSettings, http: HttpCaller) -> ServiceRegistry:
    """Build every service. Raises :class:`SourceMisconfigured` with every mistake of every service's adapter."""
    services: dict[ServiceSlug, HostedService] = {}
    faults: list[str] = []
    for service in settings.services:
        try:
            services[ServiceSlug(service.slug)] = build_service(service, settings, http)
        except SourceMisconfigured as refused:
            faults += [f"{service.slug}: {fault}" for fault in refused.faults or (refused.detail,)]
    if faults:
        raise SourceMisconfigured("The adapters' settings cannot work: " + "; ".join(faults) + ".", faults)
    return services


def _build_adapter(service: Service, context: AdapterContext) -> Adapter:
    """Build the adapter that answers questions, with the receiver of messages. Raises :class:`SourceMisconfigured`."""
    described, receiver = service.adapter, service.receiver
    adapter = build_adapter(described.type, described.settings, context) if described else Adapter(name="none")
    if described is not None and adapter.involvement is None and adapter.eligibility is None:
        raise SourceMisconfigured(f"The type {described.type!r} answers no questions: name it in [services.receiver].")
    if receiver is None:
        return adapter
    return add_receiver(adapter, receiver.type, receiver.settings, context)


def build_service(service: Service, settings: NodeSettings, http: HttpCaller) -> HostedService:
    """Build one service with its adapter. Raises :class:`SourceMisconfigured`."""
    context = AdapterContext(
        organisation=settings.node.name,
        service=service.slug,
        service_kind=service.kind,
        duty_phone=service.duty_phone,
        base_dir=str(settings.base_dir),
        http=http,
    )
    described = service.adapter
    return HostedService(
        ref=ServiceRef(entity=EntityId(settings.node.entity_id), service=ServiceSlug(service.slug)),
        name=service.name,
        kind=service.kind,
        duty_phone=service.duty_phone,
        adapter=_build_adapter(service, context),
        answer_after_s=service.answer_after_s,
        institutions=frozenset(described.institutions if described else ()),
        policy=local_policy(service),
    )
