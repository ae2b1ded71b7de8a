"""The entity configuration of a node, signed again when it changes (OpenID Federation 1.0 section 9)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from gateway.federation.announcements import Announcements, no_announcements
from gateway.oauth.peer_server import RESOURCE_PATH
from gateway.oauth.server import TOKEN_PATH
from gateway.ports import KeyVault
from trust.federation import node_metadata, party_metadata
from trust.federation.entity_statement import MAX_LIFE, StatementDraft, build_entity_configuration
from trust.federation.maintenance import Maintenance
from trust.federation.node_metadata import NodeMetadata, ServiceEntry
from trust.federation.party_metadata import AuthorizationServer, FederationEntity
from trust.federation.trust_mark import StatedMark
from trust.identifiers import EntityId, KindName
from trust.keys import KeyUse

HISTORICAL_KEYS_PATH = "/federation/v1/historical-keys"
MESSAGES_PATH = RESOURCE_PATH + "/messages"
RECEIPTS_PATH = RESOURCE_PATH + "/receipts"
BATCHES_PATH = RESOURCE_PATH + "/batches"
RESIGNED_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProfile:
    """What a node's configuration says it is. ``superiors`` are the anchors it hopes to be vouched for by."""

    entity_id: EntityId
    name: str
    superiors: tuple[EntityId, ...]
    services: tuple[ServiceEntry, ...]
    kinds: Mapping[KindName, tuple[int, ...]]


class MarkSource(Protocol):
    """The trust marks that were issued to an entity."""

    def current(self, now: datetime) -> tuple[StatedMark, ...]:
        """Return the marks that its statement shows."""
        ...

    def edition(self) -> object:
        """Return a value that changes whenever the marks do."""
        ...


class _NoMarks:
    def current(self, now: datetime) -> tuple[StatedMark, ...]:  # noqa: ARG002 - the port's
        return ()

    def edition(self) -> object:
        return None


NO_MARKS: MarkSource = _NoMarks()
"""For an entity that shows none."""


class SignedConfiguration:
    """An entity's statement of itself, signed again every five minutes, and at once when its keys change.

    ``sign`` makes a statement; ``edition`` changes when the last one is out of date. Safe for several threads.
    """

    def __init__(self, sign: Callable[[datetime], bytes], *, edition: Callable[[], object]) -> None:
        self._sign = sign
        self._edition = edition
        self._cached: tuple[datetime, object, bytes] | None = None

    def __call__(self, now: datetime) -> bytes:
        """Return the current statement."""
        cached, edition = self._cached, self._edition()
        if cached is None or cached[1] != edition or not timedelta() <= now - cached[0] < RESIGNED_AFTER:
            cached = self._cached = (now, edition, self._sign(now))
        return cached[2]


def _no_maintenance() -> Maintenance | None:
    return None


def node_configuration(
    profile: NodeProfile,
    vault: KeyVault,
    marks: MarkSource = NO_MARKS,
    announced: Announcements = no_announcements,
    maintenance: Callable[[], Maintenance | None] = _no_maintenance,
) -> SignedConfiguration:
    """Return the statement of a node with its trust marks, signed with the federation key of its vault.

    ``announced`` are the changes of an only administrator, ``maintenance`` the one that is announced.
    """

    def sign(now: datetime) -> bytes:
        away = maintenance()
        if away is not None and away.ends <= now:
            away = None
        metadata = node_statement_metadata(profile, vault, away)
        metadata[party_metadata.FEDERATION_ENTITY] |= announced(now)
        draft = StatementDraft(
            subject=profile.entity_id,
            keys=vault.published(KeyUse.FEDERATION),
            issued_at=now,
            expires_at=now + MAX_LIFE,
            metadata=metadata,
            trust_marks=marks.current(now),
        )
        return build_entity_configuration(draft, vault.signer(KeyUse.FEDERATION), authority_hints=profile.superiors)

    return SignedConfiguration(sign, edition=lambda: (vault.edition(), marks.edition()))


def node_statement_metadata(
    profile: NodeProfile, vault: KeyVault, maintenance: Maintenance | None = None
) -> dict[str, dict[str, object]]:
    """Return a node's metadata by entity type: federation entity, server, client, resource, and our own type."""
    entity = profile.entity_id
    oauth = vault.published(KeyUse.OAUTH)
    server = AuthorizationServer(issuer=entity, token_endpoint=entity + TOKEN_PATH, keys=oauth)
    node = NodeMetadata(
        name=profile.name,
        message_keys=vault.published(KeyUse.MESSAGE),
        encryption_keys=vault.published(KeyUse.ENCRYPTION),
        evidence_key=vault.signer(KeyUse.EVIDENCE).public,
        message_endpoint=entity + MESSAGES_PATH,
        receipt_endpoint=entity + RECEIPTS_PATH,
        batch_endpoint=entity + BATCHES_PATH,
        services=profile.services,
        kinds_supported=profile.kinds,
        maintenance=maintenance,
    )
    return {
        party_metadata.FEDERATION_ENTITY: {
            **party_metadata.build_federation_entity(FederationEntity(name=profile.name)),
            "federation_historical_keys_endpoint": entity + HISTORICAL_KEYS_PATH,
        },
        party_metadata.AUTHORIZATION_SERVER: party_metadata.build_authorization_server(server),
        party_metadata.CLIENT: party_metadata.build_client(oauth),
        party_metadata.RESOURCE: party_metadata.build_resource(entity),
        node_metadata.ENTITY_TYPE: node_metadata.build_node_metadata(node),
    }
