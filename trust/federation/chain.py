"""Verify that one of our anchors vouches for an entity, and return its superiors and its metadata.

A chain is, in order: the subject's entity configuration; the subordinate statement about it by its direct superior; the
one about that superior by the next, and so on up to the anchor's; the anchor's own entity configuration, which may be
left out (OpenID Federation 1.0 section 4). It is verified from the trusted end, so that nothing unknown is worked on
before something known vouches for it (section 10.2):

1. there are two to seven statements, so four intermediates at most, of 128 kB together at most;
2. the last is a pinned anchor's entity configuration, signed with a key that was pinned for it out of band; where it is
   left out, the last is a statement by a pinned anchor, and only a pinned key may have signed it;
3. going down, each statement is signed with a key that the one above vouches for, and is by the entity that the one
   above is about;
4. no entity is in the chain twice: no loops;
5. the first is the entity configuration of the subject of the lowest statement, signed with a key that this
   statement names, and hints at that superior (section 3.2);
6. the metadata is resolved: the direct superior's, constraints, policy, and whether it can be read
   (metadata_resolution, which has its own plan);
7. the trust marks that it shows are verified under the anchor's rules (trust_mark); what does not count is dropped, and
   of those of one type by one issuer all but the newest, so that an older one does not outlive its revocation;
8. the chain is good until the first of its statements expires (section 10.4), and within the bounds that the anchor
   sets for going on without a refresh (freshness).

Each refusal names the statement and the rule. Not checked here: whether a newer statement was already seen
(`refuse_rollback` does, given what the store remembers), how old the statements are (`refreshed_at`), suspensions, and
whether a mark was revoked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trust import jose
from trust.error_context import BOUNDS, ROLLBACK, about_statement, section
from trust.errors import ChainRefused, NoChain, RolledBack, TooLarge, TrustError, shown
from trust.federation.entity_statement import (
    MAX_BYTES,
    TYP,
    EntityConfiguration,
    SubordinateStatement,
    parse_entity_configuration,
    parse_subordinate_statement,
)
from trust.federation.freshness import PROFILE_BOUNDS, SHORTEST_BOUNDS, Bounds, parse_bounds
from trust.federation.metadata_resolution import resolve_metadata
from trust.federation.node_metadata import NodeMetadata
from trust.federation.party_metadata import AuthorizationServer, FederationEntity
from trust.federation.trust_mark import TrustMark, verify_trust_mark
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse
from trust.strict_json import JsonObject

MAX_CHAIN_BYTES = 131072
MAX_INTERMEDIATES = 4
MAX_STATEMENTS = MAX_INTERMEDIATES + 3
MIN_STATEMENTS = 2

KeysOf = Callable[[EntityId], KeySet | None]
"""Give the federation keys that are trusted to be an entity's, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedEntity:
    """An entity that an anchor vouches for, until `expires_at`.

    `metadata` is what resolving left, by entity type; `node`, `oauth_client_keys`, `authorization_server` and
    `federation_entity` are its typed parts, None where the entity has no such part. `federation_keys` are those that
    the superior vouches for. `superiors` are those between it and the anchor, which is the last. `refreshed_at` is when
    the oldest superior statement was made: how fresh the trust is; `issued_at_by` says it of each, by issuer and
    subject. `marks` are the verified trust marks; `hints` are the superiors that it names itself. `may_vouch` says that
    it offers to vouch for others, and that no `max_path_length` above keeps it from it. `bounds` are those
    of the anchor, and the shortest where the chain leaves its configuration out.
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
    federation_entity: FederationEntity | None = None
    superiors: tuple[EntityId, ...] = ()
    marks: tuple[TrustMark, ...] = ()
    hints: tuple[EntityId, ...] = ()
    may_vouch: bool = False
    bounds: Bounds = PROFILE_BOUNDS
    issued_at_by: Mapping[tuple[EntityId, EntityId], datetime] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Top:
    """The anchor at the end; `configuration` is None where the chain leaves it out."""

    entity: EntityId
    keys: KeySet
    configuration: EntityConfiguration | None


def verify_chain(
    statements: Sequence[bytes],
    *,
    anchors: Mapping[EntityId, KeySet],
    now: datetime,
    keys_of: KeysOf | None = None,
) -> TrustedEntity:
    """Verify a chain by the module's numbered plan; raise nothing but TrustError.

    `keys_of` gives the keys of issuers of trust marks that are not in the chain themselves.
    """
    _check_size(statements)  # 1
    top, between = _open_top(statements, anchors=anchors, now=now)  # 2
    superiors = _descend(between, top, now=now)  # 3, 4
    with about_statement(f"Entity configuration of {superiors[0].subject}", section("3.2")):
        subject = parse_entity_configuration(statements[0], now=now)  # 5
    _check_link(subject, superiors[0])
    resolved = resolve_metadata(subject, superiors)  # 6
    ends = [vouched.expires_at for vouched in superiors]
    if top.configuration is not None:
        ends.append(top.configuration.expires_at)
    return TrustedEntity(
        entity_id=subject.entity_id,
        anchor=top.entity,
        federation_keys=superiors[0].keys,
        metadata=resolved.metadata,
        node=resolved.node,
        oauth_client_keys=resolved.oauth_client_keys,
        authorization_server=resolved.authorization_server,
        federation_entity=resolved.federation_entity,
        superiors=tuple(vouched.issuer for vouched in superiors),
        marks=_counting_marks(subject, superiors, top, keys_of=keys_of, now=now),  # 7
        hints=subject.authority_hints,
        may_vouch=_may_vouch(resolved.federation_entity, superiors),
        bounds=SHORTEST_BOUNDS if top.configuration is None else parse_bounds(top.configuration.metadata),  # 8
        refreshed_at=min(vouched.issued_at for vouched in superiors),
        issued_at_by={(vouched.issuer, vouched.subject): vouched.issued_at for vouched in superiors},
        expires_at=min(subject.expires_at, *ends),  # 8
    )


def verify_anchor(raw: bytes, *, anchors: Mapping[EntityId, KeySet], now: datetime) -> EntityConfiguration:
    """Open the entity configuration of one of our own anchors; raise NoChain when it is not one's, with a pinned key.

    Key ids are thumbprints, so the key that signed it is pinned exactly when its id is.
    """
    with about_statement("Entity configuration at the end of the chain", section("3.2")):
        anchor = parse_entity_configuration(raw, now=now)
    with about_statement(anchor.name, section("10.2")):
        pinned = _pinned(anchor.entity_id, anchors)
        if anchor.signed_with not in pinned.kids:
            raise NoChain(
                f"{anchor.entity_id} signed with a key that is not pinned here; compare its fingerprint with the "
                "anchor's administrators by another channel before pinning it."
            )
    with about_statement(anchor.name, BOUNDS):
        parse_bounds(anchor.metadata)  # one that cannot be read is refused here, with its place
    return anchor


def refuse_rollback(trusted: TrustedEntity, *, seen: Mapping[tuple[EntityId, EntityId], datetime]) -> None:
    """Refuse (RolledBack) a chain in which any superior's statement is older than one of its kind seen before (A28).

    `seen` is the highest `iat` accepted so far of each issuer's statements about each subject, from the store.
    """
    for (issuer, subject), issued_at in trusted.issued_at_by.items():
        newest = seen.get((issuer, subject))
        if newest is not None and issued_at < newest:
            with about_statement(f"Subordinate statement by {issuer} about {subject}", ROLLBACK):
                raise RolledBack("It is older than one already accepted; another party may be replaying it.")


def _check_size(statements: Sequence[bytes]) -> None:
    if not MIN_STATEMENTS <= len(statements) <= MAX_STATEMENTS:
        raise NoChain(
            f"A chain must be {MIN_STATEMENTS} to {MAX_STATEMENTS} statements: the entity's, those of its superiors, "
            f"and the anchor's own, with {MAX_INTERMEDIATES} intermediates at most ({section('4')})."
        )
    if sum(map(len, statements)) > MAX_CHAIN_BYTES:
        raise TooLarge(f"The chain has more than {MAX_CHAIN_BYTES} bytes.")


def _open_top(
    statements: Sequence[bytes], *, anchors: Mapping[EntityId, KeySet], now: datetime
) -> tuple[_Top, Sequence[bytes]]:
    """Return the anchor, and the subordinate statements below it, the direct superior's first."""
    last = statements[-1]
    with about_statement("Last statement of the chain", section("3.2")):
        unverified = jose.peek(last, typ=TYP, max_bytes=MAX_BYTES).claims
    named, about = unverified.get("iss"), unverified.get("sub")
    if named != about:
        with about_statement("Last statement of the chain", section("4")):
            pinned = _pinned(named, anchors)
        return _Top(entity=EntityId(str(named)), keys=pinned, configuration=None), statements[1:]
    anchor = verify_anchor(last, anchors=anchors, now=now)
    if len(statements) == MIN_STATEMENTS:
        raise NoChain(f"The chain has no statement by a superior in it ({section('4')}).")
    return _Top(entity=anchor.entity_id, keys=anchor.keys, configuration=anchor), statements[1:-1]


def _pinned(unverified_name: object, anchors: Mapping[EntityId, KeySet]) -> KeySet:
    pinned = anchors.get(EntityId(unverified_name)) if isinstance(unverified_name, str) else None
    if pinned is None:
        raise NoChain(f"{shown(unverified_name)} is not one of this node's trust anchors.")
    return pinned.require_use(KeyUse.FEDERATION)


def _descend(between: Sequence[bytes], top: _Top, *, now: datetime) -> list[SubordinateStatement]:
    """Return the subordinate statements, the direct superior's first, each vouched for by the one above."""
    superior, keys, met = top.entity, top.keys, {top.entity}
    found: list[SubordinateStatement] = []
    for raw in reversed(between):
        with about_statement(f"Subordinate statement by {superior}", section("3.2")):
            vouched = parse_subordinate_statement(raw, superior_keys=keys, now=now)  # 3
        with about_statement(vouched.name, section("4")):
            if vouched.issuer != superior:
                raise ChainRefused(f"It stands where a statement by {superior} should, which signed it.")
            if vouched.subject in met:  # 4
                raise ChainRefused(f"The chain is a loop: {vouched.subject} is in it twice.")
        met.add(vouched.subject)
        superior, keys = vouched.subject, vouched.keys
        found.insert(0, vouched)
    return found


def _check_link(subject: EntityConfiguration, vouched: SubordinateStatement) -> None:
    if subject.entity_id != vouched.subject:
        with about_statement(vouched.name, section("4")):
            raise ChainRefused("It is not about the entity at the start of the chain.")
    with about_statement(subject.name, section("10.2")):
        if subject.signed_with not in vouched.keys.kids:
            raise ChainRefused(
                f"It is signed with a key that the superior {vouched.issuer} does not vouch for; "
                "a rotated key must be given to the superior before it is used."
            )
    with about_statement(subject.name, section("3.2")):
        if vouched.issuer not in subject.authority_hints:
            raise ChainRefused(f"Its 'authority_hints' do not name {vouched.issuer}, the superior that vouches for it.")


def _may_vouch(member: FederationEntity | None, superiors: Sequence[SubordinateStatement]) -> bool:
    if member is None or member.fetch_endpoint is None:
        return False
    return all(
        vouched.constraints is None or vouched.constraints.get("max_path_length", MAX_STATEMENTS) > number
        for number, vouched in enumerate(superiors)
    )


def _counting_marks(
    subject: EntityConfiguration,
    superiors: Sequence[SubordinateStatement],
    top: _Top,
    *,
    keys_of: KeysOf | None,
    now: datetime,
) -> tuple[TrustMark, ...]:
    if top.configuration is None:
        return ()
    known = {top.entity: top.keys} | {vouched.subject: vouched.keys for vouched in superiors}

    def keys(issuer: EntityId) -> KeySet | None:
        return known.get(issuer) or (keys_of(issuer) if keys_of else None)

    counting: dict[tuple[str, EntityId], TrustMark] = {}
    for shown_mark in subject.trust_marks:
        try:
            mark = verify_trust_mark(
                shown_mark.raw,
                subject=subject.entity_id,
                issuers=top.configuration.trust_mark_issuers,
                owners=top.configuration.trust_mark_owners,
                keys_of=keys,
                now=now,
            )
        except TrustError:
            continue
        newest = counting.get((mark.mark_type, mark.issuer))
        if newest is None or mark.issued_at > newest.issued_at:
            counting[mark.mark_type, mark.issuer] = mark
    return tuple(counting.values())
