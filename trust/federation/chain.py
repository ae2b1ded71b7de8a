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

`open_chain` verifies the signatures once (1 to 5). `resolve_chain` checks the keys, the links and the times each time
that a chain is used, and the rest (6 to 8). Each refusal names the statement and the rule. Not checked here: whether a
newer statement was already seen (`refuse_rollback` does, given what the store remembers), how old the statements are
(`refreshed_at`), suspensions, and whether a mark was revoked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from trust.federation.party_metadata import (
    FEDERATION_ENTITY,
    AuthorizationServer,
    FederationEntity,
    parse_federation_entity,
)
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
class TrustChain:
    """Statements whose signatures were verified: of the subject, of its superiors upwards, of the anchor.

    `anchor` is None where the chain leaves its configuration out. A chain is not trusted by itself: keys, times and
    links are checked by `resolve_chain`, each time that it is used.
    """

    subject: EntityConfiguration
    superiors: tuple[SubordinateStatement, ...]
    anchor: EntityConfiguration | None

    @property
    def statements(self) -> tuple[bytes, ...]:
        """The statements as received, the subject's first."""
        return tuple(each.raw for each in self)

    def __iter__(self) -> Iterator[EntityConfiguration | SubordinateStatement]:
        """Iterate over the statements, the subject's first."""
        yield self.subject
        yield from self.superiors
        if self.anchor is not None:
            yield self.anchor


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """An entity, and the chain that it was resolved from."""

    entity: TrustedEntity
    chain: TrustChain

    @property
    def path(self) -> tuple[EntityId, ...]:
        """The entity and those above it, up to the anchor."""
        return (self.entity.entity_id, *self.entity.superiors)

    @property
    def statements(self) -> tuple[bytes, ...]:
        """The statements of the chain as received, the entity's first."""
        return self.chain.statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Superior:
    """An entity with a verified chain, as the superior of others.

    `metadata` is that of its type `federation_entity`. `superiors` and `anchor` are what follows a statement by it in a
    chain.
    """

    entity: EntityId
    keys: KeySet
    metadata: JsonObject = field(repr=False)
    superiors: tuple[SubordinateStatement, ...] = field(default=(), repr=False)
    anchor: EntityConfiguration | None = field(repr=False)

    @classmethod
    def from_anchor(cls, anchor: EntityConfiguration) -> "Superior":
        """Return an anchor as the superior of others."""
        metadata = anchor.metadata.get(FEDERATION_ENTITY, {})
        return cls(entity=anchor.entity_id, keys=anchor.keys, metadata=metadata, anchor=anchor)

    @classmethod
    def from_resolution(cls, resolution: Resolution) -> "Superior":
        """Return a resolved entity as the superior of others."""
        entity, chain = resolution.entity, resolution.chain
        return cls(
            entity=entity.entity_id,
            keys=entity.federation_keys,
            metadata=entity.metadata.get(FEDERATION_ENTITY, {}),
            superiors=chain.superiors,
            anchor=chain.anchor,
        )

    @property
    def above(self) -> tuple[EntityId, ...]:
        """Those above it, up to the anchor."""
        return tuple(statement.issuer for statement in self.superiors)

    def fetch_endpoint(self) -> str:
        """Return where it is asked about a subject; raise ChainRefused where it names no such place."""
        with about_statement(f"Entity configuration of {self.entity}", section("5.1.1")):
            endpoint = parse_federation_entity(self.metadata, entity=self.entity).fetch_endpoint
            if endpoint is None:
                raise ChainRefused("It names no 'federation_fetch_endpoint' to ask for those below it.")
        return endpoint

    def open_statement(
        self, statement: bytes | SubordinateStatement, *, about: EntityId, now: datetime
    ) -> SubordinateStatement:
        """Return what it states about an entity, verified; a verified statement is compared with its keys only."""
        with about_statement(f"Subordinate statement by {self.entity} about {about}", section("3.2")):
            if isinstance(statement, SubordinateStatement):
                statement.refuse_unless_signed_by(self.keys)
                statement.refuse_expired(now)
            else:
                statement = parse_subordinate_statement(statement, superior_keys=self.keys, now=now)
        with about_statement(statement.name, section("8.1")):
            if (statement.issuer, statement.subject) != (self.entity, about):
                raise ChainRefused(f"{self.entity} answered with it when it was asked about {about}.")
        return statement

    def chain_of(self, subject: EntityConfiguration, about: SubordinateStatement) -> TrustChain:
        """Return the chain of an entity that it states something about."""
        return TrustChain(subject=subject, superiors=(about, *self.superiors), anchor=self.anchor)


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
    return resolve_chain(open_chain(statements, anchors=anchors, now=now), anchors=anchors, now=now, keys_of=keys_of)


def open_chain(statements: Sequence[bytes], *, anchors: Mapping[EntityId, KeySet], now: datetime) -> TrustChain:
    """Verify the statements of a chain one by one, from the trusted end (1 to 5); raise nothing but TrustError."""
    _check_size(statements)  # 1
    descent, anchor = _open_top(statements, anchors=anchors, now=now)  # 2
    superiors: list[SubordinateStatement] = []
    for raw in reversed(statements[1:] if anchor is None else statements[1:-1]):
        with about_statement(f"Subordinate statement by {descent.superior}", section("3.2")):
            about = parse_subordinate_statement(raw, superior_keys=descent.keys, now=now)  # 3
        descent.follow(about)
        superiors.insert(0, about)
    with about_statement(f"Entity configuration of {superiors[0].subject}", section("3.2")):
        subject = parse_entity_configuration(statements[0], now=now)  # 5
    return TrustChain(subject=subject, superiors=tuple(superiors), anchor=anchor)


def resolve_chain(
    chain: TrustChain,
    *,
    anchors: Mapping[EntityId, KeySet],
    now: datetime,
    keys_of: KeysOf | None = None,
    earlier: Resolution | None = None,
) -> TrustedEntity:
    """Check the links of a chain against the anchors' present keys and the time, and resolve the entity (1 to 8).

    No signature of a statement is verified again: each names the key that it was verified with. `earlier` is a
    resolution of the same entity under the same configuration of the anchor, whose trust marks are not verified again.
    Raise nothing but TrustError.
    """
    superiors, anchor = chain.superiors, chain.anchor
    _check_size(chain.statements)  # 1
    descent = _descent(chain, anchors)  # 2
    for about in reversed(superiors):
        with about_statement(about.name, section("3.2")):
            about.refuse_unless_signed_by(descent.keys)  # 3
        descent.follow(about)
    _check_link(chain.subject, superiors[0])  # 5
    for statement in chain:
        with about_statement(statement.name, section("3.2")):
            statement.refuse_expired(now)
    resolved = resolve_metadata(chain.subject, superiors)  # 6
    return TrustedEntity(
        entity_id=chain.subject.entity_id,
        anchor=superiors[-1].issuer,
        federation_keys=superiors[0].keys,
        metadata=resolved.metadata,
        node=resolved.node,
        oauth_client_keys=resolved.oauth_client_keys,
        authorization_server=resolved.authorization_server,
        federation_entity=resolved.federation_entity,
        superiors=tuple(about.issuer for about in superiors),
        marks=_counting_marks(chain, _mark_keys(chain, descent.anchor_keys, keys_of), earlier=earlier, now=now),  # 7
        hints=chain.subject.authority_hints,
        may_vouch=_may_vouch(resolved.federation_entity, superiors),
        bounds=SHORTEST_BOUNDS if anchor is None else parse_bounds(anchor.metadata),  # 8
        refreshed_at=min(about.issued_at for about in superiors),
        issued_at_by={(about.issuer, about.subject): about.issued_at for about in superiors},
        expires_at=min(statement.expires_at for statement in chain),  # 8
    )


def verify_anchor(raw: bytes, *, anchors: Mapping[EntityId, KeySet], now: datetime) -> EntityConfiguration:
    """Open the entity configuration of one of our own anchors, signed with a pinned key; else raise NoChain."""
    with about_statement("Entity configuration at the end of the chain", section("3.2")):
        anchor = parse_entity_configuration(raw, now=now)
    check_anchor(anchor, anchors=anchors)
    return anchor


def check_anchor(anchor: EntityConfiguration, *, anchors: Mapping[EntityId, KeySet]) -> None:
    """Raise NoChain unless a pinned anchor signed its configuration with a pinned key.

    Key ids are thumbprints, so the key that signed it is pinned exactly when its id is.
    """
    with about_statement(anchor.name, section("10.2")):
        pinned = _pinned(anchor.entity_id, anchors)
        if anchor.signed_with not in pinned.kids:
            raise NoChain(
                f"{anchor.entity_id} signed with a key that is not pinned here; compare its fingerprint with the "
                "anchor's administrators by another channel before pinning it."
            )
    with about_statement(anchor.name, BOUNDS):
        parse_bounds(anchor.metadata)  # one that cannot be read is refused here, with its place


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


@dataclass(slots=True)
class _Descent:
    """The way down from the anchor: whose statement comes next, and the keys that may have signed it (3, 4)."""

    superior: EntityId
    keys: KeySet
    anchor_keys: KeySet
    met: set[EntityId]

    @classmethod
    def begin(cls, anchor: EntityId, keys: KeySet) -> "_Descent":
        return cls(superior=anchor, keys=keys, anchor_keys=keys, met={anchor})

    def follow(self, about: SubordinateStatement) -> None:
        with about_statement(about.name, section("4")):
            if about.issuer != self.superior:
                raise ChainRefused(f"It stands where a statement by {self.superior} should, which signed it.")
            if about.subject in self.met:  # 4
                raise ChainRefused(f"The chain is a loop: {about.subject} is in it twice.")
        self.met.add(about.subject)
        self.superior, self.keys = about.subject, about.keys


def _open_top(
    statements: Sequence[bytes], *, anchors: Mapping[EntityId, KeySet], now: datetime
) -> tuple[_Descent, EntityConfiguration | None]:
    """Return the way down from the pinned anchor, and its configuration unless the chain leaves it out."""
    last = statements[-1]
    with about_statement("Last statement of the chain", section("3.2")):
        unverified = jose.peek(last, typ=TYP, max_bytes=MAX_BYTES).claims
    named, about = unverified.get("iss"), unverified.get("sub")
    if named != about:
        with about_statement("Last statement of the chain", section("4")):
            pinned = _pinned(named, anchors)
        return _Descent.begin(EntityId(str(named)), pinned), None
    anchor = verify_anchor(last, anchors=anchors, now=now)
    if len(statements) == MIN_STATEMENTS:
        raise NoChain(f"The chain has no statement by a superior in it ({section('4')}).")
    return _Descent.begin(anchor.entity_id, anchor.keys), anchor


def _descent(chain: TrustChain, anchors: Mapping[EntityId, KeySet]) -> _Descent:
    if chain.anchor is not None:
        check_anchor(chain.anchor, anchors=anchors)
        return _Descent.begin(chain.anchor.entity_id, chain.anchor.keys)
    issuer = chain.superiors[-1].issuer
    with about_statement("Last statement of the chain", section("4")):
        return _Descent.begin(issuer, _pinned(issuer, anchors))


def _pinned(unverified_name: object, anchors: Mapping[EntityId, KeySet]) -> KeySet:
    pinned = anchors.get(EntityId(unverified_name)) if isinstance(unverified_name, str) else None
    if pinned is None:
        raise NoChain(f"{shown(unverified_name)} is not one of this node's trust anchors.")
    return pinned.require_use(KeyUse.FEDERATION)


def _check_link(subject: EntityConfiguration, about: SubordinateStatement) -> None:
    if subject.entity_id != about.subject:
        with about_statement(about.name, section("4")):
            raise ChainRefused("It is not about the entity at the start of the chain.")
    with about_statement(subject.name, section("10.2")):
        if subject.signed_with not in about.keys.kids:
            raise ChainRefused(
                f"It is signed with a key that the superior {about.issuer} does not vouch for; "
                "a rotated key must be given to the superior before it is used."
            )
    with about_statement(subject.name, section("3.2")):
        if about.issuer not in subject.authority_hints:
            raise ChainRefused(f"Its 'authority_hints' do not name {about.issuer}, the superior that vouches for it.")


def _may_vouch(member: FederationEntity | None, superiors: Sequence[SubordinateStatement]) -> bool:
    if member is None or member.fetch_endpoint is None:
        return False
    return all(
        statement.constraints is None or statement.constraints.get("max_path_length", MAX_STATEMENTS) > number
        for number, statement in enumerate(superiors)
    )


def _mark_keys(chain: TrustChain, anchor_keys: KeySet, keys_of: KeysOf | None) -> KeysOf:
    in_chain = {chain.superiors[-1].issuer: anchor_keys} | {about.subject: about.keys for about in chain.superiors}
    return lambda issuer: in_chain.get(issuer) or (keys_of(issuer) if keys_of else None)


def _counting_marks(
    chain: TrustChain, keys_of: KeysOf, *, earlier: Resolution | None, now: datetime
) -> tuple[TrustMark, ...]:
    if chain.anchor is None:
        return ()
    verified: dict[bytes, TrustMark] = {}
    if earlier is not None and earlier.chain.anchor == chain.anchor:
        verified = {mark.raw: mark for mark in earlier.entity.marks if mark.subject == chain.subject.entity_id}
    counting: dict[tuple[str, EntityId], TrustMark] = {}
    for stated_mark in chain.subject.trust_marks:
        mark = verified.get(stated_mark.raw)
        if mark is None or not mark.is_valid(issuer_keys=keys_of(mark.issuer), now=now):
            try:
                mark = verify_trust_mark(
                    stated_mark.raw,
                    subject=chain.subject.entity_id,
                    issuers=chain.anchor.trust_mark_issuers,
                    owners=chain.anchor.trust_mark_owners,
                    keys_of=keys_of,
                    now=now,
                )
            except TrustError:
                continue
        newest = counting.get((mark.mark_type, mark.issuer))
        if newest is None or mark.issued_at > newest.issued_at:
            counting[mark.mark_type, mark.issuer] = mark
    return tuple(counting.values())
