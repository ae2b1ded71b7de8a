"""What an entity says of itself: ``/.well-known/openid-federation`` (OpenID Federation 1.0 section 9)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, request

from gateway.http.guards import open_to_all
from gateway.oauth.peer_server import RESOURCE_PATH, TOKEN_PATH
from gateway.ports import Clock, KeyVault
from trust.federation import node_metadata, party_metadata
from trust.federation.entity_statement import MAX_LIFE, StatementDraft, build_entity_configuration
from trust.federation.node_metadata import NodeMetadata, ServiceEntry
from trust.federation.party_metadata import AuthorizationServer, FederationEntity
from trust.identifiers import EntityId, KindName
from trust.keys import KeySet, KeyUse, PublicKey

CONFIGURATION_PATH = "/.well-known/openid-federation"
STATEMENT_TYPE = "application/entity-statement+jwt"
MESSAGES_PATH = RESOURCE_PATH + "/messages"
RECEIPTS_PATH = RESOURCE_PATH + "/receipts"
RESIGNED_AFTER = timedelta(minutes=5)
_CACHE_CONTROL = "public, max-age=60"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProfile:
    """What a node's configuration says it is. ``superiors`` are the anchors it hopes to be vouched for by."""

    entity_id: EntityId
    name: str
    superiors: tuple[EntityId, ...]
    services: tuple[ServiceEntry, ...]
    kinds: Mapping[KindName, tuple[int, ...]]


class SignedConfiguration:
    """An entity configuration, signed anew every few minutes. ``sign`` makes one; safe for several threads."""

    def __init__(self, sign: Callable[[datetime], bytes]) -> None:
        self._sign = sign
        self._held: tuple[datetime, bytes] | None = None

    def __call__(self, now: datetime) -> bytes:
        """Return the current statement."""
        held = self._held
        if held is None or not timedelta() <= now - held[0] < RESIGNED_AFTER:
            held = self._held = (now, self._sign(now))
        return held[1]


def node_configuration(profile: NodeProfile, vault: KeyVault, encryption: PublicKey | None) -> SignedConfiguration:
    """Return the statement of a node, signed with the federation key of its vault."""
    metadata = node_statement_metadata(profile, vault, encryption)
    federation = vault.signer(KeyUse.FEDERATION)

    def sign(now: datetime) -> bytes:
        draft = StatementDraft(
            subject=profile.entity_id,
            keys=KeySet.of(KeyUse.FEDERATION, [federation.public]),
            issued_at=now,
            expires_at=now + MAX_LIFE,
            metadata=metadata,
        )
        return build_entity_configuration(draft, federation, authority_hints=profile.superiors)

    return SignedConfiguration(sign)


def node_statement_metadata(
    profile: NodeProfile, vault: KeyVault, encryption: PublicKey | None
) -> dict[str, dict[str, object]]:
    """Return a node's metadata by entity type: federation entity, server, client, resource, and our own type."""
    entity = profile.entity_id
    oauth = KeySet.of(KeyUse.OAUTH, [vault.signer(KeyUse.OAUTH).public])
    server = AuthorizationServer(issuer=entity, token_endpoint=entity + TOKEN_PATH, keys=oauth)
    node = NodeMetadata(
        name=profile.name,
        message_keys=KeySet.of(KeyUse.MESSAGE, [vault.signer(KeyUse.MESSAGE).public]),
        encryption_keys=None if encryption is None else KeySet.of(KeyUse.ENCRYPTION, [encryption]),
        evidence_key=vault.signer(KeyUse.EVIDENCE).public,
        message_endpoint=entity + MESSAGES_PATH,
        receipt_endpoint=entity + RECEIPTS_PATH,
        services=profile.services,
        kinds_supported=profile.kinds,
    )
    return {
        party_metadata.FEDERATION_ENTITY: party_metadata.build_federation_entity(FederationEntity(name=profile.name)),
        party_metadata.AUTHORIZATION_SERVER: party_metadata.build_authorization_server(server),
        party_metadata.CLIENT: party_metadata.build_client(oauth),
        party_metadata.RESOURCE: party_metadata.build_resource(entity),
        node_metadata.ENTITY_TYPE: node_metadata.build_node_metadata(node),
    }


def federation_blueprint(configuration: SignedConfiguration, *, clock: Clock) -> Blueprint:
    """Return the well-known address of one entity."""
    blueprint = Blueprint("federation", __name__)

    @blueprint.get(CONFIGURATION_PATH)
    @open_to_all("discovery: public by its standard, and signed")
    def entity_configuration() -> Response:
        response = Response(configuration(clock.now()), content_type=STATEMENT_TYPE)
        response.headers["Cache-Control"] = _CACHE_CONTROL
        response.add_etag()
        response.make_conditional(request)
        return response

    return blueprint
