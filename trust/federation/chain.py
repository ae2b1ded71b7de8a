"""Decide whether one of our anchors vouches for an entity, and say what it then is.

A chain is, in order: the subject's entity configuration, the anchor's subordinate statement about it, the anchor's own
entity configuration (OpenID Federation 1.0 section 4). It is verified from the trusted end, so that nothing unknown is
worked on before something known vouches for it (section 10.2):

1. there are three statements, of 128 kB together at most;
2. the last is a pinned anchor's, and signed with a key that was pinned for it out of band;
3. the middle one is signed by that anchor, and is about somebody else;
4. the first is that somebody's own, signed with a key that the anchor's statement names, and hints at the anchor;
5. the superior's metadata goes over the subject's, for entity types that the subject declares (section 6.1.4.1);
   a `metadata_policy` refuses the chain as long as it is not supported, and so do constraints that we do not know;
6. what the metadata says can be read, with every endpoint at the entity's own host;
7. no key serves two purposes;
8. the chain is good until the first of its statements expires.

Not checked here: whether a newer statement was already seen (`refuse_rollback` does, given what the store remembers),
how old the statements are (`refreshed_at`), and suspensions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trust.errors import ChainRefused, KeyPurposeMismatch, NoChain, RolledBack, TooLarge
from trust.federation.constraints import check_constraints
from trust.federation.entity_statement import (
    EntityConfiguration,
    SubordinateStatement,
    parse_entity_configuration,
    parse_subordinate_statement,
)
from trust.federation.node_metadata import ENTITY_TYPE, NodeMetadata, parse_node_metadata
from trust.federation.party_metadata import (
    AUTHORIZATION_SERVER,
    CLIENT,
    AuthorizationServer,
    parse_authorization_server,
    parse_client,
)
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse
from trust.strict_json import JsonObject

MAX_CHAIN_BYTES = 131072
_STATEMENTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedEntity:
    """An entity that an anchor vouches for, until `expires_at`.

    `metadata` is what resolving left, by entity type; `node`, `oauth_client_keys` and `authorization_server` are its
    typed parts, None where the entity has no such part. `federation_keys` are those that the superior vouches for.
    `refreshed_at` is when the oldest superior statement was made: how fresh the trust is.
    """

    entity_id: EntityId
    anchor: EntityId
    federation_keys: KeySet
    metadata: Mapping[str, JsonObject] = field(repr=False)
    node: NodeMetadata | None
    oauth_client_keys: KeySet | None
    authorization_server: AuthorizationServer | None
    refreshed_at: datetime
    expires_at: datetime


def verify_chain(statements: Sequence[bytes], *, anchors: Mapping[EntityId, KeySet], now: datetime) -> TrustedEntity:
    """Verify a chain by the module's numbered plan; raise nothing but TrustError."""
    if len(statements) != _STATEMENTS:  # 1
        raise NoChain("A chain must be three statements: the entity's, its anchor's about it, and the anchor's own.")
    if sum(map(len, statements)) > MAX_CHAIN_BYTES:
        raise TooLarge(f"The chain has more than {MAX_CHAIN_BYTES} bytes.")
    own, about, top = statements
    anchor = verify_anchor(top, anchors=anchors, now=now)  # 2
    vouched = parse_subordinate_statement(about, superior_keys=anchor.keys, now=now)  # 3
    if vouched.issuer != anchor.entity_id:
        raise ChainRefused("The subordinate statement is not by the anchor at the end of the chain.")
    subject = parse_entity_configuration(own, now=now)  # 4
    _check_link(subject, vouched)
    metadata = _resolve(subject, vouched)  # 5
    return _typed(subject, vouched, anchor, metadata)  # 6 to 8


def verify_anchor(raw: bytes, *, anchors: Mapping[EntityId, KeySet], now: datetime) -> EntityConfiguration:
    """Open the entity configuration of one of our own anchors; raise NoChain when it is not one's, with a pinned key.

    Key ids are thumbprints, so the key that signed it is pinned exactly when its id is.
    """
    anchor = parse_entity_configuration(raw, now=now)
    pinned = anchors.get(anchor.entity_id)
    if pinned is None:
        raise NoChain(f"{anchor.entity_id} is not one of this node's trust anchors.")
    if anchor.signed_with not in pinned.require_use(KeyUse.FEDERATION).kids:
        raise NoChain(
            f"{anchor.entity_id} signed with a key that is not pinned here; compare its fingerprint with the anchor's "
            "administrators by another channel before pinning it."
        )
    return anchor


def refuse_rollback(trusted: TrustedEntity, *, newest_seen: datetime | None) -> None:
    """Refuse (RolledBack) a chain whose superior statement is older than one already accepted for the entity (A28).

    `newest_seen` is the highest `refreshed_at` accepted so far, from the store; None for an entity not met before.
    """
    if newest_seen is not None and trusted.refreshed_at < newest_seen:
        raise RolledBack(
            f"The statement about {trusted.entity_id} is older than one already accepted; somebody may be replaying it."
        )


def _check_link(subject: EntityConfiguration, vouched: SubordinateStatement) -> None:
    if subject.entity_id != vouched.subject:
        raise ChainRefused("The subordinate statement is not about the entity at the start of the chain.")
    if subject.signed_with not in vouched.keys.kids:
        raise ChainRefused(
            "The entity configuration is signed with a key that the superior does not vouch for; "
            "a rotated key must be given to the superior before it is used."
        )
    if vouched.issuer not in subject.authority_hints:
        raise ChainRefused("The entity configuration's 'authority_hints' do not name the superior that vouches for it.")


def _resolve(subject: EntityConfiguration, vouched: SubordinateStatement) -> dict[str, JsonObject]:
    if vouched.metadata_policy is not None:
        raise ChainRefused("The superior sets a 'metadata_policy', which this version does not support yet.")
    if vouched.constraints is not None:
        check_constraints(vouched.constraints, intermediates=0)
    return {
        entity_type: {**stated, **vouched.metadata.get(entity_type, {})}
        for entity_type, stated in subject.metadata.items()
    }


def _typed(
    subject: EntityConfiguration,
    vouched: SubordinateStatement,
    anchor: EntityConfiguration,
    metadata: dict[str, JsonObject],
) -> TrustedEntity:
    entity = subject.entity_id
    node = metadata.get(ENTITY_TYPE)
    client = metadata.get(CLIENT)
    server = metadata.get(AUTHORIZATION_SERVER)
    trusted = TrustedEntity(
        entity_id=entity,
        anchor=anchor.entity_id,
        federation_keys=vouched.keys,
        metadata=metadata,
        node=None if node is None else parse_node_metadata(node, entity=entity),
        oauth_client_keys=None if client is None else parse_client(client),
        authorization_server=None if server is None else parse_authorization_server(server, entity=entity),
        refreshed_at=vouched.issued_at,
        expires_at=min(subject.expires_at, vouched.expires_at, anchor.expires_at),
    )
    _check_key_purposes(trusted, subject.keys)
    return trusted


def _check_key_purposes(trusted: TrustedEntity, declared: KeySet) -> None:
    purposes = {KeyUse.FEDERATION: trusted.federation_keys.kids | declared.kids}
    if trusted.node is not None:
        purposes[KeyUse.MESSAGE] = trusted.node.message_keys.kids
        purposes[KeyUse.EVIDENCE] = frozenset({trusted.node.evidence_key.kid})
        if trusted.node.encryption_keys is not None:
            purposes[KeyUse.ENCRYPTION] = trusted.node.encryption_keys.kids
    purposes[KeyUse.OAUTH] = frozenset()
    if trusted.oauth_client_keys is not None:
        purposes[KeyUse.OAUTH] |= trusted.oauth_client_keys.kids
    if trusted.authorization_server is not None:
        purposes[KeyUse.OAUTH] |= trusted.authorization_server.keys.kids
    seen: dict[str, KeyUse] = {}
    for use, kids in purposes.items():
        for kid in kids:
            if kid in seen:
                raise KeyPurposeMismatch(
                    f"{trusted.entity_id} uses one key both for {seen[kid]} and for {use}; each needs its own."
                )
            seen[kid] = use
