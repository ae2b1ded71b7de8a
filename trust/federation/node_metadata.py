"""Read and write what a node publishes under our own entity type, `information_exchange_node` (WIRE.md section 1).

The kind of a service decides which of a person's identifiers it may be given, so it is not the node's alone to say: a
superior states in `service_kinds` what each service was admitted as, and a service that says otherwise is not offered;
nor is one of a kind that an authority further above does not let the superior vouch for (constraints).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from trust import claims
from trust.errors import MalformedClaims
from trust.federation.maintenance import Maintenance, maintenance_to_json, parse_maintenance
from trust.federation.opening_hours import (
    Fallback,
    OpeningHours,
    OutOfHours,
    ServiceArea,
    area_to_json,
    opening_hours_to_json,
    out_of_hours_to_json,
    parse_area,
    parse_fallback,
    parse_opening_hours,
    parse_out_of_hours,
)
from trust.identifiers import EntityId, KindName, ServiceSlug, parse_code, parse_endpoint, parse_slug
from trust.keys import KeySet, KeyUse, PublicKey, parse_key
from trust.strict_json import JsonObject

ENTITY_TYPE = "information_exchange_node"
MAX_SERVICES = 64
MAX_KINDS = 64
MAX_VERSIONS = 8
MAX_VERSION = 1000
MAX_NAME = 200
MAX_PHONE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEntry:
    """One service of a node: its slug, its name for people, the kind of service, and its duty line if it has one.

    One that `asks_only` has no case system: its node asks for it, and no service asks it. A service that publishes no
    `hours` does not say when it is open.
    """

    slug: ServiceSlug
    name: str
    kind: str
    duty_phone: str | None = None
    asks_only: bool = False
    area: ServiceArea | None = None
    hours: OpeningHours | None = None
    out_of_hours: OutOfHours | None = None
    fallback: Fallback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeMetadata:
    """What a peer must know of a node to exchange messages with it.

    `message_keys` may hold retired keys, each with its `retired_at`. `encryption_keys` is None where the node takes no
    encrypted messages. `evidence_key` verifies its checkpoints. `kinds_supported` maps a kind to its versions. A node
    without a `batch_endpoint` takes one message at a time. `maintenance` is what it announced last, which may be over.
    """

    name: str
    message_keys: KeySet
    evidence_key: PublicKey
    message_endpoint: str
    receipt_endpoint: str
    services: tuple[ServiceEntry, ...]
    kinds_supported: Mapping[KindName, tuple[int, ...]]
    encryption_keys: KeySet | None = field(default=None)
    maintenance: Maintenance | None = None
    batch_endpoint: str | None = None


def parse_node_metadata(metadata: JsonObject, *, entity: EntityId, as_stated: bool = False) -> NodeMetadata:
    """Read the metadata of one node; its endpoints must be at the entity's own host (A40). Raise MalformedClaims.

    Services that are not of the kind that a superior stated, or that it did not state at all, are left out, unless
    `as_stated`: an enrolment request, which no superior has judged yet.
    """
    services = _parse_services(metadata)
    kinds = claims.optional_object(metadata, "service_kinds")
    encryption = claims.optional_object(metadata, "encryption_jwks")
    maintenance = claims.optional_object(metadata, "maintenance")
    batches = claims.optional_str(metadata, "batch_endpoint")
    return NodeMetadata(
        name=claims.require_str(metadata, "organization_name", max_len=MAX_NAME),
        message_keys=KeySet.from_jwks(claims.require_object(metadata, "message_jwks"), KeyUse.MESSAGE),
        encryption_keys=None if encryption is None else KeySet.from_jwks(encryption, KeyUse.ENCRYPTION),
        evidence_key=parse_key(claims.require_object(metadata, "evidence_key"), KeyUse.EVIDENCE),
        message_endpoint=parse_endpoint(claims.require_str(metadata, "message_endpoint"), entity=entity),
        receipt_endpoint=parse_endpoint(claims.require_str(metadata, "receipt_endpoint"), entity=entity),
        batch_endpoint=None if batches is None else parse_endpoint(batches, entity=entity),
        services=services if as_stated else _admitted(services, kinds),
        kinds_supported=_parse_kinds(metadata),
        maintenance=None if maintenance is None else parse_maintenance(maintenance),
    )


def build_node_metadata(node: NodeMetadata) -> JsonObject:
    """Write the metadata of one node as it stands in its entity configuration."""
    metadata: JsonObject = {
        "organization_name": node.name,
        "message_jwks": node.message_keys.to_jwks(),
        "evidence_key": dict(node.evidence_key.jwk),
        "message_endpoint": node.message_endpoint,
        "receipt_endpoint": node.receipt_endpoint,
        "services": [_service_to_json(service) for service in node.services],
        "kinds_supported": {kind: list(versions) for kind, versions in node.kinds_supported.items()},
    }
    if node.encryption_keys is not None:
        metadata["encryption_jwks"] = node.encryption_keys.to_jwks()
    if node.maintenance is not None:
        metadata["maintenance"] = maintenance_to_json(node.maintenance)
    if node.batch_endpoint is not None:
        metadata["batch_endpoint"] = node.batch_endpoint
    return metadata


def state_service_kinds(admitted: Mapping[str, JsonObject]) -> dict[str, JsonObject]:
    """Return the metadata that a superior states of a member: the kinds of service that it showed when it was admitted.

    `admitted` and the result are by entity type. A member that showed no node, such as an intermediate, gets none: a
    service without a vouched kind is not offered.
    """
    node = admitted.get(ENTITY_TYPE)
    if node is None:
        return {}
    return {ENTITY_TYPE: {"service_kinds": {service.slug: service.kind for service in _parse_services(node)}}}


def without_kinds(metadata: JsonObject) -> JsonObject:
    """Return the metadata that a node states of itself without `service_kinds`, which only a superior may state."""
    return {name: value for name, value in metadata.items() if name != "service_kinds"}


def leave_kinds(metadata: JsonObject, kinds: Collection[str]) -> JsonObject:
    """Return a node's metadata with no service vouched for that is not of one of these kinds."""
    services = _admitted(_parse_services(metadata), claims.optional_object(metadata, "service_kinds"))
    service_kinds = {service.slug: service.kind for service in services if service.kind in kinds}
    return {**metadata, "service_kinds": service_kinds}


def services_left_out(metadata: Mapping[str, JsonObject]) -> tuple[ServiceSlug, ...]:
    """Return the services of resolved metadata, by entity type, that no superior vouches for as they are."""
    node = metadata.get(ENTITY_TYPE)
    if node is None:
        return ()
    services = _parse_services(node)
    admitted = _admitted(services, claims.optional_object(node, "service_kinds"))
    return tuple(service.slug for service in services if service not in admitted)


def _admitted(services: tuple[ServiceEntry, ...], kinds: JsonObject | None) -> tuple[ServiceEntry, ...]:
    return tuple(service for service in services if kinds is not None and kinds.get(service.slug) == service.kind)


def _parse_services(metadata: JsonObject) -> tuple[ServiceEntry, ...]:
    services = tuple(
        _parse_service(item) for item in claims.require_list(metadata, "services", min_items=1, max_items=MAX_SERVICES)
    )
    if len({service.slug for service in services}) != len(services):
        raise MalformedClaims("'services' must not name a service twice.")
    return services


def _parse_service(item: object) -> ServiceEntry:
    if type(item) is not dict:
        raise MalformedClaims("Each of 'services' must be an object.")
    area = claims.optional_object(item, "area")
    hours = claims.optional_object(item, "hours")
    out_of_hours = claims.optional_object(item, "out_of_hours")
    fallback = claims.optional_object(item, "fallback")
    return ServiceEntry(
        slug=parse_slug(claims.require_str(item, "slug")),
        name=claims.require_str(item, "name", max_len=MAX_NAME),
        kind=parse_code(claims.require_str(item, "kind")),
        duty_phone=claims.optional_str(item, "duty_phone", max_len=MAX_PHONE),
        asks_only=_parse_asks_only(item),
        area=None if area is None else parse_area(area),
        hours=None if hours is None else parse_opening_hours(hours),
        out_of_hours=None if out_of_hours is None else parse_out_of_hours(out_of_hours),
        fallback=None if fallback is None else parse_fallback(fallback),
    )


def _parse_asks_only(item: JsonObject) -> bool:
    asks_only = item.get("asks_only", False)
    if type(asks_only) is not bool:
        raise MalformedClaims("'asks_only' of a service must be true or false.")
    return asks_only


def _service_to_json(service: ServiceEntry) -> JsonObject:
    entry: JsonObject = {"slug": service.slug, "name": service.name, "kind": service.kind}
    if service.duty_phone is not None:
        entry["duty_phone"] = service.duty_phone
    if service.asks_only:
        entry["asks_only"] = True
    if service.area is not None:
        entry["area"] = area_to_json(service.area)
    if service.hours is not None:
        entry["hours"] = opening_hours_to_json(service.hours)
    if service.out_of_hours is not None:
        entry["out_of_hours"] = out_of_hours_to_json(service.out_of_hours)
    if service.fallback is not None:
        entry["fallback"] = {"name": service.fallback.name, "phone": service.fallback.phone}
    return entry


def _parse_kinds(metadata: JsonObject) -> dict[KindName, tuple[int, ...]]:
    kinds = claims.require_object(metadata, "kinds_supported")
    if len(kinds) > MAX_KINDS:
        raise MalformedClaims(f"'kinds_supported' must not have more than {MAX_KINDS} kinds.")
    return {KindName(parse_code(kind)): _parse_versions(kind, listed) for kind, listed in kinds.items()}


def _parse_versions(kind: str, listed: object) -> tuple[int, ...]:
    versions = claims.require_list({kind: listed}, kind, min_items=1, max_items=MAX_VERSIONS)
    if any(type(version) is not int or not 1 <= version <= MAX_VERSION for version in versions):
        raise MalformedClaims(f"'kinds_supported' must list whole numbers from 1 to {MAX_VERSION} for each kind.")
    return tuple(sorted(set(versions)))
