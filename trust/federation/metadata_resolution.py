"""Work out what an entity's metadata is once all its superiors have had their say.

The statements are verified already (chain). In this order (OpenID Federation 1.0 sections 6.1.4.2 and 6.2.3):

1. the direct superior's `metadata` goes over the subject's, for entity types that the subject declares;
2. every superior's constraints are kept, each by itself (section 6.2);
3. every superior's policy is merged into one, from the most superior down, and applied (section 6.1.4);
4. what is left can be read, with every endpoint at the entity's own host (A40);
5. no key serves two purposes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trust.errors import ChainRefused, KeyPurposeMismatch
from trust.federation.constraints import check_constraints
from trust.federation.entity_statement import EntityConfiguration, SubordinateStatement
from trust.federation.node_metadata import ENTITY_TYPE, NodeMetadata, parse_node_metadata
from trust.federation.party_metadata import (
    AUTHORIZATION_SERVER,
    CLIENT,
    FEDERATION_ENTITY,
    AuthorizationServer,
    FederationEntity,
    parse_authorization_server,
    parse_client,
    parse_federation_entity,
)
from trust.federation.placing import PROFILE, placed, section
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse
from trust.strict_json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedMetadata:
    """Resolved metadata by entity type, and its typed parts, each None where the entity has no such part."""

    metadata: Mapping[str, JsonObject] = field(repr=False)
    node: NodeMetadata | None
    oauth_client_keys: KeySet | None
    authorization_server: AuthorizationServer | None
    federation_entity: FederationEntity | None


def resolve_metadata(subject: EntityConfiguration, superiors: Sequence[SubordinateStatement]) -> ResolvedMetadata:
    """Resolve by the module's numbered plan; `superiors` are the statements from the direct superior's up.

    Raise nothing but TrustError, which names the statement and the rule.
    """
    metadata = _overridden(subject, superiors[0])  # 1
    for number, vouched in enumerate(superiors):  # 2
        if vouched.constraints is not None:
            with placed(vouched.name, section("6.2")):
                check_constraints(vouched.constraints, intermediates=number)
    for vouched in superiors:  # 3
        if vouched.metadata_policy is not None or vouched.metadata_policy_crit:
            raise ChainRefused("The superior sets a 'metadata_policy', which this version does not support yet.")
    with placed(subject.name, PROFILE):
        resolved = _typed(subject.entity_id, metadata)  # 4
        _check_key_purposes(subject, superiors[0].keys, resolved)  # 5
    return resolved


def _overridden(subject: EntityConfiguration, vouched: SubordinateStatement) -> dict[str, JsonObject]:
    return {
        entity_type: {**stated, **vouched.metadata.get(entity_type, {})}
        for entity_type, stated in subject.metadata.items()
    }


def _typed(entity: EntityId, metadata: dict[str, JsonObject]) -> ResolvedMetadata:
    node = metadata.get(ENTITY_TYPE)
    client = metadata.get(CLIENT)
    server = metadata.get(AUTHORIZATION_SERVER)
    member = metadata.get(FEDERATION_ENTITY)
    return ResolvedMetadata(
        metadata=metadata,
        node=None if node is None else parse_node_metadata(node, entity=entity),
        oauth_client_keys=None if client is None else parse_client(client),
        authorization_server=None if server is None else parse_authorization_server(server, entity=entity),
        federation_entity=None if member is None else parse_federation_entity(member, entity=entity),
    )


def _check_key_purposes(subject: EntityConfiguration, vouched: KeySet, resolved: ResolvedMetadata) -> None:
    purposes = {KeyUse.FEDERATION: vouched.kids | subject.keys.kids}
    if resolved.node is not None:
        purposes[KeyUse.MESSAGE] = resolved.node.message_keys.kids
        purposes[KeyUse.EVIDENCE] = frozenset({resolved.node.evidence_key.kid})
        if resolved.node.encryption_keys is not None:
            purposes[KeyUse.ENCRYPTION] = resolved.node.encryption_keys.kids
    purposes[KeyUse.OAUTH] = frozenset()
    if resolved.oauth_client_keys is not None:
        purposes[KeyUse.OAUTH] |= resolved.oauth_client_keys.kids
    if resolved.authorization_server is not None:
        purposes[KeyUse.OAUTH] |= resolved.authorization_server.keys.kids
    seen: dict[str, KeyUse] = {}
    for use, kids in purposes.items():
        for kid in kids:
            if kid in seen:
                raise KeyPurposeMismatch(
                    f"{subject.entity_id} uses one key both for {seen[kid]} and for {use}; each needs its own."
                )
            seen[kid] = use
