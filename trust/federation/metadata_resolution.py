"""Work out what an entity's metadata is once all its superiors have had their say.

The statements are verified already (chain). In this order (OpenID Federation 1.0 sections 6.1.4.2 and 6.2.3):

1. every superior's constraints are kept, each by itself (section 6.2);
2. every superior's policy is sound, and they merge into one, from the most superior down (section 6.1.4.1); none of
   them states a key of those below it, nor has a policy that could change one: keys are their owner's alone;
3. the direct superior's `metadata` goes over the subject's, for entity types that the subject declares (section 3.1.1);
4. entity types that some superior does not allow are taken away (section 6.2.3);
5. the merged policy is applied to what is left (section 6.1.4.2), and only then are services taken away whose kind some
   superior does not allow (constraints): no policy below it brings one back;
6. the result can be read, with every endpoint at the entity's own host (A40);
7. no key serves two purposes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trust.error_context import PROFILE, about_statement, section
from trust.errors import KeyPurposeMismatch, MetadataRefused, shown
from trust.federation import metadata_policy
from trust.federation.constraints import allowed_service_kinds, check_constraints, filter_entity_types
from trust.federation.entity_statement import EntityConfiguration, SubordinateStatement
from trust.federation.metadata_policy import Policy
from trust.federation.node_metadata import ENTITY_TYPE, NodeMetadata, leave_kinds, parse_node_metadata, without_kinds
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
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse
from trust.strict_json import JsonObject

_KEY_PARAMETERS = ("jwks", "jwks_uri", "_key", "_keys")
"""How the names of parameters end that hold keys, or say where keys are."""
_CHANGING = frozenset({metadata_policy.VALUE, metadata_policy.ADD, metadata_policy.DEFAULT, metadata_policy.SUBSET_OF})
"""The operators that may put something in the place of what an entity states; the others only check it."""


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
    for number, vouched in enumerate(superiors):  # 1
        if vouched.constraints is not None:
            below = [subordinate.subject for subordinate in superiors[: number + 1]]
            check_constraints(vouched.constraints, intermediates=number, below=below, statement=vouched.name)
    policies = _merged_policies(superiors)  # 2
    for vouched in superiors:
        _refuse_keys(vouched)
    metadata = _overridden(subject, superiors[0])  # 3
    for vouched in superiors:  # 4
        metadata = filter_entity_types(metadata, vouched.constraints or {})
    with about_statement(subject.name, section("6.1.4.2")):
        for entity_type in sorted(metadata.keys() & policies.keys()):  # 5
            metadata[entity_type] = _applied(entity_type, policies[entity_type], metadata[entity_type], superiors)
    with about_statement(subject.name, PROFILE):
        for vouched in superiors:
            kinds = allowed_service_kinds(vouched.constraints or {})
            if kinds is not None and ENTITY_TYPE in metadata:
                metadata[ENTITY_TYPE] = leave_kinds(metadata[ENTITY_TYPE], kinds)
        resolved = _typed(subject.entity_id, metadata)  # 6
        _check_key_purposes(subject, superiors[0].keys, resolved)  # 7
    return resolved


def _refuse_keys(vouched: SubordinateStatement) -> None:
    """Refuse a statement that reaches for keys other than the federation keys, which alone a superior vouches for."""
    stated = {name for each in vouched.metadata.values() for name in each if _names_keys(name)}
    policies = [policy.items() for policy in (vouched.metadata_policy or {}).values()]
    changed = {
        name for policy in policies for name, operators in policy if _names_keys(name) and _CHANGING & operators.keys()
    }
    if stated or changed:
        named = " and ".join(shown(name) for name in sorted(stated | changed))
        with about_statement(vouched.name, PROFILE):
            raise MetadataRefused(
                f"It sets {named} of {vouched.subject}, whose keys are its own to state. Tell its administrators and "
                f"those of {vouched.issuer}."
            )


def _names_keys(parameter: str) -> bool:
    return parameter.endswith(_KEY_PARAMETERS)


def _merged_policies(superiors: Sequence[SubordinateStatement]) -> dict[str, Policy]:
    for vouched in superiors:
        with about_statement(vouched.name, section("6.1.3.2")):
            metadata_policy.refuse_critical(vouched.metadata_policy_crit)
    merged: dict[str, Policy] = {}
    for vouched in reversed(superiors):
        with about_statement(vouched.name, section("6.1.4.1")):
            for entity_type, policy in metadata_policy.parse_metadata_policy(vouched.metadata_policy or {}).items():
                above = merged.get(entity_type)
                merged[entity_type] = policy if above is None else metadata_policy.merge(above, policy)
    return merged


def _applied(
    entity_type: str, policy: Policy, metadata: JsonObject, superiors: Sequence[SubordinateStatement]
) -> JsonObject:
    """Apply a policy, and let a refusal say whose it is."""
    try:
        return metadata_policy.apply(policy, metadata)
    except MetadataRefused as refused:
        of = [
            vouched.issuer
            for vouched in superiors
            if refused.operator in (vouched.metadata_policy or {}).get(entity_type, {}).get(refused.parameter, {})
        ]
        named = f"In its {shown(entity_type)}, {refused.detail} That is the policy of {' and '.join(of)}."
        again = MetadataRefused(named, parameter=refused.parameter, operator=refused.operator)
        again.rule = refused.rule
        raise again from refused


def _overridden(subject: EntityConfiguration, vouched: SubordinateStatement) -> dict[str, JsonObject]:
    own = dict(subject.metadata)
    if ENTITY_TYPE in own:
        own[ENTITY_TYPE] = without_kinds(own[ENTITY_TYPE])
    return {entity_type: {**stated, **vouched.metadata.get(entity_type, {})} for entity_type, stated in own.items()}


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
