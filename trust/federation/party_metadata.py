"""Read and write the standard entity types that a member publishes: federation_entity, authorization server, client.

OpenID Federation 1.0 section 5.1; RFC 8414 section 2; RFC 7591 section 2. Keys must stand in the metadata itself: a
`jwks_uri` would be one more address to fetch from, and is not followed. Every endpoint must be at the entity's own
host (A40).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trust import claims
from trust.errors import WrongIssuer
from trust.identifiers import EntityId, parse_endpoint
from trust.keys import KeySet, KeyUse
from trust.strict_json import JsonObject

FEDERATION_ENTITY = "federation_entity"
AUTHORIZATION_SERVER = "oauth_authorization_server"
CLIENT = "oauth_client"
RESOURCE = "oauth_resource"
MAX_NAME = 200
_MAX_CHANGE = 64

FEDERATION_ENDPOINTS = (
    "federation_fetch_endpoint",
    "federation_list_endpoint",
    "federation_resolve_endpoint",
    "federation_trust_mark_status_endpoint",
    "federation_trust_mark_list_endpoint",
    "federation_trust_mark_endpoint",
    "federation_historical_keys_endpoint",
)
"""What an authority may serve (section 5.1.1)."""
ENROLMENT_ENDPOINT = "hearthgate_enrolment_endpoint"
"""Our own: where an authority takes in requests to be vouched for (exchange profile section 1)."""


ADMINISTRATORS = "hearthgate_administrators"
"""Our own: stated where one person administers an entity (exchange profile section 1)."""
ANNOUNCED = "hearthgate_announced_changes"
"""Our own: what that one person is about to change, or changed in an emergency."""
MAX_ANNOUNCED = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedChange:
    """A change at an entity with one administrator; ``act`` is the command's name. Nothing in it concerns a person."""

    id: str
    act: str
    announced_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationEntity:
    """What an entity says of itself as a member; a superior has a fetch endpoint, and perhaps an inbox.

    ``announced`` is None where more than one person administers it, else what that person is about to change.
    """

    name: str | None = None
    fetch_endpoint: str | None = None
    enrolment_endpoint: str | None = None
    announced: tuple[AnnouncedChange, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationServer:
    """Where a member's clients get tokens, and the keys that verify those tokens."""

    issuer: EntityId
    token_endpoint: str
    keys: KeySet


def parse_federation_entity(metadata: JsonObject, *, entity: EntityId) -> FederationEntity:
    """Read `federation_entity`; every endpoint in it must be at the entity's own host. Raise MalformedClaims."""
    endpoints = {
        name: parse_endpoint(claims.require_str(metadata, name), entity=entity)
        for name in (*FEDERATION_ENDPOINTS, ENROLMENT_ENDPOINT)
        if name in metadata
    }
    return FederationEntity(
        name=claims.optional_str(metadata, "organization_name", max_len=MAX_NAME),
        fetch_endpoint=endpoints.get("federation_fetch_endpoint"),
        enrolment_endpoint=endpoints.get(ENROLMENT_ENDPOINT),
        announced=_parse_announced(metadata),
    )


def _parse_announced(metadata: JsonObject) -> tuple[AnnouncedChange, ...] | None:
    if ADMINISTRATORS not in metadata or claims.require_int(metadata, ADMINISTRATORS, minimum=1) > 1:
        return None
    listed = claims.require_list(metadata, ANNOUNCED, max_items=MAX_ANNOUNCED) if ANNOUNCED in metadata else []
    return tuple(_parse_change(claims.require_object({ANNOUNCED: item}, ANNOUNCED)) for item in listed)


def _parse_change(change: JsonObject) -> AnnouncedChange:
    announced = claims.require_int(change, "announced_at", maximum=claims.LATEST_SECONDS)
    return AnnouncedChange(
        id=claims.require_str(change, "id", max_len=_MAX_CHANGE),
        act=claims.require_str(change, "act", max_len=_MAX_CHANGE),
        announced_at=claims.from_seconds(announced),
    )


def build_federation_entity(member: FederationEntity) -> JsonObject:
    """Write `federation_entity`."""
    metadata: JsonObject = {}
    if member.name is not None:
        metadata["organization_name"] = member.name
    if member.fetch_endpoint is not None:
        metadata["federation_fetch_endpoint"] = member.fetch_endpoint
    if member.enrolment_endpoint is not None:
        metadata[ENROLMENT_ENDPOINT] = member.enrolment_endpoint
    if member.announced is not None:
        metadata |= build_announced(member.announced)
    return metadata


def build_announced(changes: Sequence[AnnouncedChange]) -> JsonObject:
    """Write that one person administers an entity, and what that person is about to change."""
    listed = [
        {"id": each.id, "act": each.act, "announced_at": claims.to_seconds(each.announced_at)}
        for each in changes[:MAX_ANNOUNCED]
    ]
    return {ADMINISTRATORS: 1, ANNOUNCED: listed}


def parse_authorization_server(metadata: JsonObject, *, entity: EntityId) -> AuthorizationServer:
    """Read `oauth_authorization_server`; its issuer must be the entity itself. Raise MalformedClaims or WrongIssuer."""
    if metadata.get("issuer") != entity:
        raise WrongIssuer("An authorization server's 'issuer' must be its entity identifier.")
    return AuthorizationServer(
        issuer=entity,
        token_endpoint=parse_endpoint(claims.require_str(metadata, "token_endpoint"), entity=entity),
        keys=KeySet.from_jwks(claims.require_object(metadata, "jwks"), KeyUse.OAUTH),
    )


def build_authorization_server(server: AuthorizationServer) -> JsonObject:
    """Write `oauth_authorization_server` as FAPI 2.0 has it: client credentials, private_key_jwt, DPoP."""
    algorithms = ["ES256", "Ed25519", "PS256"]
    return {
        "issuer": server.issuer,
        "token_endpoint": server.token_endpoint,
        "jwks": server.keys.to_jwks(),
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": algorithms,
        "authorization_details_types_supported": ["information_exchange"],
        "client_registration_types_supported": ["automatic"],
    }


def parse_client(metadata: JsonObject) -> KeySet:
    """Read the keys of `oauth_client`, which verify its assertions; raise MalformedClaims."""
    return KeySet.from_jwks(claims.require_object(metadata, "jwks"), KeyUse.OAUTH)


def build_client(keys: KeySet) -> JsonObject:
    """Write `oauth_client`: automatic registration, private_key_jwt, DPoP-bound tokens."""
    return {
        "jwks": keys.require_use(KeyUse.OAUTH).to_jwks(),
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "dpop_bound_access_tokens": True,
        "client_registration_types": ["automatic"],
    }


def build_resource(resource: EntityId) -> JsonObject:
    """Write `oauth_resource` (RFC 9728 section 2): tokens for it come from its own server and are DPoP-bound."""
    return {
        "resource": resource,
        "authorization_servers": [resource],
        "dpop_bound_access_tokens_required": True,
    }
